"""A channel that is durable in memory and crashes at will, to prove what survives a kill.

::

    store = CrashableStore()
    channel = store_channel(store)          # or type = flume_core.testing:CrashableChannel, store = NAME
    ...
    store.crash()                           # all that was not committed is gone, and the channel is dead
    channel = store_channel(store)          # what the next process finds

It keeps progress, has spans and `discard`, and with ``CrashableStore(lazy=True)`` needs `sync`.
"""

# ruff: noqa: D102 - methods without a docstring keep the contract of what they override

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from time import monotonic

from pydantic import Field

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.channel import Channel
from flume_core.component import ComponentContext
from flume_core.config.fields import Events, Seconds
from flume_core.config.model import ChannelConfig
from flume_core.errors import ChannelError, ChannelFull, ContractError
from flume_core.metrics import MetricValue
from flume_core.testing.crashable_store import CrashableStore
from flume_core.transaction import Progress, Span, Transaction

__all__ = ["CrashableChannel", "CrashableChannelConfig", "CrashableTransaction"]


class CrashableChannelConfig(ChannelConfig):
    """Settings of the crashable channel."""

    store: str = Field(description="name of the CrashableStore that outlives the channel")
    capacity: Events = Field(10_000, gt=0, description="most events in the channel")
    transaction_capacity: Events = Field(
        10_000, gt=0, description="most events that one transaction puts, and that one takes"
    )
    keep_alive: Seconds = Field(
        0, ge=0, alias="keep-alive", description="how long a commit waits for room"
    )


