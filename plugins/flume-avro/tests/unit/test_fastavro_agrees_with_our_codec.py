"""fastavro, which knows nothing of Flume, reads what we write and writes what we read."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core import Event, EventBatch
from flume_core.avro_event import decode_batch, decode_event, encode_batch, encode_event

SCHEMA: Any = fastavro.parse_schema(
    json.loads(
        (Path(__file__).parents[1] / "vectors" / "avro_flume_event.json").read_text("utf-8")
    )["schema"]
)
ARRAY: Any = fastavro.parse_schema({"type": "array", "items": SCHEMA})

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
EVENTS = st.builds(
    Event, st.binary(max_size=300), st.dictionaries(TEXT, TEXT, max_size=4) | st.just({"k": "v"})
)


def record(event: Event) -> dict[str, object]:
    return {"headers": dict(event.headers), "body": event.body}


def written(schema: Any, value: object) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


@given(EVENTS)
def test_one_event(event: Event) -> None:
    data = written(SCHEMA, record(event))

    assert encode_event(event) == data
    assert decode_event(data) == event
    assert fastavro.schemaless_reader(io.BytesIO(encode_event(event)), SCHEMA, None) == record(
        event
    )


@given(st.lists(EVENTS, max_size=20))
def test_an_array_of_events(events: Sequence[Event]) -> None:
    batch = EventBatch.from_events(events)
    records = [record(event) for event in events]
    data = written(ARRAY, records)

    assert fastavro.schemaless_reader(io.BytesIO(encode_batch(batch)), ARRAY, None) == records
    again, end = decode_batch(data)
    assert list(again) == list(events)
    assert end == len(data)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 8191, 8192, 1 << 20, 1 << 21])
def test_lengths_of_every_width(size: int) -> None:
    events = [Event(b"x" * size, {"k": "v" * size}), Event(b"y" * size, {})] * 2

    data = written(ARRAY, [record(event) for event in events])

    assert list(decode_batch(data)[0]) == events
    assert encode_batch(EventBatch.from_events(events)) == data
