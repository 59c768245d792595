"""Event serializers: how a batch becomes bytes in a file or stream."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from flume_core.batch import Buffer, EventBatch
from flume_core.component import C, Component

__all__ = ["EventSerializer"]


class EventSerializer(Component[C]):
    """Turns batches into buffers; one object per file. It opens and writes nothing itself."""

    kind: ClassVar[str] = "event_serializer"
    can_append: ClassVar[bool] = False
    """Whether a file that was closed may be continued."""

    def begin(self, *, append: bool = False) -> Sequence[Buffer]:
        """Return what comes before the first event; ``append``: the file exists already."""
        return ()

    @abstractmethod
    def serialize(self, batch: EventBatch) -> Sequence[Buffer]:
        """Return the buffers of a batch, complete: after them the file may be flushed or cut."""

    def end(self) -> Sequence[Buffer]:
        """Return what comes after the last event."""
        return ()
