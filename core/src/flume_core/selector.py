"""Channel selectors: which channels a source's events go to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from flume_core.batch import EventBatch
from flume_core.component import C, Component, ComponentContext

__all__ = ["ChannelSelector", "EventSelector", "Selection", "SelectorContext"]

_NOTHING: Mapping[str, EventBatch] = {}


class Selection(NamedTuple):
    """Where the events of one batch go: for each channel its events, in their order.

    A put that a ``required`` channel refuses fails the source's emit; one that an ``optional`` channel
    refuses is logged and counted. ``unrouted`` counts the events that go nowhere.
    """

    required: Mapping[str, EventBatch]
    optional: Mapping[str, EventBatch] = _NOTHING
    unrouted: int = 0


@dataclass(frozen=True, kw_only=True)
class SelectorContext(ComponentContext):
    """What the agent gives a selector."""

    channels: tuple[str, ...]
    """The names of the source's channels, in the order of the configuration."""


class ChannelSelector(Component[C]):
    """Chooses channels for whole batches. Calls come one at a time."""

    kind: ClassVar[str] = "channel_selector"
    context: SelectorContext

    def __init__(self, config: C, context: SelectorContext) -> None:
        super().__init__(config, context)
        self.channels = context.channels

    def check(self) -> Sequence[str]:
        """Return what is wrong with the settings, given the source's channels; one line each."""
        return ()

    def required_channels(self) -> Sequence[str]:
        """Return the channels that some event may require; the source's progress is kept in these."""
        return self.channels

    def only_channel(self) -> str | None:
        """Return the one required channel that every event goes to; None if there is more to choose.

        Where there is nothing to choose the runtime does not ask for each batch.
        """
        return None

    @abstractmethod
    def select(self, batch: EventBatch) -> Selection:
        """Return where the events of a batch, never empty, go."""


class EventSelector(ChannelSelector[C]):
    """Chooses channels event by event."""

    @abstractmethod
    def select_event(self, headers: Mapping[str, str]) -> tuple[Sequence[str], Sequence[str]]:
        """Return the required and the optional channels of an event with these headers."""

    def select(self, batch: EventBatch) -> Selection:
        """Return where the events go, asking once per event."""
        required: dict[str, list[bool]] = {}
        optional: dict[str, list[bool]] = {}
        unrouted = 0
        for index, event in enumerate(batch):
            must, may = self.select_event(event.headers)
            unrouted += not must and not may
            for marks, names in ((required, must), (optional, may)):
                for name in names:
                    marks.setdefault(name, [False] * len(batch))[index] = True
        return Selection(
            {name: batch.select(keep) for name, keep in required.items()},
            {name: batch.select(keep) for name, keep in optional.items()},
            unrouted,
        )
