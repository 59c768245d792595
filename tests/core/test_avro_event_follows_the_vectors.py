"""The recorded events of Apache Flume, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flume_core.avro_event import decode_batch, decode_event, encode_batch, encode_event
from flume_core.batch import EventBatch
from flume_core.event import Event

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "avro_flume_event.json").read_text(encoding="utf-8")
)
DATUMS = VECTORS["datums"]


def event_of(vector: dict[str, Any]) -> Event:
    return Event(bytes.fromhex(vector["body_hex"]), vector["headers"])


@pytest.mark.parametrize("vector", DATUMS)
def test_an_event_becomes_the_bytes_that_java_writes(vector: dict[str, Any]) -> None:
    assert encode_event(event_of(vector)).hex() == vector["hex"]


@pytest.mark.parametrize("vector", [*DATUMS, *VECTORS["must_also_decode"]])
def test_the_bytes_that_java_writes_become_the_event(vector: dict[str, Any]) -> None:
    assert decode_event(bytes.fromhex(vector["hex"])) == event_of(vector)


def test_an_array_is_its_events_between_a_count_and_a_zero() -> None:
    batch = EventBatch.from_events(event_of(vector) for vector in DATUMS)
    array = bytes([2 * len(DATUMS)]) + bytes.fromhex("".join(v["hex"] for v in DATUMS)) + b"\0"

    assert encode_batch(batch) == array
    assert decode_batch(array) == (batch, len(array))


def test_an_array_in_several_blocks_with_byte_sizes_is_read() -> None:
    vectors = [*DATUMS, *VECTORS["must_also_decode"]]
    first, *others = (bytes.fromhex(vector["hex"]) for vector in vectors)
    # One event in a block with a positive count, the others behind a count of -3 and a size.
    rest = b"".join(others)
    array = b"\x02" + first + b"\x05" + bytes([2 * len(rest)]) + rest + b"\0"

    batch, end = decode_batch(b"??" + array + b"more", 2)

    assert list(batch) == [event_of(vector) for vector in vectors]
    assert end == 2 + len(array)
