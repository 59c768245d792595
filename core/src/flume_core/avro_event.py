"""Flume's binary event: the Avro record ``AvroFlumeEvent``, alone and in arrays, without a schema library.

The record is ``headers``, a map of strings, then ``body``, bytes. Avro RPC sends it in arrays, Kafka
carries it as the value of a message. Header text that is not UTF-8 goes through surrogateescape, as
everywhere in Flume for Python; where the map of an event names a key twice, the last one wins.

Work is done per batch: headers that all events share are encoded once, and an event whose header bytes
are those of the one before costs a comparison. Every form that Avro allows is read (blocks with a byte
size, several blocks, lengths written longer than need be); what is written is one block, as Java does.

Bytes that are no such record raise `MalformedEvent`, a `PermanentError`, and nothing else. Counts and
lengths are compared with the bytes that are there before anything is allocated for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from flume_core._avro_array import ArrayReader
from flume_core._avro_values import (
    MalformedEvent,
    as_bytes,
    encode_long,
    read_block,
    read_bytes,
    read_long,
    read_map,
    write_text,
)
from flume_core.batch import Buffer, Column, EventBatch
from flume_core.event import NO_HEADERS, Event

__all__ = [
    "EventReader",
    "MalformedEvent",
    "decode_batch",
    "decode_event",
    "encode_batch",
    "encode_event",
    "encode_long",
    "read_event",
    "read_long",
]


def encode_event(event: Event) -> bytes:
    """Return one event as a bare datum."""
    body = event.body
    return b"".join((_map(event.headers), encode_long(len(body)), body))


def encode_batch(batch: EventBatch) -> bytes:
    """Return the events of a batch as one Avro array; the empty batch is a single zero byte."""
    count = len(batch)
    if not count:
        return b"\0"
    bodies = batch.bodies()
    sizes = list(map(len, bodies))
    if batch.columns:
        maps = _maps(batch.headers, batch.columns)
        tails = {size: encode_long(size) for size in set(sizes)}
        parts = [b""] * (3 * count)
        parts[::3], parts[1::3], parts[2::3] = maps, map(tails.__getitem__, sizes), bodies
        return b"".join((encode_long(count), *parts, b"\0"))
    shared = _map(batch.headers)
    heads = {size: shared + encode_long(size) for size in set(sizes)}
    if len(heads) == 1:
        (head,) = heads.values()
        return b"".join((encode_long(count), head, head.join(bodies), b"\0"))
    parts = [b""] * (2 * count)
    parts[::2], parts[1::2] = map(heads.__getitem__, sizes), bodies
    return b"".join((encode_long(count), *parts, b"\0"))


def _map(headers: Mapping[str, str]) -> bytes:
    if not headers:
        return b"\0"
    parts = [encode_long(len(headers))]
    for key, value in headers.items():
        parts += (write_text(key), write_text(value))
    parts.append(b"\0")
    return b"".join(parts)


def _maps(shared: Mapping[str, str], columns: Mapping[str, Column]) -> list[bytes]:
    """Return the map of each event; what is shared, and each value of a column, is encoded once."""
    common = b"".join([write_text(key) + write_text(value) for key, value in shared.items()])
    entries = [_entries(key, column) for key, column in columns.items()]
    always = len(shared)
    starts = [encode_long(always + n) + common for n in range(len(columns) + 1)]
    if any(None in column for column in columns.values()):
        # A column's entry is empty where the event lacks the key: the others are counted.
        rows = list(zip(*entries, strict=True))
        maps = [starts[len(row) - row.count(b"")] + b"".join(row) for row in rows]
        return [one + b"\0" if one != b"\0" else one for one in maps]
    start = starts[-1]
    return [b"".join((start, *row, b"\0")) for row in zip(*entries, strict=True)]


def _entries(key: str, column: Column) -> Iterable[bytes]:
    name = write_text(key)
    made = {value: b"" if value is None else name + write_text(value) for value in set(column)}
    return map(made.__getitem__, column)


def decode_event(data: Buffer) -> Event:
    """Return the event that ``data`` holds, from its first byte to its last.

    Raises `MalformedEvent`, also for bytes behind the event.
    """
    event, end = read_event(data)
    if end != len(data):
        raise MalformedEvent(f"{len(data) - end} bytes follow the event")
    return event


def read_event(data: Buffer, offset: int = 0) -> tuple[Event, int]:
    """Return the event at ``offset``, and the offset behind it; raises `MalformedEvent`."""
    return EventReader().read(data, offset)


class EventReader:
    """Reads events one at a time, and remembers the headers of the last one. For use by one thread."""

    def __init__(self) -> None:
        self._head = b""
        self._headers: Mapping[str, str] = NO_HEADERS

    def read(self, data: Buffer, offset: int = 0) -> tuple[Event, int]:
        """Return the event at ``offset``, and the offset behind it; raises `MalformedEvent`."""
        raw = as_bytes(data)
        if self._head and raw.startswith(self._head, offset):
            position = offset + len(self._head)
        else:
            headers, position = read_map(raw, offset)
            self._headers = MappingProxyType(headers) if headers else NO_HEADERS
            self._head = raw[offset:position]
        body, position = read_bytes(raw, position, "a body")
        return Event(body, self._headers), position


def decode_batch(data: Buffer, offset: int = 0) -> tuple[EventBatch, int]:
    """Return the events of the Avro array at ``offset``, and the offset behind it.

    Raises `MalformedEvent`. Bodies are copied: ``data`` may be changed afterwards.
    """
    raw = as_bytes(data)
    reader = ArrayReader(raw)
    while True:
        count, offset = read_block(raw, offset, "an array")
        if not count:
            return reader.batch(), offset
        offset = reader.read(count, offset)
