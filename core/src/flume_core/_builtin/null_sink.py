"""The ``null`` sink: discards events."""

from __future__ import annotations

from pydantic import Field

from flume_core.batch import EventBatch
from flume_core.config.fields import Events
from flume_core.config.model import SinkConfig
from flume_core.sink import BatchSink, SinkContext

__all__ = ["NullSink", "NullSinkConfig"]


class NullSinkConfig(SinkConfig):
    """Settings of the null sink."""

    log_every_n_events: Events = Field(
        10000,
        alias="logEveryNEvents",
        gt=0,
        description="a line at level INFO each time that so many more events are gone",
    )


class NullSink(BatchSink[NullSinkConfig]):
    """Takes events and forgets them, as in Flume.

    The progress line comes once per batch at most, however many multiples the batch passes.
    """

    def __init__(self, config: NullSinkConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        self._gone = 0

    def write(self, batch: EventBatch) -> None:
        """Count the batch."""
        every = self.config.log_every_n_events
        before, self._gone = self._gone, self._gone + len(batch)
        if before // every != self._gone // every:
            self.log.info("%d events discarded", self._gone // every * every)
