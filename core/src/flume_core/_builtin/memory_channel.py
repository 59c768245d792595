"""The ``memory`` channel: fast, bounded, and empty after the process ends.

Batches are kept as they came and cut only when a sink asks for less. Room is counted in events
(``capacity``) and in bytes of bodies, in slots of 100 bytes as Flume does; but a batch that is still one
block of lines is rounded up once, not event by event. Events in an open take
still occupy their place, so that a rollback always fits.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from threading import Condition, Lock
from time import monotonic
from typing import Annotated

from pydantic import Field, model_validator

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.channel import Channel
from flume_core.component import ComponentContext
from flume_core.config.fields import ByteSize, Events, JavaRepairs, Seconds
from flume_core.config.model import ChannelConfig
from flume_core.errors import ChannelError, ChannelFull
from flume_core.metrics import MetricValue
from flume_core.transaction import Transaction

__all__ = ["MemoryChannel", "MemoryChannelConfig"]

_SLOT = 100
_MOST_SLOTS = 2**31 - 1
_NAP = 0.02
"""Seconds after which a putter looks again although nobody woke it; see `MemoryChannel._room_made`."""


def _default_bytes() -> int:
    """Return 80 % of what the process may use: Flume's 80 % of the heap, where there is no heap."""
    return int(0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


class MemoryChannelConfig(ChannelConfig):
    """Settings of the memory channel."""

    capacity: Annotated[Events, JavaRepairs()] = Field(
        100, gt=0, description="most events in the channel"
    )
    transaction_capacity: Annotated[Events, JavaRepairs()] = Field(
        100, gt=0, description="most events that one transaction puts, and that one takes"
    )
    keep_alive: Annotated[Seconds, JavaRepairs()] = Field(
        3, ge=0, alias="keep-alive", description="how long a commit waits for room"
    )
    byte_capacity: Annotated[ByteSize | None, JavaRepairs()] = Field(
        None, ge=0, description="most bytes of bodies; 0: no bound; default: 80 % of the memory"
    )
    byte_capacity_buffer_percentage: Annotated[int, JavaRepairs()] = Field(
        20, ge=0, le=100, description="share of byteCapacity set aside for headers, in percent"
    )

    @model_validator(mode="after")
    def _fits(self) -> MemoryChannelConfig:
        if self.transaction_capacity > self.capacity:
            raise ValueError(
                f"transactionCapacity {self.transaction_capacity} is above capacity {self.capacity};"
                " raise capacity or lower transactionCapacity"
            )
        return self

    def slots(self) -> int:
        """Return the byte slots that bodies may use (configuration reference, section 13)."""
        size = _default_bytes() if self.byte_capacity is None else self.byte_capacity
        slots = int(size * (1 - self.byte_capacity_buffer_percentage / 100) / _SLOT)
        return slots if 1 <= slots <= _MOST_SLOTS else _MOST_SLOTS


class MemoryChannel(Channel[MemoryChannelConfig]):
    """Holds batches in memory, first in, first out by commit."""

    def __init__(self, config: MemoryChannelConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._lock = Lock()
        self._events_came = Condition(self._lock)
        self._room_came = Condition(self._lock)
        self._queue: deque[tuple[EventBatch, int]] = deque()
        self._waiting = 0
        self._in_takes = 0
        self._slots_free = config.slots()
        self._capacity = config.capacity
        self._transaction_capacity = config.transaction_capacity
        self._takers_waiting = 0
        self._putters_waiting = 0
        self._woken = False
        self._put_attempts = self._put = self._take_attempts = self._taken = 0
        self.metrics.provide(self._figures)

    def start(self) -> None:
        self._woken = False

    def transaction(self) -> Transaction:
        return _MemoryTransaction(self)

    def put(self, batch: EventBatch) -> None:
        count = len(batch)
        if count > self._transaction_capacity:
            raise self._too_many(count)
        if count:
            slots = _cost(batch)
            self._append([(batch, slots)], count, slots)

    def size(self) -> int:
        return self._waiting + self._in_takes

    @property
    def capacity(self) -> int:
        return self.config.capacity

    @property
    def transaction_capacity(self) -> int:
        return self.config.transaction_capacity

    def wait(self, timeout: float) -> bool:
        if self._queue:
            return True
        with self._lock:
            if not self._queue and not self._woken and timeout > 0:
                self._takers_waiting += 1
                self._events_came.wait(timeout)
                self._takers_waiting -= 1
            return bool(self._queue)

    def wake(self) -> None:
        with self._lock:
            self._woken = True
            self._events_came.notify_all()
            self._room_came.notify_all()

    def _figures(self) -> Mapping[str, MetricValue]:
        with self._lock:
            size = self._waiting + self._in_takes
            return {
                "ChannelSize": size,
                "ChannelCapacity": self.config.capacity,
                "ChannelFillPercentage": 100.0 * size / self.config.capacity,
                "EventPutAttemptCount": self._put_attempts,
                "EventPutSuccessCount": self._put,
                "EventTakeAttemptCount": self._take_attempts,
                "EventTakeSuccessCount": self._taken,
            }

    def _too_many(self, count: int) -> ChannelError:
        return ChannelError(
            f"channel {self.name} refuses {count} events in one transaction: transactionCapacity"
            f" is {self.config.transaction_capacity}; raise it, or lower the batch size"
        )

    # --- what transactions call

    def _append(self, batches: list[tuple[EventBatch, int]], count: int, slots: int) -> None:
        """Store committed puts of ``count`` events; wait for room up to the keep-alive."""
        with self._lock:
            self._put_attempts += count
            held = self._waiting + self._in_takes + count
            if held > self._capacity or slots > self._slots_free:
                self._wait_for_room(count, slots)
            self._slots_free -= slots
            self._waiting += count
            self._put += count
            self._queue.extend(batches)
            if self._takers_waiting:
                self._events_came.notify_all()

    def _lacks(self, count: int, slots: int) -> bool:
        held = self._waiting + self._in_takes
        return held + count > self.config.capacity or slots > self._slots_free

    def _wait_for_room(self, count: int, slots: int) -> None:
        deadline = monotonic() + self.config.keep_alive
        self._putters_waiting += 1
        try:
            while self._lacks(count, slots):
                left = deadline - monotonic()
                if left <= 0 or self._woken:
                    raise ChannelFull(self._why_full(count, slots))
                self._room_came.wait(min(left, _NAP))
        finally:
            self._putters_waiting -= 1

    def _why_full(self, count: int, slots: int) -> str:
        held, config = self._waiting + self._in_takes, self.config
        if held + count > config.capacity:
            return (
                f"channel {self.name} is full: {held} of {config.capacity} events, no room for {count}"
                f" within keep-alive ({config.keep_alive} s); the sinks do not keep up, or capacity is"
                " too small"
            )
        return (
            f"channel {self.name} is full: {slots * _SLOT} bytes do not fit into the"
            f" {self._slots_free * _SLOT} left of byteCapacity within keep-alive"
            f" ({config.keep_alive} s)"
        )

    def _pop(self, most: int) -> list[tuple[EventBatch, int]]:
        """Take batches of up to ``most`` events from the head; the last may be cut."""
        popped: list[tuple[EventBatch, int]] = []
        queue = self._queue
        with self._lock:
            self._take_attempts += 1
            left = most
            while queue and left:
                entry = queue[0]
                count = len(entry[0])
                if count <= left:
                    queue.popleft()
                else:
                    head, rest = _cut(entry, left)
                    queue[0] = rest
                    entry, count = head, left
                popped.append(entry)
                left -= count
            taken = most - left
            self._waiting -= taken
            self._in_takes += taken
        return popped

    def _drop(self, taken: list[tuple[EventBatch, int]], count: int) -> None:
        """Forget committed takes and make their room free."""
        slots = sum([cost for _, cost in taken])
        with self._lock:
            self._in_takes -= count
            self._taken += count
            self._slots_free += slots
            if self._putters_waiting:
                self._room_made()

    def _room_made(self) -> None:
        """Wake putters once a good part is free.

        Waking for every batch would switch threads for every batch, which costs more than the batch.
        Who needs less than that, or whose sink stands still, looks again by itself after a nap.
        """
        held = self._waiting + self._in_takes
        if held * 4 <= self.config.capacity * 3:
            self._room_came.notify_all()

    def _return(self, taken: list[tuple[EventBatch, int]], count: int) -> None:
        """Put rolled-back takes back at the head."""
        with self._lock:
            self._queue.extendleft(reversed(taken))
            self._in_takes -= count
            self._waiting += count
            if self._takers_waiting:
                self._events_came.notify_all()


def _cost(batch: EventBatch) -> int:
    """Return the byte slots of a batch: each body rounded up to 100 bytes, and at least one."""
    if batch.is_block:
        # One division for the batch instead of one per event: less than one slot per event too few.
        return max(len(batch), -(-batch.nbytes // _SLOT))
    return sum([-(-size // _SLOT) or 1 for size in map(len, batch.bodies())])


def _cut(
    entry: tuple[EventBatch, int], at: int
) -> tuple[tuple[EventBatch, int], tuple[EventBatch, int]]:
    batch, cost = entry
    head, rest = batch.slice(0, at), batch.slice(at, len(batch))
    head_cost = min(_cost(head), cost - len(rest))
    return (head, head_cost), (rest, cost - head_cost)


class _MemoryTransaction(Transaction):
    __slots__ = ("_batches", "_channel", "_count")

    def __init__(self, channel: MemoryChannel) -> None:
        super().__init__(channel.name)
        self._channel = channel
        self._batches: list[tuple[EventBatch, int]] = []
        self._count = 0

    def _do_put(self, batch: EventBatch) -> None:
        channel = self._channel
        count = self._count + len(batch)
        if count > channel._transaction_capacity:
            raise channel._too_many(count)
        self._batches.append((batch, _cost(batch)))
        self._count = count

    def _do_take(self, max_events: int) -> EventBatch:
        channel = self._channel
        if self._count + max_events > channel._transaction_capacity:
            max_events = channel._transaction_capacity - self._count
            if max_events <= 0:
                raise ChannelError(
                    f"channel {channel.name} gives at most {self._count} events to one transaction:"
                    " that is its transactionCapacity"
                )
        popped = channel._pop(max_events)
        if not popped:
            return EMPTY_BATCH
        batch = popped[0][0] if len(popped) == 1 else EventBatch.concat([b for b, _ in popped])
        self._batches += popped
        self._count += len(batch)
        return batch

    def _do_commit(self) -> None:
        if self._batches:
            if self._takes:
                self._channel._drop(self._batches, self._count)
            else:
                slots = sum([cost for _, cost in self._batches])
                self._channel._append(self._batches, self._count, slots)

    def _do_rollback(self) -> None:
        if self._takes and self._batches:
            self._channel._return(self._batches, self._count)
        self._batches = []
