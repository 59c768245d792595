"""Sinks: what takes events from a channel and delivers them.

Three storeys. `EventSink.write` gets one event, `BatchSink.write` a batch; both leave transaction and
retry to the class. `Sink.process` does everything itself, for sinks with transactions of their own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.component import C, Component, ComponentContext, Status
from flume_core.config.model import ComponentConfig, SinkConfig
from flume_core.errors import PartialFailure, PermanentError, RetryableError
from flume_core.event import Event

__all__ = ["BatchSink", "EventSink", "Sink", "SinkContext", "Status"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


@dataclass(frozen=True, kw_only=True)
class SinkContext(ComponentContext):
    """What the agent gives a sink."""

    channel: Channel[ComponentConfig]
    grouped: bool = False
    """Whether another sink of a group can take over what this one cannot deliver."""


class Sink(Component[C]):
    """A sink in full control. ``process`` is called by one thread, again and again.

    Deliver, then commit: never the other way round.
    """

    kind: ClassVar[str] = "sink"
    config_model = SinkConfig
    context: SinkContext

    def __init__(self, config: C, context: SinkContext) -> None:
        super().__init__(config, context)
        self.owner = f"sink.{context.name}"
        """The name under which this sink's progress is kept."""
        self.trouble: str | None = None
        """What keeps the sink from delivering while `process` has not returned; shown in the status."""

    @property
    def channel(self) -> Channel[ComponentConfig]:
        """The channel that the sink takes from."""
        return self.context.channel

    def progress(self) -> Mapping[str, bytes]:
        """Return what this sink's commits stored in the channel; empty where none is kept."""
        return self.context.channel.progress(self.owner)

    @abstractmethod
    def process(self) -> Status:
        """Take a batch in one transaction, deliver it, commit. BACKOFF if the channel was empty.

        Any exception means that the transaction was rolled back. `PermanentError` makes the runner
        show the sink as failed and wait longest; everything else is retried after a pause.
        """


class _DeliveringSink(Sink[C]):
    """Owns the transaction and the retry of partial failures for the friendlier sinks."""

    batch_size: int = 100
    """Most events in one transaction: the property ``batchSize`` where the model has it."""

    def __init__(self, config: C, context: SinkContext) -> None:
        super().__init__(config, context)
        self.batch_size = getattr(config, "batch_size", self.batch_size)
        self.metrics.declare("EventDrainAttemptCount", "EventDrainSuccessCount")

    @abstractmethod
    def _deliver(self, batch: EventBatch) -> None: ...

    def process(self) -> Status:
        with self.channel.transaction() as tx:
            batch = tx.take(self.batch_size)
            count = len(batch)
            if count:
                self.metrics.add(EventDrainAttemptCount=count)
                self._deliver_all(batch)
        if not count:
            self.metrics.add(BatchEmptyCount=1)
            return Status.BACKOFF
        if count < self.batch_size:
            self.metrics.add(EventDrainSuccessCount=count, BatchUnderflowCount=1)
        else:
            self.metrics.add(EventDrainSuccessCount=count, BatchCompleteCount=1)
        return Status.READY

    def _deliver_all(self, batch: EventBatch) -> None:
        try:
            self._deliver(batch)
        except PartialFailure as failure:
            self._deliver_rest(batch.indices(failure.indices), failure)

    def _deliver_rest(self, rest: EventBatch, failure: Exception) -> None:
        """Try the undelivered rest of a batch until it is through: a rollback would repeat the others."""
        try:
            self._deliver_at_last(rest, failure)
        finally:
            self.trouble = None

    def _deliver_at_last(self, rest: EventBatch, failure: Exception) -> None:
        pause = _FIRST_PAUSE
        while rest:
            self.trouble = f"{len(rest)} events of a batch are not delivered: {failure}"
            self.log.warning("%s; trying them again in %.1f s", self.trouble, pause)
            if self.context.clock.wait(self.context.stopping, pause):
                raise RetryableError(f"stopped: {self.trouble}") from failure
            try:
                self._deliver(rest)
                break
            except Exception as error:
                left = rest.indices(error.indices) if isinstance(error, PartialFailure) else rest
                if len(left) == len(rest) and self.context.grouped:
                    raise  # another sink can take over, at the price of repeating what was delivered
                pause = _FIRST_PAUSE if len(left) < len(rest) else min(pause * 2, _LONGEST_PAUSE)
                if isinstance(error, PermanentError):
                    pause = _LONGEST_PAUSE
                rest, failure = left, error


class BatchSink(_DeliveringSink[C]):
    """A sink that writes batches; transaction, retry and back-off are done for it."""

    @abstractmethod
    def write(self, batch: EventBatch) -> None:
        """Deliver the whole batch, never empty, before returning.

        Raise `RetryableError` (or anything else) if none of it was delivered, `PermanentError` if it
        never can be, `PartialFailure` with the positions that were not delivered. On return, the
        events are gone from the channel.
        """

    def _deliver(self, batch: EventBatch) -> None:
        self.write(batch)


class EventSink(_DeliveringSink[C]):
    """A sink that writes one event at a time; transaction, retry and back-off are done for it."""

    @abstractmethod
    def write(self, event: Event) -> None:
        """Deliver one event before returning.

        If it raises, the events before it count as delivered: this one and the rest are tried again.
        """

    def _deliver(self, batch: EventBatch) -> None:
        write = self.write
        done = 0
        try:
            for event in batch:
                write(event)
                done += 1
        except Exception as error:
            if not done:
                raise
            raise PartialFailure(
                range(done, len(batch)), f"{type(error).__name__}: {error}"
            ) from error
