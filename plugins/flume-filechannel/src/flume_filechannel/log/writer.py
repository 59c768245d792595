"""How records reach the disk: one at a time into the newest segment, synced together.

A thread that commits writes its record itself, under the lock. Then the first that finds no sync under
way syncs, for all that was written until then; the others wait for it, and one of them does the next.
So while the disk works, further commits gather for the sync that follows.

A batch is handed to `publish` in the order of the log once it is on disk. When a sync fails nothing is
known of what was written since the one before: those commits fail, the segment is given up behind the
last event that is safe, and the next write begins a new one.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import NamedTuple

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError
from flume_core.ticket import Ticket
from flume_core.transaction import Progress
from flume_filechannel.disk import Disk
from flume_filechannel.log.format import (
    HEADER_SIZE,
    PUT,
    RECORD_SIZE,
    STATE,
    TAKE,
    RecordHead,
    SegmentHead,
    checksum,
    pack_record_head,
    padded,
)
from flume_filechannel.log.records import encode_ranges
from flume_filechannel.log.segment import Segment, SegmentStore, Unsettled

__all__ = ["Entry", "Payload", "Snapshot", "Writer"]

_PADDING = tuple(bytes(n) for n in range(8))


class Payload(NamedTuple):
    """A payload as it is stored, made before the lock is taken."""

    pieces: list[bytes]
    headers_len: int
    progress_len: int
    body_len: int
    flags: int
    size: int
    crc: int

    @classmethod
    def of(
        cls, headers: bytes, progress: bytes, body: list[bytes] | None = None, flags: int = 0
    ) -> Payload:
        """Return the payload of three parts."""
        body = body or []
        pieces = [piece for piece in (headers, progress, *body) if piece]
        body_len = sum(map(len, body))
        size = len(headers) + len(progress) + body_len
        return cls(pieces, len(headers), len(progress), body_len, flags, size, checksum(pieces))


class Snapshot(NamedTuple):
    """What the first record of a segment says: what is taken, and all progress."""

    taken: Sequence[int]
    progress: bytes


@dataclass(slots=True, eq=False)
class Entry:
    """A put that is written and not on disk yet."""

    number: int
    seq: int
    batch: EventBatch
    count: int
    progress: Mapping[str, Progress] | None
    ticket: Ticket | None
    segment: Segment
    offset: int
    done: bool = False
    error: ChannelError | None = field(default=None)


class Writer:
    """Writes records; all methods may be called from any thread."""

    def __init__(
        self,
        disk: Disk,
        store: SegmentStore,
        segments: list[Segment],
        next_seq: int,
        publish: Callable[[list[Entry]], None],
        refuse: Callable[[list[Entry]], None],
        snapshot: Callable[[], Snapshot],
        name: str,
    ) -> None:
        self._disk = disk
        self._store = store
        self.segments = segments
        """All segments, oldest first; changed under the lock, by replacing the list."""
        self._active: Segment | None = None
        self._next_id = segments[-1].head.id + 1 if segments else 1
        self._next_seq = next_seq
        self._publish = publish
        self._refuse = refuse
        self._snapshot = snapshot
        self._name = name
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._syncing = False
        self._torn = False
        self._written = self._durable = 0
        self._unpublished: deque[Entry] = deque()
        self._reserve = max(64 * 1024, store.size // 64)
        self._broken: set[str] = set()
        """Owners whose commit failed that nobody waited for: later positions must not be stored."""
        self.syncs = 0

    # --- writing

    def put(
        self,
        payload: Payload,
        batch: EventBatch,
        progress: Mapping[str, Progress] | None,
        ticket: Ticket | None = None,
    ) -> Entry:
        """Write a put; it is not on disk before `wait`. Raises `ChannelError` with nothing done."""
        count = len(batch)
        owners = progress.keys() if progress else ()
        with self._lock:
            segment = self._room(RECORD_SIZE + padded(payload.size), self._reserve)
            if ticket is None:
                self._broken.difference_update(owners)
            elif not self._broken.isdisjoint(owners):
                raise ChannelError(f"channel {self._name}: a commit before this one failed")
            seq, offset = self._next_seq, segment.end
            self._write(segment, PUT, count, payload)
            self._next_seq = segment.end_seq = seq + count
            entry = Entry(self._written, seq, batch, count, progress, ticket, segment, offset)
            self._unpublished.append(entry)
            return entry

    def take(
        self, payload: Payload, apply: Callable[[], None], flags: int = 0, count: int = 0
    ) -> int:
        """Write a take, then call ``apply`` before anything else is written; return its number.

        Raises `ChannelError` with nothing done.
        """
        with self._lock:
            segment = self._room(RECORD_SIZE + padded(payload.size), 0)
            self._write(segment, TAKE, count, payload._replace(flags=payload.flags | flags))
            apply()
            return self._written

    def _write(self, segment: Segment, kind: int, count: int, payload: Payload) -> None:
        pieces = _record(segment.seed, kind, count, payload, self._next_seq, segment.synced)
        try:
            self._disk.write(segment.fd, pieces, segment.end)
        except OSError as e:
            self._torn = True
            self._wipe(segment)
            raise ChannelError(f"channel {self._name} cannot write {segment.path}: {e}") from e
        segment.end += RECORD_SIZE + padded(payload.size)
        self._written += 1
        self._torn = False  # this record lies over it

    def _wipe(self, segment: Segment) -> None:
        """See to it that a record whose write failed is not found although all of it is there."""
        try:
            self._disk.write(segment.fd, [bytes(RECORD_SIZE)], segment.end)
        except OSError:  # `sync` tries again, and the next record would be written over it
            return
        self._torn = False
        self._written += 1  # as a record: it must get to disk

    def _room(self, size: int, reserve: int) -> Segment:
        """Return a segment with room for a record of ``size`` bytes and a reserve behind it.

        The reserve lets takes go on where no new segment can be made.
        """
        while True:
            segment = self._active
            if segment is not None and segment.end + size + reserve <= segment.head.size:
                return segment
            if self._syncing:
                self._changed.wait()
                continue
            self._roll(size + reserve)

    # --- syncing

    def wait(self, entry: Entry) -> None:
        """Return when a put is on disk and published; raise the `ChannelError` it failed with."""
        with self._lock:
            while not entry.done:
                self._sync_once()
        if entry.error is not None:
            raise entry.error

    def publish_unsynced(self) -> None:
        """Publish what is written as if it were on disk; `sync` does the rest later."""
        with self._lock:
            self._settle(self._written)

    def sync(self) -> None:
        """Return when everything written so far is on disk. Raises `ChannelError`."""
        with self._lock:
            if self._torn and self._active is not None:
                self._wipe(self._active)
            target = self._written
            while self._durable < target:
                if self._active is None:
                    self._roll(0)
                else:
                    self._sync_once()

    @property
    def dirty(self) -> bool:
        """Whether something is written that is not on disk."""
        return self._durable < self._written or self._torn

    def _sync_once(self) -> None:
        """Wait for the sync that is under way, or do one. The lock is held, and free meanwhile."""
        if self._syncing:
            self._changed.wait()
            return
        segment = self._active
        if segment is None:
            self._roll(0)
            return
        target, end = self._written, segment.end
        self._syncing = True
        self._lock.release()
        error: OSError | None = None
        try:
            self._disk.sync(segment.fd)
        except OSError as e:
            error = e
        finally:
            self._lock.acquire()
            self._syncing = False
        try:
            if error is None:
                self._synced(segment, target, end)
            else:
                self._abandon(segment, error)
        finally:
            self._changed.notify_all()

    def _synced(self, segment: Segment, target: int, end: int) -> None:
        self.syncs += 1
        segment.synced = end
        self._durable = max(self._durable, target)
        self._settle(target)

    def _settle(self, target: int) -> None:
        ready = []
        while self._unpublished and self._unpublished[0].number <= target:
            ready.append(self._unpublished.popleft())
        if ready:
            self._publish(ready)
            for entry in ready:
                entry.done = True

    def _abandon(self, segment: Segment, error: OSError) -> None:
        """Give up what is not known to be on disk; never sync that file again."""
        self._torn = False
        failed = list(self._unpublished)
        self._unpublished.clear()
        self._active = None
        if failed:
            self._next_seq = segment.end_seq = failed[0].seq
        for entry in failed:
            if entry.ticket is not None and entry.progress:
                self._broken.update(entry.progress)
            entry.error = ChannelError(
                f"channel {self._name} cannot sync {segment.path}: {error}; nothing of this"
                " transaction is stored"
            )
            entry.error.__cause__ = error
        self._refuse(failed)
        for entry in failed:
            entry.done = True

    # --- segments

    def open(self) -> None:
        """Begin a new segment, with what is known. Raises `ChannelError`."""
        with self._lock:
            if self.segments:
                self._settle_last(self.segments[-1])
            self._roll(0)

    def _settle_last(self, last: Segment) -> None:
        """Sync what a killed process wrote: it was read, and its successor will count on it."""
        try:
            self._disk.sync(last.fd)
            self._disk.sync_directory(os.path.dirname(last.path))
        except OSError as e:
            raise ChannelError(f"channel {self._name} cannot sync {last.path}: {e}") from e

    def _roll(self, least: int) -> None:
        """Begin a new segment; the old one is synced first. The lock is held throughout."""
        old = self._active
        if old is not None and self._durable < self._written:
            try:
                self._disk.sync(old.fd)
            except OSError as e:
                self._abandon(old, e)
                self._changed.notify_all()
            else:
                self._synced(old, self._written, old.end)
        taken, progress = self._snapshot()
        payload = Payload.of(encode_ranges(taken), progress)
        seq = self._next_seq

        def first_records(seed: int) -> list[bytes]:
            return _record(seed, STATE, 0, payload, seq, HEADER_SIZE)

        least += RECORD_SIZE + padded(payload.size) + self._reserve
        try:
            new = self._store.create(self._next_id, seq, least, first_records)
        except OSError as e:
            if isinstance(e, Unsettled):
                # After a crash that segment may be there, and what is not in it then was given up:
                # nothing may be written to the old one any more.
                self._next_id += 1
                self._active = None
            raise ChannelError(
                f"channel {self._name} cannot begin a new segment: {e}; it goes on by itself when"
                " there is room"
            ) from e
        self._next_id += 1
        self._active = new
        self.segments = [*self.segments, new]
        self._durable = self._written
        self._drop(taken[0])
        self._changed.notify_all()

    def reclaim(self) -> None:
        """Make the space of segments free whose events are all taken. Raises `ChannelError`."""
        watermark = self._snapshot().taken[0]
        if self.segments[0].end_seq > watermark or self.segments[0] is self._active:
            return
        self.sync()
        with self._lock:
            self._drop(watermark)

    def _drop(self, watermark: int) -> None:
        segments = self.segments
        gone = 0
        newest = len(segments) - 1  # stays even if nothing is written to it any more
        while gone < newest and segments[gone].end_seq <= watermark:
            gone += 1
        self.segments = segments[gone:]
        for segment in segments[:gone]:
            try:
                self._store.retire(segment)
            except OSError:  # it is taken as a whole: the next start finds that and removes it
                continue

    @contextmanager
    def quiet(self) -> Iterator[tuple[SegmentHead, int, int]]:
        """Hold back writes; give the newest segment, the offset and the number behind its last record.

        What is written is on disk and published first. Raises `ChannelError`.
        """
        with self._lock:
            while self._durable < self._written or self._active is None:
                self._sync_once()
            yield self._active.head, self._active.end, self._next_seq

    def close(self) -> None:
        """Close all files; what is not synced is not waited for."""
        with self._lock:
            while self._syncing:
                self._changed.wait()
            for segment in self.segments:
                self._disk.close(segment.fd)
            self.segments = []
            self._active = None


def _record(
    seed: int, kind: int, count: int, payload: Payload, seq: int, synced: int
) -> list[bytes]:
    head = RecordHead(
        kind,
        payload.flags,
        count,
        payload.headers_len,
        payload.progress_len,
        payload.body_len,
        payload.size,
        payload.crc,
        seq,
        synced,
    )
    pieces = [pack_record_head(seed, head), *payload.pieces]
    if padding := -payload.size % 8:
        pieces.append(_PADDING[padding])
    return pieces
