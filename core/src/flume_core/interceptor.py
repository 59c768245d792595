"""Interceptors: what changes or drops events between a source and its channels."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from flume_core.batch import EventBatch
from flume_core.component import C, Component
from flume_core.event import Event

__all__ = ["EventInterceptor", "Interceptor"]


class Interceptor(Component[C]):
    """Works on whole batches. ``start`` runs with the source's start, ``stop`` with its stop.

    Calls come one at a time, but not always from the same thread.
    """

    kind: ClassVar[str] = "interceptor"

    @abstractmethod
    def intercept(self, batch: EventBatch) -> EventBatch:
        """Return the batch changed: as many events or fewer, in their order, never more.

        The batch is not empty. An exception makes the source's emit fail with nothing committed.
        """


class EventInterceptor(Component[C]):
    """Works on one event at a time; several times dearer than `Interceptor`, and shorter."""

    kind: ClassVar[str] = "interceptor"

    @abstractmethod
    def intercept(self, event: Event) -> Event | None:
        """Return the event, a changed copy, or None to drop it."""

    def intercept_batch(self, batch: EventBatch) -> EventBatch:
        """Return the batch with every event intercepted. The runtime calls this."""
        return batch.map_events(self.intercept)
