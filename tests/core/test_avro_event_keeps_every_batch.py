"""Whatever a batch holds comes back, and headers are encoded and decoded once where they are equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    read_event,
    read_long,
)
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.event import Event, decode_header

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.binary(max_size=5).map(
    decode_header
)
HEADERS = st.dictionaries(TEXT, TEXT, max_size=4)
BODIES = st.binary(max_size=20) | st.binary(min_size=60, max_size=70) | st.just(b"y" * 9000)
EVENTS = st.builds(Event, BODIES, HEADERS)
# Runs of events that share headers or sizes, as real batches have them.
RUNS = st.lists(st.tuples(EVENTS, st.integers(1, 40)), max_size=5).map(
    lambda runs: [event for event, times in runs for _ in range(times)]
)


@given(st.lists(EVENTS, max_size=12) | RUNS)
def test_a_batch_comes_back_as_it_was(events: Sequence[Event]) -> None:
    batch = EventBatch.from_events(events)
    data = encode_batch(batch)

    again, end = decode_batch(data)

    assert list(again) == list(events)
    assert end == len(data)


@given(st.lists(EVENTS, min_size=1, max_size=12) | RUNS)
def test_an_array_holds_the_datums_of_its_events(events: Sequence[Event]) -> None:
    batch = EventBatch.from_events(events)

    decoded, _ = decode_batch(encode_batch(batch))

    # The order of an event's headers is free: they are compared as decoded.
    assert [decode_event(encode_event(event)) for event in events] == list(decoded)


# The same names again and again, in this order or that, with some values that stay.
ALIKE = st.lists(
    st.builds(
        Event,
        st.sampled_from([b"", b"\0", b"body"]),
        st.one_of(
            st.tuples(TEXT, st.sampled_from(["", "v" * 63, "v" * 64])).map(
                lambda v: {"host": "web01", "n": v[0], "long": v[1]}
            ),
            TEXT.map(lambda n: {"n": n, "host": "web01"}),
            st.sampled_from([{}, {"": ""}, {"n": "1"}]),
        ),
    ),
    max_size=12,
)


@given(ALIKE, st.data())
def test_headers_with_the_same_names_come_back_also_from_damaged_bytes(
    events: Sequence[Event], data: st.DataObject
) -> None:
    datums = [encode_event(event) for event in events]
    array = encode_long(len(events)) + b"".join(datums) + b"\0"
    assert list(decode_batch(array)[0]) == list(events)

    # What is damaged is read as one event at a time is read, or refused as that is.
    damaged = bytearray(array)
    at = data.draw(st.integers(0, len(array) - 1))
    damaged[at] = data.draw(st.integers(0, 255))
    assert outcome(decode_batch, bytes(damaged)) == outcome(one_by_one, bytes(damaged))


def one_by_one(array: bytes) -> tuple[list[Event], int]:
    events: list[Event] = []
    position = 0
    while True:
        count, position = read_long(array, position)
        if count < 0:
            count = -count
            _, position = read_long(array, position)
        if not count:
            return events, position
        if 2 * count > len(array):
            raise MalformedEvent("too many")
        for _ in range(count):
            event, position = read_event(array, position)
            events.append(event)


def outcome(read: Callable[[bytes], tuple[Sequence[Event], int]], array: bytes) -> object:
    try:
        events, end = read(array)
    except MalformedEvent:
        return MalformedEvent
    return list(events), end


def test_headers_that_all_events_have_stay_shared() -> None:
    batch = EventBatch.from_bodies([b"one", b"three", b"", b"4"], {"host": "web01", "dc": "eu"})

    again, _ = decode_batch(encode_batch(batch))

    assert again.headers == {"host": "web01", "dc": "eu"}
    assert not again.columns


def test_headers_that_vary_become_columns() -> None:
    numbers = ["0", None, "2", "2"]
    batch = EventBatch.from_bodies([b"a", b"b", b"c", b"d"], {"host": "web01"}, {"n": numbers})

    again, _ = decode_batch(encode_batch(batch))

    assert again.headers == {"host": "web01"}
    assert again.header("n") == numbers


def test_a_long_run_of_equal_sizes_ends_where_the_headers_change() -> None:
    first = EventBatch.from_bodies([b"%05d" % n for n in range(3000)], {"k": "a"})
    second = EventBatch.from_bodies([b"%05d" % n for n in range(3000)], {"k": "b"})
    batch = EventBatch.concat([first, second, first])

    assert decode_batch(encode_batch(batch))[0] == batch


def test_the_empty_batch_is_one_zero() -> None:
    assert encode_batch(EMPTY_BATCH) == b"\0"
    assert decode_batch(b"\0") == (EMPTY_BATCH, 1)


def test_header_bytes_that_are_not_utf_8_come_back_unchanged() -> None:
    data = bytes.fromhex("02 04ff00 040080 00 060a0a0a")
    event = decode_event(data)

    assert event.headers == {"\udcff\0": "\0\udc80"}
    assert encode_event(event) == data


def test_a_header_named_twice_has_its_last_value() -> None:
    data = b"\x04" + b"\x02k\x02a" + b"\x02k\x02b" + b"\0" + b"\x02x"

    assert decode_event(data) == Event(b"x", {"k": "b"})


def test_numbers_written_longer_than_need_be_are_read() -> None:
    # Counts of one and lengths of one, each in three bytes.
    one = b"\x82\x80\x00"
    data = one + one + b"k" + one + b"v" + b"\x80\x00" + one + b"x"

    assert decode_event(data) == Event(b"x", {"k": "v"})
    batch, end = decode_batch(one + data + b"\x80\x00")
    assert list(batch) == [Event(b"x", {"k": "v"})]
    assert end == len(data) + 5


@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_bodies_are_copied_out_of_a_buffer(kind: type[bytes] | type[memoryview]) -> None:
    data = encode_batch(EventBatch.from_bodies([b"one", b"two"], {"k": "v"}))
    changing = bytearray(data)

    batch, _ = decode_batch(memoryview(changing) if kind is memoryview else data)
    changing[:] = bytes(len(changing))

    assert batch.bodies() == [b"one", b"two"]
