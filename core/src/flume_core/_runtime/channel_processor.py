"""From a source to its channels: interceptors, selector, one transaction per channel, progress.

The order is always: intercept once, select once, commit to each required channel, then to the
optional ones, then return to the source, which acknowledges.
"""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock, RLock
from time import monotonic

from flume_core._runtime.progress import BatchRecord, SourceProgress
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.channel import Channel
from flume_core.config.model import ComponentConfig
from flume_core.errors import ChannelError, ContractError
from flume_core.metrics import SOURCE_COUNTERS, ComponentMetrics, MetricValue
from flume_core.selector import ChannelSelector
from flume_core.ticket import Ticket
from flume_core.transaction import PROGRESS_LIMIT, Progress

__all__ = ["PROGRESS_DELAY", "ChannelProcessor", "Intercept", "Watch"]

Intercept = Callable[[EventBatch], EventBatch]
Watch = Callable[[str, EventBatch], None]
"""Told the channel and the batch after each commit."""

PROGRESS_DELAY = 1.0
"""Seconds after which progress that found no batch to ride on is committed alone."""

_RIDERS = PROGRESS_LIMIT // 4
"""Bytes of such progress that are committed at once: a record holds each entry before and after."""

_WHOLE = EventBatch.from_bodies([])
"""Stands for the source's own batch in what is held: a reference would keep that alive for ever."""


class _Held:
    """A batch on its way: what its channels still lack, and what to count when they have it."""

    __slots__ = (
        "emitted",
        "filtered",
        "guard",
        "optional",
        "received",
        "record",
        "required",
        "unrouted",
    )

    def __init__(self, received: int) -> None:
        self.received = received
        self.filtered = received
        self.unrouted = 0
        self.emitted = 0
        self.required: dict[str, EventBatch] = {}
        self.optional: Mapping[str, EventBatch] = {}
        self.record: BatchRecord | None = None
        self.guard: weakref.ref[EventBatch] | None = None


