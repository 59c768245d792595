"""The ``embedded`` source: how a program that embeds an agent hands over events."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Condition

from flume_core.batch import EventBatch
from flume_core.config.model import SourceConfig
from flume_core.errors import ContractError
from flume_core.event import Event
from flume_core.source import Source, SourceContext

__all__ = ["EmbeddedSource"]

_LONGEST_WAIT = 30.0  # seconds that `stop` waits for puts that are under way


class EmbeddedSource(Source[SourceConfig]):
    """Takes events from the program that the agent is part of.

    Any number of threads may `put`; each waits in its own call until its events are committed.
    """

    def __init__(self, config: SourceConfig, context: SourceContext) -> None:
        super().__init__(config, context)
        self._changed = Condition()
        self._open = False
        self._under_way = 0

    def put(self, events: EventBatch | Iterable[Event]) -> None:
        """Return when the events are committed to every required channel, all in one transaction each.

        Raises `ChannelFull` where a channel had no room within its keep-alive, another `ChannelError`
        where it refused for another reason (more events than its transaction capacity), and
        `ContractError` before `start` and after `stop`. After a `ChannelError` put the *same*
        `EventBatch` again: where there are several channels, those that have it do not get it twice.
        """
        batch = events if isinstance(events, EventBatch) else EventBatch.from_events(events)
        with self._changed:
            if not self._open:
                raise ContractError(
                    f"source {self.name} takes events only while the agent runs; start it first, and"
                    " put before it stops"
                )
            self._under_way += 1
        try:
            if batch:
                self.emit(batch)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def start(self) -> None:
        """Accept events from now on."""
        with self._changed:
            self._open = True

    def stop(self) -> None:
        """Accept no more events, and wait for those under way; 30 seconds at most."""
        with self._changed:
            self._open = False
            if not self._changed.wait_for(lambda: not self._under_way, _LONGEST_WAIT):
                self.log.warning("%d puts are still under way after the stop", self._under_way)
