"""An array of events, read with one comparison for headers that were read before."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

from flume_core._avro_values import (
    encode_long,
    read_bytes,
    read_map,
    read_twice,
    write_text,
)
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.event import Event, decode_header

_FIRST_RUN, _LONGEST_RUN = 16, 1024


class _Pattern:
    """A map by whose names, in their order, others like it are read faster."""

    __slots__ = ("_entries", "_headers", "_start")

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self._start = encode_long(len(headers))
        self._entries = [
            (name, write_text(name), write_text(value)) for name, value in headers.items()
        ]

    def read(self, raw: bytes, position: int) -> tuple[dict[str, str], int] | None:
        """Return the map at ``position`` and the offset behind it, or None if it is of another kind.

        Names are compared with their lengths in front, so that a match is exact; what is written in an
        unusual way, or cut off, does not match.
        """
        same, last = raw.startswith, len(raw)
        if not same(self._start, position):
            return None
        position += len(self._start)
        headers = self._headers.copy()
        for name, key, value in self._entries:
            if not same(key, position):
                return None
            position += len(key)
            if same(value, position):
                position += len(value)
                continue
            if position >= last or raw[position] & 129:  # a length of one byte, not negative
                return None
            begin = position + 1
            position = begin + (raw[position] >> 1)
            if position >= last:
                return None
            headers[name] = decode_header(raw[begin:position])
        return (headers, position + 1) if same(b"\0", position) else None


class ArrayReader:
    """Reads the events of one array, block by block."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._bodies: list[bytes] = []
        self._names: dict[bytes, str] = {}
        self._head = b""
        """The bytes of the last map read; empty before the first."""
        self._pattern: _Pattern | None = None
        self._runs: list[tuple[int, dict[str, str]]] = []
        """Where events with other headers begin."""

    def read(self, count: int, position: int) -> int:
        """Read that many events, and return the offset behind them."""
        raw, bodies, head = self._raw, self._bodies, self._head
        keep, same, width = bodies.append, raw.startswith, len(head)
        last = len(raw)
        until = len(bodies) + count
        previous, run = -1, _FIRST_RUN
        while len(bodies) < until:
            if head and same(head, position):
                start = position + width
            else:
                start = self._other_headers(position)
                head, previous = self._head, -1
                width = len(head)
            # Inlined: a length of one or two bytes, twice its value as every Avro number.
            twice = raw[start] if start < last else 128
            behind = start + 1
            if twice >= 128:
                second = raw[behind] if behind < last else 128
                behind += 1
                if second < 128:
                    twice += (second << 7) - 128
                else:
                    twice, behind = read_twice(raw, start)
            end = behind + (twice >> 1)
            if twice & 1 or end > last:
                read_bytes(raw, start, "a body")  # raises what is wrong with it
            size = twice >> 1
            keep(raw[behind:end])
            if size == previous:
                taken = self._same_size(position, behind - position, size, until, run)
                run = min(2 * run, _LONGEST_RUN) if taken == run else _FIRST_RUN
                end += taken * (end - position)
                size = -1 if not taken else size
            previous, position = size, end
        return position

    def _same_size(self, position: int, width: int, size: int, until: int, most: int) -> int:
        """Add the events that follow the one at ``position``, as long as only their bodies differ.

        At most ``most`` are looked at; returns how many were added.
        """
        raw, stride = self._raw, width + size
        begin = position + stride
        count = min(most, until - len(self._bodies), (len(raw) - begin) // stride)
        if count < 4:
            return 0
        part = memoryview(raw)[begin : begin + count * stride]
        bodies = [body for (body,) in struct.iter_unpack(f"{width}x{size}s", part)]
        head = raw[position : position + width]
        # Putting together what the bytes should be, and comparing once, beats a look at each head.
        if not raw.startswith(head.join((b"", *bodies)), begin):
            heads = range(begin, begin + count * stride, stride)
            count = next(n for n, at in enumerate(heads) if not raw.startswith(head, at))
            del bodies[count:]
        self._bodies += bodies
        return count

    def _other_headers(self, position: int) -> int:
        pattern = self._pattern
        found = pattern.read(self._raw, position) if pattern else None
        if found is None:
            found = read_map(self._raw, position, self._names)
            self._pattern = _Pattern(found[0]) if found[0] else None
        headers, end = found
        self._head = self._raw[position:end]
        self._runs.append((len(self._bodies), headers))
        return end

    def batch(self) -> EventBatch:
        bodies, runs = self._bodies, self._runs
        if not bodies:
            return EMPTY_BATCH
        if len(runs) == 1:
            return EventBatch.from_bodies(bodies, runs[0][1])
        return EventBatch.from_events(map(Event, bodies, _rows(runs, len(bodies))))


def _rows(runs: Sequence[tuple[int, dict[str, str]]], count: int) -> Iterable[Mapping[str, str]]:
    rows: list[Mapping[str, str]] = []
    ends = [start for start, _ in runs[1:]] + [count]
    for (start, headers), end in zip(runs, ends, strict=True):
        rows += repeat(headers, end - start)
    return rows
