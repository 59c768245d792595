"""Sources: what brings events into the agent.

A source hands batches to its `Emitter` and acknowledges to its own peer, or moves its own position,
only after the emitter returned: receive, commit, then acknowledge.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from flume_core.batch import EventBatch
from flume_core.component import C, Component, ComponentContext, Status
from flume_core.config.model import SourceConfig
from flume_core.ticket import Ticket
from flume_core.transaction import Progress

__all__ = ["Emitter", "PollableSource", "Source", "SourceContext", "Status"]


class Emitter(Protocol):
    """Where a source hands over its batches; provided by the runtime. Any thread may call it."""

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        """Return when the batch is committed to every required channel.

        Interceptors run once. ``progress`` is what changed in the source's position with this batch;
        it is stored in the same transaction where the channel keeps progress, else forgotten. An
        empty batch with progress is allowed.

        Raises `ChannelFull` if a channel had no room within its keep-alive, or another
        `ChannelError`. Emit *the same batch object* again then: it is offered only to the channels
        that lack it, and interceptors do not run again. Or drop it: nothing else is held against you,
        but channels that took it keep it.
        """

    def emit_async(self, batch: EventBatch, progress: Progress | None = None) -> Ticket:
        """Hand over without waiting for the commit; tickets complete in order.

        If one fails, all later ones fail, and so does every further call until `rewind`: the source
        then starts again behind the last batch that was committed.
        """

    def rewind(self) -> None:
        """Accept batches again after a ticket failed, once the source has gone back."""

    @property
    def transaction_capacity(self) -> int | None:
        """The most events that every channel of the source takes in one batch; None: no bound."""

    @property
    def keeps_progress(self) -> bool:
        """Whether every required channel keeps progress, so that `progress` can be relied on."""

    def progress(self) -> Mapping[str, bytes]:
        """Return the position stored with the last events that are surely in the channels.

        Empty if there is none, or if some required channel does not keep progress. Read it in
        ``start``.
        """


@dataclass(frozen=True, kw_only=True)
class SourceContext(ComponentContext):
    """What the agent gives a source."""

    emitter: Emitter


class Source(Component[C]):
    """A source with threads or sockets of its own. ``start`` begins receiving, ``stop`` ends it.

    After ``stop`` returned the source emits nothing more.
    """

    kind: ClassVar[str] = "source"
    config_model = SourceConfig
    context: SourceContext

    def __init__(self, config: C, context: SourceContext) -> None:
        super().__init__(config, context)

    @property
    def emitter(self) -> Emitter:
        """Where batches go."""
        return self.context.emitter

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        """Hand over a batch and return after the commit; see `Emitter.emit` for what is raised."""
        self.context.emitter.emit(batch, progress)


class PollableSource(Source[C]):
    """A source that the runner asks for more, in one thread of its own.

    ``start``, ``poll`` and ``stop`` are called by that thread, one at a time.
    """

    @abstractmethod
    def poll(self) -> Status:
        """Emit what is there, bounded (a batch or a few), and return soon.

        READY if there may be more at once, BACKOFF if the source is caught up: the runner then waits,
        n times ``backoffSleepIncrement`` after n times in a row, up to ``maxBackoffSleep``. A
        `ChannelError` is retried at once (the channel has waited already), any other exception after
        ``maxBackoffSleep``. Never sleep in here.
        """