class CrashableChannel(Channel[CrashableChannelConfig]):
    """Keeps events and progress in a `CrashableStore`; see the module.

    Every operation is a crash point of the store, a commit one before and one after it takes effect.
    After a crash, operations raise `ChannelError`, waits end at once, and rollbacks do nothing.
    """

    def __init__(self, config: CrashableChannelConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self.store = CrashableStore.named(config.store)
        self._lock = self.store.lock
        self._queue: deque[tuple[int, EventBatch]] = deque()
        self._size = 0
        self._woken = False
        self._put_attempts = self._put = self._take_attempts = self._taken = 0
        self.metrics.provide(self._figures)

    # --- Component and Channel

    def start(self) -> None:
        with self._lock:
            if self.store.user is not None:
                raise ContractError(
                    f"store {self.store.name} is open in another channel; stop that first"
                )
            self.store.user = self
            self._queue = deque(self.store.segments())
            self._size = sum(len(batch) for _, batch in self._queue)
            self._woken = False

    def stop(self) -> None:
        with self._lock:
            if self.store.user is self:
                self.store.sync()
                self.store.user = None

    def transaction(self) -> Transaction:
        return CrashableTransaction(self)

    def size(self) -> int:
        return self._size

    @property
    def capacity(self) -> int:
        return self.config.capacity

    @property
    def transaction_capacity(self) -> int:
        return self.config.transaction_capacity

    def wait(self, timeout: float) -> bool:
        with self._lock:
            self._lock.wait_for(lambda: self._queue or self._woken or not self._open, timeout)
            return bool(self._queue) and self._open

    def wake(self) -> None:
        with self._lock:
            self._woken = True
            self._lock.notify_all()

    @property
    def durable(self) -> bool:
        return True

    @property
    def keeps_progress(self) -> bool:
        return True

    def progress(self, owner: str) -> Mapping[str, bytes]:
        with self._lock:
            self.check("progress")
            return self.store.progress(owner)

    def sync(self) -> None:
        self.store.points.point("before sync")
        with self._lock:
            self.check("sync")
            self.store.sync()
        self.store.points.point("after sync")

    def discard(self, until: int) -> int:
        self.store.points.point("before discard")
        with self._lock:
            self.check("discard")
            dropped: list[tuple[int, int]] = []
            while self._queue and self._queue[0][0] < until:
                first, batch = self._queue.popleft()
                count = min(len(batch), until - first)
                if count < len(batch):
                    self._queue.appendleft((first + count, batch.slice(count, len(batch))))
                dropped.append((first, count))
            return self._remove(dropped, {})

    # --- what transactions call

    @property
    def _open(self) -> bool:
        return self.store.user is self

    def check(self, call: str) -> None:
        """Refuse a call unless the channel has the store open."""
        if not self._open:
            raise ChannelError(f"{call}: channel {self.name} is not open, or has crashed")

    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        """Commit puts, in order, behind all others; wait for room up to the keep-alive."""
        count = sum(map(len, batches))
        with self._lock:
            self.check("commit")
            self._put_attempts += count
            if count:
                self._wait_for_room(count)
            added = self.store.add(batches)
            self.store.commit(added, (), progress, lazy=False)
            self._queue.extend(added.items())
            self._size += count
            self._put += count
            self._lock.notify_all()

    def _wait_for_room(self, count: int) -> None:
        deadline = monotonic() + self.config.keep_alive
        while self._size + count > self.config.capacity:
            left = deadline - monotonic()
            if left <= 0 or self._woken:
                raise ChannelFull(
                    f"channel {self.name} is full: {self._size} of {self.config.capacity} events, no"
                    f" room for {count} within keep-alive ({self.config.keep_alive} s)"
                )
            self._lock.wait(left)
            self.check("commit")

    def pop(self, most: int, follows: int | None) -> list[tuple[int, EventBatch]]:
        """Take up to ``most`` events that follow each other, and the event before ``follows``."""
        popped: list[tuple[int, EventBatch]] = []
        with self._lock:
            self.check("take")
            self._take_attempts += 1
            while self._queue and most:
                first, batch = self._queue[0]
                if follows not in (None, first):
                    break
                self._queue.popleft()
                if len(batch) > most:
                    self._queue.appendleft((first + most, batch.slice(most, len(batch))))
                    batch = batch.slice(0, most)
                popped.append((first, batch))
                follows = first + len(batch)
                most -= len(batch)
        return popped

    def drop(self, taken: list[tuple[int, EventBatch]], progress: Mapping[str, Progress]) -> None:
        """Commit takes."""
        with self._lock:
            self.check("commit")
            self._remove([(first, len(batch)) for first, batch in taken], progress)

    def _remove(self, ranges: list[tuple[int, int]], progress: Mapping[str, Progress]) -> int:
        count = sum(count for _, count in ranges)
        self.store.commit({}, ranges, progress, lazy=True)
        self._size -= count
        self._taken += count
        self._lock.notify_all()
        return count

    def give_back(self, taken: list[tuple[int, EventBatch]]) -> None:
        """Return rolled-back takes; sequence numbers put them where they were."""
        with self._lock:
            if self._open:
                self._queue = deque(sorted([*taken, *self._queue], key=lambda entry: entry[0]))
                self._lock.notify_all()

    def _figures(self) -> Mapping[str, MetricValue]:
        with self._lock:
            return {
                "ChannelSize": self._size,
                "ChannelCapacity": self.config.capacity,
                "ChannelFillPercentage": 100.0 * self._size / self.config.capacity,
                "EventPutAttemptCount": self._put_attempts,
                "EventPutSuccessCount": self._put,
                "EventTakeAttemptCount": self._take_attempts,
                "EventTakeSuccessCount": self._taken,
            }


class CrashableTransaction(Transaction):
    """A transaction of a `CrashableChannel`."""

    def __init__(self, channel: CrashableChannel) -> None:
        super().__init__(channel.name)
        self.channel = channel
        self.batches: list[EventBatch] = []
        self.taken: list[tuple[int, EventBatch]] = []
        self._count = 0

    @property
    def span(self) -> Span | None:
        if not self.taken:
            return None
        last, batch = self.taken[-1]
        return Span(self.taken[0][0], last + len(batch))

    def _do_put(self, batch: EventBatch) -> None:
        self._step("put")
        most = self.channel.config.transaction_capacity
        if self._count + len(batch) > most:
            raise ChannelError(
                f"channel {self.channel.name} refuses {self._count + len(batch)} events in one"
                f" transaction: transactionCapacity is {most}"
            )
        self._count += len(batch)
        self.batches.append(batch)

    def _do_take(self, max_events: int) -> EventBatch:
        self._step("take")
        room = self.channel.config.transaction_capacity - self._count
        if not room:
            raise ChannelError(
                f"channel {self.channel.name} gives at most {self._count} events to one transaction:"
                " that is its transactionCapacity"
            )
        span = self.span
        popped = self.channel.pop(min(max_events, room), span.end if span else None)
        if not popped:
            return EMPTY_BATCH
        self.taken += popped
        batch = EventBatch.concat(batch for _, batch in popped)
        self._count += len(batch)
        return batch

    def _do_commit(self) -> None:
        what = f"commit of {self._count} events {'put' if self._takes is False else 'taken'}"
        self._step(f"before {what}")
        progress = self._progress or {}
        if self._takes is False:
            self.channel.append(self.batches, progress)
        else:
            self.channel.drop(self.taken, progress)
        self._step(f"after {what}")

    def _do_rollback(self) -> None:
        self.channel.give_back(self.taken)
        self.taken = []

    def _step(self, what: str) -> None:
        self.channel.store.points.point(what)
