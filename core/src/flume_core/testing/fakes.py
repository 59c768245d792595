"""Stand-ins for what surrounds a component: clock, emitter, sink."""

# ruff: noqa: D102 - methods without a docstring keep the contract of what they override

from __future__ import annotations

from collections.abc import Mapping
from threading import Condition, Lock
from threading import Event as Flag
from typing import Any

from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.config.model import SinkConfig
from flume_core.errors import ChannelError, ChannelFull
from flume_core.sink import BatchSink
from flume_core.testing.waiting import DEADLINE
from flume_core.ticket import Ticket
from flume_core.transaction import Progress

__all__ = ["ChannelEmitter", "ManualClock", "RecordingEmitter", "RecordingSink"]


class ManualClock:
    """A clock that a test turns by hand; ``monotonic`` starts at 0."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._epoch = now
        self._passed = 0.0
        self._sleepers = 0
        self._lock = Lock()

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self._epoch + self._passed

    def monotonic(self) -> float:
        """Return seconds that were turned so far."""
        return self._passed

    def wait(self, flag: Flag, seconds: float) -> bool:
        """Wait until ``flag`` is set or the clock was turned by ``seconds``; return the flag."""
        until = self._passed + seconds
        with self._lock:
            self._sleepers += 1
        try:
            while self._passed < until and not flag.wait(0.002):
                pass
        finally:
            with self._lock:
                self._sleepers -= 1
        return flag.is_set()

    def advance(self, seconds: float) -> None:
        """Turn the clock; whoever waited long enough goes on."""
        self._passed += seconds

    @property
    def sleepers(self) -> int:
        """How many threads wait on the clock."""
        return self._sleepers


class RecordingEmitter:
    """An `Emitter` that keeps what a source hands over, and refuses when it is told to.

    Thread-safe. ``keeps_progress`` and ``progress`` are those of a channel that keeps progress.
    """

    def __init__(
        self,
        *,
        keeps_progress: bool = False,
        progress: Mapping[str, bytes] | None = None,
        transaction_capacity: int | None = None,
    ) -> None:
        self.keeps_progress = keeps_progress
        self.transaction_capacity = transaction_capacity
        """Larger batches are refused with `ChannelError`, as by a channel."""
        self.offered: list[EventBatch] = []
        """Every batch handed over, those refused included."""
        self.committed: list[EventBatch] = []
        """The batches accepted, in order."""
        self.full = False
        """While true, every batch is refused with `ChannelFull`, after a short wait for room."""
        self._progress = dict(progress or {})
        self._errors: list[Exception] = []
        self._changed = Condition()
        self._held = False
        self._inside = 0
        self._broken: BaseException | None = None

    def fail(self, *errors: Exception) -> None:
        """Refuse the next batches, each with one of ``errors``; nothing of them is committed."""
        with self._changed:
            self._errors += errors

    def hold(self) -> None:
        """Keep `emit` from returning, before anything is committed, until `release`."""
        self._held = True

    def release(self) -> None:
        """Let every held `emit` commit and return."""
        with self._changed:
            self._held = False
            self._changed.notify_all()

    @property
    def inside(self) -> int:
        """How many calls of `emit` have not returned."""
        return self._inside

    @property
    def events(self) -> EventBatch:
        """All events accepted, in order."""
        return EventBatch.concat(self.committed)

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        """Accept a batch, or raise what `fail` or `full` asks for."""
        with self._changed:
            self.offered.append(batch)
            self._inside += 1
            try:
                self._decide(batch, progress)
            finally:
                self._inside -= 1
                self._changed.notify_all()

    def _decide(self, batch: EventBatch, progress: Progress | None) -> None:
        if self._broken is not None:
            raise self._broken
        if not self._changed.wait_for(lambda: not self._held, DEADLINE):
            raise AssertionError("the test never released the emitter")
        if self._errors:
            raise self._errors.pop(0)
        if self.transaction_capacity is not None and len(batch) > self.transaction_capacity:
            raise ChannelError(
                f"{len(batch)} events in one batch: transaction_capacity is"
                f" {self.transaction_capacity}"
            )
        if self.full:
            self._changed.wait(0.01)
            raise ChannelFull("the recording emitter was told to be full")
        self.committed.append(batch)
        for key, value in (progress or {}).items():
            if value is None:
                self._progress.pop(key, None)
            else:
                self._progress[key] = value

    def emit_async(self, batch: EventBatch, progress: Progress | None = None) -> Ticket:
        """Accept a batch at once, or return a failed ticket; then fail until `rewind`."""
        try:
            self.emit(batch, progress)
        except Exception as error:  # noqa: BLE001 - it belongs to the ticket
            self._broken = error
            return Ticket.completed(error)
        return Ticket.completed()

    def rewind(self) -> None:
        """Accept batches again."""
        self._broken = None

    def progress(self) -> Mapping[str, bytes]:
        """Return the progress that came with the accepted batches, if it is kept."""
        return dict(self._progress) if self.keeps_progress else {}


class ChannelEmitter:
    """An `Emitter` into one channel, without interceptors: a batch and its progress in one commit."""

    def __init__(self, channel: Channel[Any], source: str = "r1") -> None:
        self._channel = channel
        self._owner = f"source.{source}"

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        """Commit the batch; raises what the channel raises."""
        with self._channel.transaction() as tx:
            tx.put(batch)
            if progress:
                tx.save_progress(self._owner, progress)

    def emit_async(self, batch: EventBatch, progress: Progress | None = None) -> Ticket:
        """Commit the batch and return a complete ticket; raises what the channel raises."""
        self.emit(batch, progress)
        return Ticket.completed()

    def rewind(self) -> None:
        """Nothing is ever in flight."""

    @property
    def transaction_capacity(self) -> int | None:
        """The channel's."""
        return self._channel.transaction_capacity

    @property
    def keeps_progress(self) -> bool:
        """Whether the channel does."""
        return self._channel.keeps_progress

    def progress(self) -> Mapping[str, bytes]:
        """Return what the channel kept."""
        return self._channel.progress(self._owner)


class RecordingSink(BatchSink[SinkConfig]):
    """A sink that keeps what it gets in ``batches``, and fails when it is told to."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.batches: list[EventBatch] = []
        self._errors: list[Exception] = []

    def fail(self, *errors: Exception) -> None:
        """Let the next writes fail, each with one of ``errors``, with nothing delivered."""
        self._errors += errors

    def write(self, batch: EventBatch) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.batches.append(batch)

    @property
    def events(self) -> EventBatch:
        """All events delivered, in order."""
        return EventBatch.concat(self.batches)
