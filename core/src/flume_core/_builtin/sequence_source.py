"""The ``seq`` source: numbers, for trying an agent out."""

from __future__ import annotations

from pydantic import Field

from flume_core.batch import EventBatch
from flume_core.config.fields import Events
from flume_core.config.model import PollableSourceConfig
from flume_core.source import PollableSource, SourceContext, Status

__all__ = ["SequenceSource", "SequenceSourceConfig"]


class SequenceSourceConfig(PollableSourceConfig):
    """Settings of the sequence source."""

    batch_size: Events = Field(1, gt=0, description="events handed over at once")
    total_events: Events = Field(2**63 - 1, ge=0, description="events after which it rests")


class SequenceSource(PollableSource[SequenceSourceConfig]):
    """Emits a counter as decimal text, from 0, as Flume does; a new start begins at 0 again.

    The counter moves on only after a commit: what was refused is offered again, as the same batch. The
    answer is BACKOFF once ``totalEvents`` are out.
    """

    def __init__(self, config: SequenceSourceConfig, context: SourceContext) -> None:
        super().__init__(config, context)
        self._next = 0
        self._offered: EventBatch | None = None

    def poll(self) -> Status:
        """Emit the next batch."""
        total = self.config.total_events
        if self._next < total:
            if self._offered is None:
                self._offered = _numbers(
                    self._next, min(self._next + self.config.batch_size, total)
                )
            self.emit(self._offered)
            self._next += len(self._offered)
            self._offered = None
        return Status.READY if self._next < total else Status.BACKOFF


def _numbers(first: int, end: int) -> EventBatch:
    lines = "\n".join(map(str, range(first, end))) + "\n"
    return EventBatch.from_block(lines.encode("ascii"), end - first)
