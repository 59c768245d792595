"""Finding records in a segment: one behind the other, and again behind damage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from google_crc32c import value

from flume_filechannel.disk import Disk
from flume_filechannel.log.format import (
    PUT,
    RECORD_SIZE,
    RecordHead,
    unpack_record_head,
)
from flume_filechannel.log.segment import Segment

__all__ = ["Damage", "Found", "Window", "find_record", "read_record", "scan"]

_WINDOW = 256 * 1024
_CHUNK = 4 * 1024 * 1024
# A record header from its fifth byte on: kind, flags, two reserved bytes. Overlapping matches count.
_CANDIDATE = re.compile(rb"(?=[\x01-\x03][\x00-\x1f]\x00\x00)")


class Found(NamedTuple):
    """A record and where it is; ``payload`` is as stored."""

    offset: int
    head: RecordHead
    payload: bytes


class Damage(NamedTuple):
    """Bytes that are no record although they were; the log goes on behind them."""

    offset: int
    end: int
    first_seq: int
    end_seq: int


class Window:
    """Reads a file in large pieces, and gives small ones."""

    def __init__(self, disk: Disk, fd: int) -> None:
        self._disk = disk
        self._fd = fd
        self._data = b""
        self._offset = 0

    def get(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset``; fewer at the end of the file."""
        at = offset - self._offset
        if at < 0 or at + size > len(self._data):
            if size > _WINDOW // 4:
                return self._disk.read(self._fd, size, offset)
            self._data = self._disk.read(self._fd, _WINDOW, offset)
            self._offset, at = offset, 0
        return self._data[at : at + size]


def read_record(window: Window, segment: Segment, offset: int) -> Found | None:
    """Return the record at ``offset``; None if there is none that checks."""
    head = unpack_record_head(segment.seed, window.get(offset, RECORD_SIZE))
    if head is None or offset + head.size > segment.head.size:
        return None
    payload = window.get(offset + RECORD_SIZE, head.payload_len)
    if len(payload) != head.payload_len or value(payload) != head.payload_crc:
        return None
    return Found(offset, head, payload)


def scan(disk: Disk, segment: Segment, offset: int, seq: int) -> Iterator[Found | Damage]:
    """Return the records of a segment from ``offset``, where the next event would have number ``seq``.

    Ends where the last write ended, whole or torn.
    """
    window = Window(disk, segment.fd)
    while offset + RECORD_SIZE <= segment.head.size:
        found = read_record(window, segment, offset)
        if found is None or found.head.seq != seq:
            found = _behind(disk, segment, offset, seq)
            if found is None:
                return
            yield Damage(offset, found.offset, seq, found.head.seq)
        yield found
        offset = found.offset + found.head.size
        seq = found.head.seq + (found.head.events if found.head.kind == PUT else 0)


def _behind(disk: Disk, segment: Segment, damaged: int, seq: int) -> Found | None:
    """Return the first record behind one that does not check, if that one was on disk once."""
    return find_record(
        disk, segment, damaged + 8, lambda head: head.seq >= seq and head.synced > damaged
    )


def find_record(
    disk: Disk, segment: Segment, offset: int, wanted: Callable[[RecordHead], bool]
) -> Found | None:
    """Return the first whole record at or behind ``offset`` with a header that is wanted."""
    window = Window(disk, segment.fd)
    while offset < segment.head.size:
        chunk = disk.read(segment.fd, _CHUNK + RECORD_SIZE, offset)
        for match in _CANDIDATE.finditer(chunk):
            at = match.start() - 4
            if at < 0 or at % 8 or at >= _CHUNK:
                continue
            head = unpack_record_head(segment.seed, chunk[at : at + RECORD_SIZE])
            if head is not None and wanted(head):
                found = read_record(window, segment, offset + at)
                if found is not None:
                    return found
        if len(chunk) < _CHUNK:
            return None
        offset += _CHUNK
    return None
