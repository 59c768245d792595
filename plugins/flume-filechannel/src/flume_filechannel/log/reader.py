"""Reading events back from segments, in their order."""

from __future__ import annotations

from typing import NamedTuple

from flume_core.batch import EventBatch
from flume_filechannel.disk import Disk
from flume_filechannel.log.format import HEADER_SIZE, PUT, RECORD_SIZE, unpack_record_head
from flume_filechannel.log.records import Undecodable, decode_batch
from flume_filechannel.log.scan import Found, Window, find_record, read_record
from flume_filechannel.log.segment import Segment

__all__ = ["Lost", "LogReader"]


class Lost(NamedTuple):
    """Events that cannot be read; ``data`` is what is there in their place."""

    path: str
    offset: int
    first: int
    end: int
    data: bytes


_MOST_SAVED = 64 * 1024 * 1024


class LogReader:
    """A place in the log that moves forward. One thread at a time."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._segment: Segment | None = None
        self._window: Window | None = None
        self._known = 0
        self._offset = 0
        self._seq = 0

    def place(self, segment: Segment, offset: int, seq: int) -> None:
        """Go to a record that is known to be at ``offset`` and to begin with ``seq``."""
        self._segment, self._offset, self._seq = segment, offset, seq
        self._window = None

    def read(self, segments: list[Segment], seq: int, known: int) -> tuple[int, EventBatch] | Lost:
        """Return the batch that holds event ``seq``, and its first number.

        ``known`` is the number behind the last event that is published: all of those are written.
        """
        segment = self._at(segments, seq)
        window = self._window
        if window is None or self._known < known:
            window = self._window = Window(self._disk, segment.fd)
            self._known = known
        while True:
            head = unpack_record_head(segment.seed, window.get(self._offset, RECORD_SIZE))
            if head is None or head.seq != self._seq:
                return self._lost(segment, seq)
            if head.kind != PUT or head.seq + head.events <= seq:
                self._offset += head.size
                self._seq += head.events if head.kind == PUT else 0
                continue
            found = read_record(window, segment, self._offset)
            if found is None:
                return self._lost(segment, seq)
            try:
                batch = _decode(found)
            except Undecodable:
                return self._lost(segment, seq)
            self._offset += head.size
            self._seq += head.events
            return head.seq, batch

    def _at(self, segments: list[Segment], seq: int) -> Segment:
        """Return the segment of an event, and go to a place in it that is not behind the event."""
        segment = self._segment
        if segment is not None and segment.head.first_seq <= seq < segment.end_seq:
            if self._seq <= seq:
                return segment
        else:
            segment = next(s for s in segments if s.head.first_seq <= seq < s.end_seq)
        self.place(segment, HEADER_SIZE, segment.head.first_seq)
        return segment

    def _lost(self, segment: Segment, seq: int) -> Lost:
        """Find where the log goes on, go there, and say what is between."""
        begin, first = self._offset, max(seq, self._seq)
        found = find_record(
            self._disk, segment, begin + 8, lambda head: self._seq <= head.seq <= segment.end_seq
        )
        if found is None:
            end, end_seq = segment.head.size, segment.end_seq
            self._segment = None
        else:
            end, end_seq = found.offset, found.head.seq
            self.place(segment, found.offset, found.head.seq)
        data = self._disk.read(segment.fd, min(end - begin, _MOST_SAVED), begin)
        return Lost(segment.path, begin, first, end_seq, data)


def _decode(found: Found) -> EventBatch:
    head, payload = found.head, found.payload
    headers = payload[: head.headers_len]
    body = payload[head.headers_len + head.progress_len :]
    return decode_batch(head.events, head.flags, headers, body)
