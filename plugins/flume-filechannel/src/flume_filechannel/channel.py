"""The ``file`` channel: events wait in a log on disk, and are on disk when a commit returns.

Not as in Flume: one log instead of one per directory, no checkpoint that must fit, damaged records are
set aside instead of closing the channel, `fsyncPerTransaction = false` does what it says, and progress
of sources and sinks is kept with their events. Java's data directories are not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from threading import Condition
from time import monotonic
from typing import ClassVar

from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.component import ComponentContext
from flume_core.errors import ChannelError, ChannelFull, ConfigurationError
from flume_core.metrics import MetricValue
from flume_core.ticket import Ticket
from flume_core.transaction import Progress, Transaction
from flume_filechannel.backlog import Backlog, Piece
from flume_filechannel.config import FileChannelConfig, OnCorruption
from flume_filechannel.disk import Disk
from flume_filechannel.keeper import Keeper
from flume_filechannel.locks import DirectoryLock
from flume_filechannel.log.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from flume_filechannel.log.format import HEADER_SIZE, LOST, PUT
from flume_filechannel.log.ranges import Ranges
from flume_filechannel.log.reader import LogReader, Lost
from flume_filechannel.log.records import (
    AllProgress,
    encode_batch,
    encode_progress,
    encode_ranges,
    merge_progress,
)
from flume_filechannel.log.recovery import recover
from flume_filechannel.log.scan import Damage, scan
from flume_filechannel.log.segment import Segment, SegmentStore
from flume_filechannel.log.writer import Entry, Payload, Snapshot, Writer
from flume_filechannel.transaction import FileTransaction

__all__ = ["FileChannel"]

_LEAST_SPACE = 1024 * 1024
_JAVA_LOG = re.compile(r"log-\d+")


class FileChannel(Channel[FileChannelConfig]):
    """Keeps events on disk, first in, first out by commit."""

    disk: ClassVar[Disk] = Disk()

    def __init__(self, config: FileChannelConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._locks: list[DirectoryLock] = []
        self._writer: Writer | None = None
        self._backlog: Backlog | None = None
        self._keeper: Keeper | None = None
        self._taken = Ranges()
        self._progress = AllProgress()
        self._size = self._reserved = 0
        self._room: Condition | None = None
        self._woken = False
        self._put_attempts = self._put_count = self._take_attempts = self._taken_count = 0
        self._put_errors = self._take_errors = self._checkpoint_errors = self._lost_count = 0
        self._commits = 0
        self.metrics.provide(self._figures)

    # --- life

    @classmethod
    def claims(cls, config: FileChannelConfig) -> Iterable[str]:
        """Return the directories: no other channel may use them."""
        return tuple(f"directory {path}" for path in (config.checkpoint_dir, *config.data_dirs))

    def start(self) -> None:
        """Open the log. Raises `ConfigurationError` if another agent has it, `ChannelError` if it

        cannot be read or written now.
        """
        try:
            self._lock_directories()
            self._refuse_java_files()
            self._open()
        except BaseException as error:
            self._close()
            if isinstance(error, OSError):
                raise ChannelError(f"channel {self.name} cannot open its log: {error}") from error
            raise

    def _lock_directories(self) -> None:
        for path in (self.config.checkpoint_dir, *self.config.data_dirs):
            os.makedirs(path, mode=0o700, exist_ok=True)
            self._locks.append(DirectoryLock(path))

    def _refuse_java_files(self) -> None:
        for path in self.config.data_dirs:
            if any(_JAVA_LOG.fullmatch(name) for name in self.disk.names(path)):
                raise ConfigurationError(
                    f"{path} holds the log of a Java file channel, which is not changed: name other"
                    " dataDirs, and copy what waits with `flume channel import`"
                )

    def _open(self) -> None:
        config, disk = self.config, self.disk
        began = monotonic()
        checkpoint = read_checkpoint(disk, self._checkpoint_path)
        found = recover(disk, config.data_dirs, checkpoint)
        store = SegmentStore(
            disk,
            config.data_dirs,
            config.segment_size,
            max(config.minimum_required_space, _LEAST_SPACE),
        )
        for path in found.spares:
            store.adopt_spare(path)
        self._taken, self._progress = found.taken, found.progress
        self._lost_count += found.lost
        if not found.segments:
            self._taken.add(0, 0)
        for finding in found.findings:
            self.log.error("%s", finding)
        if config.on_corruption is OnCorruption.FAIL:
            self._verify(found.segments, found.findings)
        self._size = found.next_seq - self._taken.watermark - self._taken.total()
        writer = Writer(
            disk, store, found.segments, found.next_seq, self._publish, self._refuse,
            self._snapshot, self.name,
        )  # fmt: skip
        backlog = Backlog(
            LogReader(disk), lambda: writer.segments, self._give_up, self._taken.watermark,
            found.next_seq, self._taken,
        )  # fmt: skip
        self._backlog, self._room = backlog, Condition(backlog.lock)
        self._writer = writer
        writer.open()
        self._woken = False
        self._keeper = Keeper(
            writer, self.log, self._write_checkpoint,
            sync_interval=1.0 if config.fsync_per_transaction else float(config.fsync_interval),
            checkpoint_interval=max(config.checkpoint_interval, 1000) / 1000,
        )  # fmt: skip
        self._keeper.start()
        self.log.info(
            "channel %s: %d events waiting in %d segments, opened in %.2f s",
            self.name, self._size, len(writer.segments) - 1, monotonic() - began,
        )  # fmt: skip

    def _verify(self, segments: Sequence[Segment], findings: list[str]) -> None:
        for segment in segments:
            seq = segment.head.first_seq
            for found in scan(self.disk, segment, HEADER_SIZE, seq):
                if isinstance(found, Damage):
                    findings.append(f"{segment.path}: damage at offset {found.offset}")
                else:
                    seq = found.head.seq + (found.head.events if found.head.kind == PUT else 0)
            if seq < segment.end_seq:
                findings.append(f"{segment.path}: {segment.end_seq - seq} events are damaged")
        if findings:
            raise ConfigurationError(
                f"channel {self.name} is damaged and onCorruption is fail: {'; '.join(findings)};"
                " with onCorruption = quarantine the rest is delivered"
            )

    def stop(self) -> None:
        """Sync what is not, write a checkpoint, and let go of the directories."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        if self._writer is not None and self._writer.segments:
            try:
                self._writer.sync()
                if self.config.checkpoint_on_close:
                    self._write_checkpoint()
            except ChannelError as e:
                self.log.warning("channel %s: %s", self.name, e)
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for lock in self._locks:
            lock.release()
        self._locks = []

    @property
    def _checkpoint_path(self) -> str:
        return f"{self.config.checkpoint_dir}/log-checkpoint"

    def _write_checkpoint(self) -> None:
        """Write down what is known, for the next start. Fails with a log line only."""
        writer, backlog = self._live()
        try:
            with writer.quiet() as (head, offset, next_seq), backlog.lock:
                checkpoint = Checkpoint(
                    head.id, head.salt, offset, next_seq, self._taken.dump(),
                    {owner: dict(entries) for owner, entries in self._progress.items()},
                )  # fmt: skip
            write_checkpoint(self.disk, self._checkpoint_path, checkpoint)
        except (OSError, ChannelError) as e:
            self._checkpoint_errors += 1
            self.log.warning("channel %s: no checkpoint: %s", self.name, e)

    def _live(self) -> tuple[Writer, Backlog]:
        if self._writer is None or self._backlog is None:
            raise ChannelError(f"channel {self.name} is not open")
        return self._writer, self._backlog

    # --- the contract

    def transaction(self) -> Transaction:
        """Return a new transaction."""
        return FileTransaction(self)

    def put(self, batch: EventBatch) -> None:
        """Put one batch in a transaction of its own."""
        self.check_size(len(batch))
        if len(batch):
            self.commit_puts(batch, None)

    def wait(self, timeout: float) -> bool:
        """See `Channel.wait`."""
        backlog = self._backlog
        if backlog is None:
            return False
        if backlog:
            return True
        with backlog.lock:
            if not backlog and not self._woken and timeout > 0:
                backlog.came.wait(timeout)
            return bool(backlog)

    def wake(self) -> None:
        """See `Channel.wake`."""
        if self._backlog is not None and self._room is not None:
            with self._backlog.lock:
                self._woken = True
                self._backlog.came.notify_all()
                self._room.notify_all()

    def size(self) -> int:
        """Return the events put and not yet gone, those in open takes included."""
        return self._size

    @property
    def capacity(self) -> int:
        """The most events the channel holds."""
        return self.config.capacity

    @property
    def transaction_capacity(self) -> int:
        """The most events one transaction puts, and separately takes."""
        return self.config.transaction_capacity

    @property
    def durable(self) -> bool:
        """Always True."""
        return True

    @property
    def keeps_progress(self) -> bool:
        """Always True."""
        return True

    def progress(self, owner: str) -> Mapping[str, bytes]:
        """See `Channel.progress`."""
        if self._backlog is None:
            return {}
        with self._backlog.lock:
            return dict(self._progress.get(owner, {}))

    def sync(self) -> None:
        """See `Channel.sync`."""
        self._live()[0].sync()

    def discard(self, until: int) -> int:
        """See `Channel.discard`."""
        ranges = self._live()[1].drop(until)
        if ranges:
            self._write_take(ranges, None)
        return sum(end - first for first, end in ranges)

    # --- what transactions call

    def check_size(self, count: int) -> None:
        """Refuse a transaction of more events than transactionCapacity."""
        if count > self.config.transaction_capacity:
            raise ChannelError(
                f"channel {self.name} refuses {count} events in one transaction:"
                f" transactionCapacity is {self.config.transaction_capacity}; raise it, or lower the"
                " batch size"
            )

    def commit_puts(self, batch: EventBatch, progress: Mapping[str, Progress] | None) -> None:
        """Return when a batch and progress are on disk and visible."""
        writer, _ = self._live()
        entry = self._write_put(batch, progress, None)
        if self.config.fsync_per_transaction:
            writer.wait(entry)
        else:
            writer.publish_unsynced()

    def start_commit(self, batch: EventBatch, progress: Mapping[str, Progress] | None) -> Ticket:
        """Write a batch and progress; the ticket completes when they are on disk and visible."""
        ticket = Ticket()
        writer, _ = self._live()
        entry = self._write_put(batch, progress, ticket)
        if self._keeper is not None and self.config.fsync_per_transaction:
            self._keeper.sync_soon(entry)
        else:
            writer.publish_unsynced()
        return ticket

    def _write_put(
        self, batch: EventBatch, progress: Mapping[str, Progress] | None, ticket: Ticket | None
    ) -> Entry:
        writer, _ = self._live()
        headers, body, flags = encode_batch(batch) if len(batch) else (b"", [], 0)
        payload = Payload.of(headers, encode_progress(progress), body, flags)
        count = len(batch)
        self._reserve(count)
        try:
            return writer.put(payload, batch, progress, ticket)
        except BaseException:
            self._unreserve(count)
            raise

    def take(self, most: int) -> list[Piece]:
        """Return up to ``most`` events from the head."""
        _, backlog = self._live()
        self._take_attempts += 1
        try:
            return backlog.take(most)
        except OSError as e:
            self._take_errors += 1
            raise ChannelError(f"channel {self.name} cannot read its log: {e}") from e

    def commit_takes(
        self, pieces: Sequence[Piece], progress: Mapping[str, Progress] | None
    ) -> None:
        """Let taken events go, in one record with progress."""
        self._write_take(_joined(pieces), progress)

    def roll_back(self, pieces: list[Piece]) -> None:
        """Return taken events to their place."""
        if pieces and self._backlog is not None:
            self._backlog.give_back(pieces)

    def _write_take(
        self,
        ranges: Sequence[tuple[int, int]],
        progress: Mapping[str, Progress] | None,
        flags: int = 0,
    ) -> None:
        writer, backlog = self._live()
        numbers = [number for pair in ranges for number in pair]
        count = sum(end - first for first, end in ranges)

        def apply() -> None:
            with backlog.lock:
                for first, end in ranges:
                    self._taken.add(first, end)
                if progress:
                    merge_progress(self._progress, progress)
                self._size -= count
                if flags & LOST:
                    self._lost_count += count
                else:
                    self._taken_count += count
                assert self._room is not None
                self._room.notify_all()

        payload = Payload.of(encode_ranges(numbers), encode_progress(progress))
        writer.take(payload, apply, flags, count if flags & LOST else 0)

    # --- room

    def _reserve(self, count: int) -> None:
        backlog, room = self._backlog, self._room
        assert backlog is not None
        assert room is not None
        with backlog.lock:
            self._put_attempts += count
            if self._size + self._reserved + count > self.config.capacity:
                self._wait_for_room(room, count)
            self._reserved += count

    def _wait_for_room(self, room: Condition, count: int) -> None:
        deadline = monotonic() + self.config.keep_alive
        while (held := self._size + self._reserved) + count > self.config.capacity:
            left = deadline - monotonic()
            if left <= 0 or self._woken:
                raise ChannelFull(
                    f"channel {self.name} is full: {held} of {self.config.capacity} events, no room"
                    f" for {count} within keep-alive ({self.config.keep_alive} s); the sinks do not"
                    " keep up, or capacity is too small"
                )
            room.wait(left)

    def _unreserve(self, count: int) -> None:
        backlog, room = self._backlog, self._room
        assert backlog is not None
        assert room is not None
        with backlog.lock:
            self._reserved -= count
            self._put_errors += 1
            room.notify_all()

    # --- what the writer and the backlog call

    def _publish(self, entries: list[Entry]) -> None:
        backlog = self._backlog
        assert backlog is not None
        with backlog.lock:
            for entry in entries:
                self._reserved -= entry.count
                self._size += entry.count
                self._put_count += entry.count
                if entry.progress:
                    merge_progress(self._progress, entry.progress)
            self._commits += len(entries)
            backlog.publish(entries)
        for entry in entries:
            if entry.ticket is not None:
                entry.ticket.succeed()

    def _refuse(self, entries: list[Entry]) -> None:
        for entry in entries:
            self._unreserve(entry.count)
            if entry.ticket is not None and entry.error is not None:
                entry.ticket.fail(entry.error)

    def _snapshot(self) -> Snapshot:
        backlog = self._backlog
        assert backlog is not None
        with backlog.lock:
            return Snapshot(self._taken.dump(), encode_progress(self._progress))

    def _give_up(self, lost: Lost) -> None:
        """Set damaged bytes aside and let the events in them go."""
        directory = f"{os.path.dirname(lost.path)}/quarantine"
        name = f"{os.path.basename(lost.path)}-{lost.offset}"
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.disk.write_file(f"{directory}/{name}", lost.data)
        with self._live()[1].lock:
            ranges = list(self._taken.missing(lost.first, lost.end))
        self.log.error(
            "channel %s: %s is damaged at offset %d: %d events are lost; %d bytes set aside in %s/%s",
            self.name, lost.path, lost.offset, sum(b - a for a, b in ranges), len(lost.data),
            directory, name,
        )  # fmt: skip
        if ranges:
            self._write_take(ranges, None, LOST)

    def _figures(self) -> Mapping[str, MetricValue]:
        running = self._writer is not None
        return {
            "ChannelSize": self._size,
            "ChannelCapacity": self.config.capacity,
            "ChannelFillPercentage": 100.0 * self._size / self.config.capacity,
            "EventPutAttemptCount": self._put_attempts,
            "EventPutSuccessCount": self._put_count,
            "EventTakeAttemptCount": self._take_attempts,
            "EventTakeSuccessCount": self._taken_count,
            "EventPutErrorCount": self._put_errors,
            "EventTakeErrorCount": self._take_errors,
            "EventLostCount": self._lost_count,
            "CheckpointWriteErrorCount": self._checkpoint_errors,
            "CheckpointBackupWriteErrorCount": 0,
            "Open": running,
            "Closed": int(not running),
            "Unhealthy": int(not running),
            "CommitCount": self._commits,
            "SyncCount": self._writer.syncs if self._writer is not None else 0,
        }


def _joined(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Return the ranges of pieces, those that follow each other as one."""
    ranges: list[tuple[int, int]] = []
    for piece in pieces:
        if ranges and ranges[-1][1] == piece[0]:
            ranges[-1] = (ranges[-1][0], piece.end)
        else:
            ranges.append((piece[0], piece.end))
    return ranges