class ChannelProcessor:
    """The emitter of one source. Any thread may emit; interceptors and selector run one at a time."""

    def __init__(
        self,
        source: str,
        channels: Mapping[str, Channel[ComponentConfig]],
        selector: ChannelSelector[ComponentConfig],
        metrics: ComponentMetrics,
        log: logging.Logger,
        intercepts: Sequence[Intercept] = (),
        watch: Watch | None = None,
    ) -> None:
        self._channels = channels
        self._select = selector.select
        self._intercepts = tuple(intercepts)
        self._watch = watch
        self._log = log
        self._chain_lock = Lock()
        self._progress_lock = RLock()
        required = {name: channels[name] for name in selector.required_channels()}
        self._book_channels = frozenset(required)
        self._book = SourceProgress(source, required)
        self._keeps: bool | None = None
        self._riding: dict[str, bytes | None] = {}
        self._riding_since = 0.0
        self._held: dict[int, _Held] = {}
        self._failed: BaseException | None = None
        self._rewound = False
        self._flying: deque[tuple[_Held, Ticket]] = deque()
        self._count_lock = Lock()
        self._received = self._accepted = self._filtered = self._unrouted = self._emitted = 0
        self._optional_failures = 0
        only = selector.only_channel()
        plain = only is not None and not self._intercepts and watch is None
        self._put = channels[only].put if plain and only is not None else None
        self._only = only or ""
        alone = tuple(channels) == tuple(required) and len(required) == 1
        self._lone = next(iter(required)) if alone else ""
        self.last_emit = monotonic()
        """When a batch last came in, by the monotonic clock."""
        metrics.provide(self._figures)

    # --- Emitter

    @property
    def transaction_capacity(self) -> int | None:
        """See `flume_core.source.Emitter`."""
        bounds = [channel.transaction_capacity for channel in self._channels.values()]
        return min((bound for bound in bounds if bound is not None), default=None)

    @property
    def keeps_progress(self) -> bool:
        """See `flume_core.source.Emitter`. Known once the channels have started."""
        if self._keeps is None:
            self._keeps = self._book.kept
        return self._keeps

    def progress(self) -> Mapping[str, bytes]:
        """See `flume_core.source.Emitter`."""
        with self._progress_lock:
            return self._book.resume()

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        """See `flume_core.source.Emitter`."""
        if self._flying:
            self._land()
        if progress is not None and self.keeps_progress:
            with self._progress_lock:
                self._emit(batch, progress)
        elif self._put is not None and not self._held:
            self._emit_directly(batch)
        else:
            self._emit(batch, None)

    def emit_async(self, batch: EventBatch, progress: Progress | None = None) -> Ticket:
        """See `flume_core.source.Emitter`.

        With more than one channel, or where the commit has nothing to gain, it is committed here.
        """
        try:
            with self._progress_lock:
                self._look_for_landed()
                if self._failed is not None:
                    return Ticket.completed(self._failed)
                if self._lone and not self._held and not self._rewound:
                    return self._take_off(batch, progress)
            self._rewound = False
            self.emit(batch, progress)
        except ChannelError as error:
            self._failed = error
            self._held.clear()
            return Ticket.completed(error)
        return Ticket.completed()

    def rewind(self) -> None:
        """See `flume_core.source.Emitter`."""
        with self._progress_lock:
            try:
                self._land()
            except ChannelError:
                self._log.debug("rewinding behind a commit that failed", exc_info=True)
            self._failed = None
            # A channel refuses asynchronous commits of an owner after one failed, until one waits.
            self._rewound = True

    # --- commits under way

    def _take_off(self, batch: EventBatch, progress: Progress | None) -> Ticket:
        held = self._prepare(batch)
        if progress is not None and self.keeps_progress:
            self._attach(held, progress)
        if not held.required:
            # Nothing of it goes anywhere; it is counted behind what is under way.
            ticket = self._flying[-1][1] if self._flying else Ticket.completed()
            self._flying.append((held, ticket))
            return ticket
        name = self._lone
        part = held.required[name]
        try:
            tx = self._channels[name].transaction()
            tx.begin()
            try:
                tx.put(part)
                if held.record is not None:
                    tx.save_progress(self._book.owner, held.record.parts[name])
                ticket = tx.commit_async()
            except BaseException:
                tx.rollback()
                raise
            finally:
                tx.close()
        except Exception as error:
            self._settle_all()
            if held.record is not None:
                self._book.undo(held.record)
            if isinstance(error, ChannelError | ContractError):
                raise
            raise _foreign(name, error) from error
        self._flying.append((held, ticket))
        return ticket

    def _look_for_landed(self) -> None:
        """Count what is committed by now."""
        while self._flying and self._flying[0][1].done:
            held, ticket = self._flying[0]
            if ticket.error is not None:
                self._settle_all()
                return
            self._flying.popleft()
            self._landed(held)

    def _land(self) -> None:
        """Wait for everything under way; raise what it failed with."""
        with self._progress_lock:
            while self._flying:
                try:
                    self._flying[0][1].wait()
                finally:
                    self._look_for_landed()

    def _settle_all(self) -> None:
        """Wait for everything under way after a failure, and take back the progress that failed."""
        lost = []
        while self._flying:
            held, ticket = self._flying.popleft()
            try:
                ticket.wait()
            except ChannelError as error:
                self._failed = self._failed or error
                lost.append(held)
            else:
                self._landed(held)
        for held in reversed(lost):
            if held.record is not None:
                self._book.undo(held.record)

    def _landed(self, held: _Held) -> None:
        if self._watch is not None:
            for name, part in held.required.items():
                if len(part):
                    self._watch(name, part)
        self._count(held)

    # --- the runtime's side

    def flush_progress(self, *, at_once: bool = False) -> None:
        """Commit progress that waits for a batch, if it waits for long; a refusal is left for later."""
        if not self._riding:
            return
        with self._progress_lock:
            if self._riding and (at_once or monotonic() - self._riding_since >= PROGRESS_DELAY):
                held = _Held(0)
                riding = self._riding
                self._record(held, [self._book.home])
                try:
                    self._commit(held)
                except (ChannelError, ContractError) as error:
                    if held.record is not None:
                        self._book.undo(held.record)
                    self._riding = riding
                    self._log.warning("progress is not stored yet: %s", error)

    def _emit(self, batch: EventBatch, progress: Progress | None) -> None:
        held = self._held.pop(id(batch), None) if self._held else None
        if held is None:
            held = self._prepare(batch)
            if progress is not None:
                self._attach(held, progress)
        else:
            held.required = _exchange(held.required, _WHOLE, batch)
            held.optional = _exchange(held.optional, _WHOLE, batch)
            if held.record is not None:
                self._book.redo(held.record)
        try:
            self._commit(held)
        except (ChannelError, ContractError) as error:
            if held.record is not None:
                self._book.undo(held.record)
            if isinstance(error, ChannelError):
                self._hold(batch, held)
            raise
        for name, part in held.optional.items():
            self._offer(name, part)
        self._count(held)

    def _emit_directly(self, batch: EventBatch) -> None:
        """Emit where there is nothing to intercept, to choose or to watch: the shortest way."""
        assert self._put is not None
        count = len(batch)
        self.last_emit = monotonic()
        try:
            self._put(batch)
        except Exception as error:
            with self._count_lock:
                self._received += count
            if isinstance(error, ContractError):
                raise
            held = _Held(count)
            held.filtered, held.emitted = 0, count
            held.required = {self._only: _WHOLE}
            self._hold(batch, held)
            if isinstance(error, ChannelError):
                raise
            raise _foreign(self._only, error) from error
        with self._count_lock:
            self._received += count
            self._accepted += count
            self._emitted += count

    def _prepare(self, batch: EventBatch) -> _Held:
        count = len(batch)
        held = _Held(count)
        self.last_emit = monotonic()
        with self._count_lock:
            self._received += count
        if not count:
            return held
        with self._chain_lock:
            for intercept in self._intercepts:
                before = len(batch)
                batch = intercept(batch)
                if len(batch) > before:
                    raise ContractError(f"{intercept!r} returned more events than it was given")
                if not len(batch):
                    break
            left = len(batch)
            held.filtered = count - left
            if left:
                selection = self._select(batch)
                held.required = dict(selection.required)
                held.optional = selection.optional
                held.unrouted = selection.unrouted
                held.emitted = left - selection.unrouted
        return held

    def _attach(self, held: _Held, progress: Progress) -> None:
        if not self._riding:
            self._riding_since = monotonic()
        self._riding.update(progress)
        targets = [name for name in held.required if name in self._book_channels]
        if targets:
            self._record(held, targets)
        elif _weight(self._riding) > _RIDERS:
            self.flush_progress(at_once=True)

    def _record(self, held: _Held, targets: Sequence[str]) -> None:
        held.record = self._book.record(self._riding, targets)
        self._riding = {}
        for name in held.record.parts:
            held.required.setdefault(name, EMPTY_BATCH)

    def _commit(self, held: _Held) -> None:
        parts = held.record.parts if held.record is not None else {}
        for name in list(held.required):
            part = held.required[name]
            try:
                if name in parts:
                    with self._channels[name].transaction() as tx:
                        tx.put(part)
                        tx.save_progress(self._book.owner, parts[name])
                else:
                    self._channels[name].put(part)
            except (ChannelError, ContractError):
                raise
            except Exception as error:
                raise _foreign(name, error) from error
            del held.required[name]
            if self._watch is not None and len(part):
                self._watch(name, part)

    def _offer(self, name: str, part: EventBatch) -> None:
        try:
            self._channels[name].put(part)
        except Exception as error:  # noqa: BLE001 - an optional channel never fails the source
            with self._count_lock:
                self._optional_failures += len(part)
            self._log.warning(
                "optional channel %s did not take %d events: %s", name, len(part), error
            )
        else:
            if self._watch is not None:
                self._watch(name, part)

    def _hold(self, batch: EventBatch, held: _Held) -> None:
        """Remember a refused batch until it is emitted again or its source lets go of it."""
        held.required = _exchange(held.required, batch, _WHOLE)
        held.optional = _exchange(held.optional, batch, _WHOLE)
        key = id(batch)
        held.guard = weakref.ref(batch, lambda _: self._held.pop(key, None))
        self._held[key] = held

    def _count(self, held: _Held) -> None:
        with self._count_lock:
            self._accepted += held.received
            self._filtered += held.filtered
            self._unrouted += held.unrouted
            self._emitted += held.emitted

    def _figures(self) -> Mapping[str, MetricValue]:
        if self._flying and self._progress_lock.acquire(blocking=False):
            try:
                self._look_for_landed()
            finally:
                self._progress_lock.release()
        with self._count_lock:
            values = (self._received, self._accepted, self._filtered, self._unrouted, self._emitted)
            figures: dict[str, MetricValue] = dict(zip(SOURCE_COUNTERS, values, strict=True))
            figures["EventOptionalFailCount"] = self._optional_failures
        return figures


def _foreign(channel: str, error: Exception) -> ChannelError:
    return ChannelError(f"channel {channel} failed: {type(error).__name__}: {error}")


def _exchange(
    parts: Mapping[str, EventBatch], old: EventBatch, new: EventBatch
) -> dict[str, EventBatch]:
    return {name: new if part is old else part for name, part in parts.items()}


def _weight(progress: Progress) -> int:
    return sum(len(key) + len(value or b"") for key, value in progress.items())
