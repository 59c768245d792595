"""Bytes that are no event raise one error, whatever they are, and cost no more memory than they have."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.avro_event import (
    MalformedEvent,
    decode_batch,
    decode_event,
    encode_batch,
    encode_event,
    encode_long,
    read_long,
)
from flume_core.batch import EventBatch
from flume_core.errors import PermanentError
from flume_core.event import Event

EVENT = encode_event(Event(b"hello" * 30, {"host": "web01", "dc": "eu"}))
BATCH = encode_batch(
    EventBatch.from_bodies(
        [b"x" * 70] * 20 + [b"y"] * 3, {"host": "web01"}, {"n": list("abc") + [None] * 20}
    )
)
HUGE = (2**31, 2**40, 2**62, 2**63 - 1)


@pytest.mark.parametrize("length", range(len(EVENT)))
def test_an_event_that_ends_early_is_truncated(length: int) -> None:
    with pytest.raises(MalformedEvent) as caught:
        decode_event(EVENT[:length])
    assert caught.value.truncated


def test_an_array_that_ends_early_is_truncated() -> None:
    for length in range(len(BATCH)):
        with pytest.raises(MalformedEvent) as caught:
            decode_batch(BATCH[:length])
        assert caught.value.truncated, length


@pytest.mark.parametrize("count", HUGE)
@pytest.mark.parametrize("what", ["map", "array", "body", "name", "blocks"])
def test_a_count_or_length_beyond_the_bytes_allocates_nothing(what: str, count: int) -> None:
    long = encode_long(count)
    data = {
        "map": b"\x02" + long,
        "array": long,
        "body": b"\x02\x00" + long,
        "name": b"\x02\x02" + long,
        "blocks": encode_long(-count) + long,
    }[what] + b"\0" * 100
    tracemalloc.start()
    try:
        with pytest.raises(MalformedEvent):
            decode_batch(data)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100_000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\x01", "length of a body at byte 1 is negative: -1"),
        (b"\x00\x81\x01", "length of a body at byte 1 is negative: -65"),
        (b"\x00" + b"\x81\x80\x01", "length of a body at byte 1 is negative"),
        (b"\x02\x01\x02v\x00\x00", "length of a header's name at byte 1 is negative"),
        (b"\xff" * 11, "number at byte 0 has more than 64 bits"),
        (b"\x00" + b"\xff" * 9 + b"\x7f", "number at byte 1 has more than 64 bits"),
        (b"\x00\x00more", "4 bytes follow the event"),
    ],
)
def test_the_message_says_what_is_wrong_and_where(data: bytes, says: str) -> None:
    with pytest.raises(PermanentError, match=says):
        decode_event(data)


@pytest.mark.parametrize(
    "value", [0, 1, -1, 63, 64, -64, -65, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
)
def test_numbers_of_64_bits_come_back(value: int) -> None:
    assert read_long(b"?" + encode_long(value), 1) == (value, 1 + len(encode_long(value)))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_batch_or_the_one_error(data: bytes) -> None:
    with suppress(MalformedEvent):
        batch, end = decode_batch(data)
        assert 0 < end <= len(data)
        assert list(decode_batch(encode_batch(batch))[0]) == list(batch)


@given(st.data())
def test_changed_bytes_give_a_batch_or_the_one_error(data: st.DataObject) -> None:
    changed = bytearray(BATCH)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MalformedEvent):
        list(decode_batch(bytes(changed))[0])
