"""What waits: handed out in the order of the log, from memory while it is fresh, else from disk."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition, Lock
from typing import NamedTuple

from flume_core.batch import EventBatch
from flume_filechannel.log.ranges import Ranges
from flume_filechannel.log.reader import LogReader, Lost
from flume_filechannel.log.segment import Segment
from flume_filechannel.log.writer import Entry

__all__ = ["Backlog", "Piece"]

_FRESH_BYTES = 24 * 1024 * 1024
"""Bytes of published batches that are kept in memory until they are taken."""
_OVERHEAD = 1000
"""What a batch in memory costs besides its bodies, about."""


class Piece(NamedTuple):
    """A batch and the number of its first event. No two have the same number, so they sort by it."""

    seq: int
    batch: EventBatch

    @property
    def end(self) -> int:
        """The number behind its last event."""
        return self.seq + len(self.batch)


class Backlog:
    """Published events that no take has yet. Any thread may call.

    ``lock`` guards the state and is held shortly; takers read the disk under a lock of their own.
    """

    def __init__(
        self,
        reader: LogReader,
        segments: Callable[[], list[Segment]],
        lost: Callable[[Lost], None],
        first: int,
        published: int,
        taken: Ranges,
    ) -> None:
        self._reader = reader
        self._segments = segments
        self._lost = lost
        self.lock = Lock()
        self.came = Condition(self.lock)
        self._take_lock = Lock()
        self._returned: list[Piece] = []
        self._fresh: deque[tuple[Piece, int]] = deque()
        self._fresh_bytes = 0
        self._cursor = first
        self.published = published
        self._spilled = first < published
        self._behind: tuple[Segment, int, int] | None = None
        self._skip = Ranges.load(taken.dump()) if taken else None

    def __bool__(self) -> bool:
        """Tell whether there is something to take."""
        return bool(self._returned) or self._cursor < self.published

    def publish(self, entries: list[Entry]) -> None:
        """Make puts visible; ``lock`` is held."""
        for entry in entries:
            if not entry.count:
                continue
            if not self._spilled and self._fresh_bytes < _FRESH_BYTES:
                cost = entry.batch.nbytes + _OVERHEAD
                self._fresh.append((Piece(entry.seq, entry.batch), cost))
                self._fresh_bytes += cost
            elif not self._spilled:
                self._spilled = True
                self._behind = (entry.segment, entry.offset, entry.seq)
            self.published = entry.seq + entry.count
        self.came.notify_all()

    def take(self, most: int) -> list[Piece]:
        """Return the next events, up to ``most``, in pieces that each follow each other."""
        pieces: list[Piece] = []
        with self._take_lock:
            while most:
                try:
                    piece = self._next()
                except BaseException:
                    self.give_back(pieces, wake=False)
                    raise
                if piece is None:
                    break
                if len(piece[1]) > most:
                    seq, batch = piece
                    piece = Piece(seq, batch.slice(0, most))
                    self.give_back([Piece(seq + most, batch.slice(most, len(batch)))], wake=False)
                pieces.append(piece)
                most -= len(piece[1])
        return pieces

    def _next(self) -> Piece | None:
        with self.lock:
            if self._returned:
                return self._returned.pop(0)
            if self._fresh:
                piece, cost = self._fresh.popleft()
                self._fresh_bytes -= cost
                self._cursor = piece.end
                return piece
            if self._cursor >= self.published:
                return None
            known = self.published
        return self._read(known)

    def _read(self, known: int) -> Piece | None:
        if self._behind is not None:
            self._reader.place(*self._behind)
            self._behind = None
        while True:
            cursor = self._cursor
            read = self._reader.read(self._segments(), cursor, known)
            if isinstance(read, Lost):
                if read.end > read.first:
                    self._lost(read)  # raises: the next take finds it again
                self._move(max(cursor, read.end))
                if self._cursor >= known:
                    return None
                continue
            seq, batch = read
            self._move(seq + len(batch))
            waiting = list(self._waiting(max(seq, cursor), seq + len(batch)))
            if waiting:
                found = [Piece(a, batch.slice(a - seq, b - seq)) for a, b in waiting]
                self.give_back(found[1:], wake=False)
                return found[0]
            if self._cursor >= known:
                return None

    def _waiting(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Return the parts of a range that were not taken when the channel started."""
        if self._skip is None:
            return iter([(first, end)] if first < end else [])
        return self._skip.missing(first, end)

    def _move(self, cursor: int) -> None:
        with self.lock:
            self._cursor = cursor
            if cursor >= self.published:
                self._spilled = False

    def give_back(self, pieces: list[Piece], *, wake: bool = True) -> None:
        """Return events to their place at the head."""
        with self.lock:
            for piece in pieces:
                insort(self._returned, piece)
            if wake and pieces:
                self.came.notify_all()

    def drop(self, until: int) -> list[tuple[int, int]]:
        """Remove what waits below ``until``; return the ranges removed."""
        ranges = []
        with self._take_lock:
            with self.lock:
                kept: list[Piece] = []
                for piece in self._returned:
                    seq, batch = piece
                    cut = min(max(until - seq, 0), len(batch))
                    if cut:
                        ranges.append((seq, seq + cut))
                    if cut < len(batch):
                        kept.append(Piece(seq + cut, batch.slice(cut, len(batch))))
                self._returned = kept
                while self._fresh and self._fresh[0][0][0] < until:
                    piece, cost = self._fresh.popleft()
                    self._fresh_bytes -= cost
                    if piece.end > until:
                        seq, batch = piece
                        insort(
                            self._returned,
                            Piece(until, batch.slice(until - seq, len(batch))),
                        )
                    ranges += [(piece[0], min(piece.end, until))]
                    self._cursor = piece.end
                until = min(until, self.published)
                first = self._cursor
            if first < until:
                ranges += self._waiting(first, until)
                self._move(until)
        return ranges
