"""The channel contract: where events wait between a source and a sink."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from flume_core.batch import EventBatch
from flume_core.component import C, Component
from flume_core.config.model import ChannelConfig
from flume_core.errors import ContractError
from flume_core.transaction import Transaction

__all__ = ["Channel"]


class Channel(Component[C]):
    """Holds events in transactions, first in, first out by commit.

    Any number of threads put and take at once, each in a transaction of its own. What a commit
    accepted is delivered once to one taker, or again after that taker rolled back; a rolled-back take
    returns to the head in its order. Counters obey put = taken + size at every moment.

    ``start`` recovers what is stored; ``stop`` waits for nothing: the runtime stops sources and
    sinks first. Memory channels keep their contents across stop and start of the same object.
    """

    kind: ClassVar[str] = "channel"
    config_model = ChannelConfig

    @abstractmethod
    def transaction(self) -> Transaction:
        """Return a new transaction for ``with``. Cheap: one is made for every batch."""

    def put(self, batch: EventBatch) -> None:
        """Put one batch in a transaction of its own; raises what `Transaction.commit` raises.

        The runtime uses it for batches without progress; a channel may have a shorter way.
        """
        with self.transaction() as tx:
            tx.put(batch)

    @abstractmethod
    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until there may be events to take; tell whether there are.

        A commit of a put ends the wait at once, so does `wake`. It may return True although another
        taker is faster.
        """

    @abstractmethod
    def wake(self) -> None:
        """End every `wait`, and every wait for room in a commit (as `ChannelFull`), now.

        Called when the agent stops, from any thread.
        """

    @abstractmethod
    def size(self) -> int:
        """Return the events put and not yet gone, those in open takes included."""

    @property
    @abstractmethod
    def capacity(self) -> int | None:
        """The most events the channel holds; None where there is no such bound."""

    @property
    def transaction_capacity(self) -> int | None:
        """The most events one transaction may put, and separately take; None: no bound."""
        return None

    @property
    def durable(self) -> bool:
        """Whether waiting events survive the end of the process; if not, a stop drains them first."""
        return False

    # --- durable channels override these (see `Transaction.save_progress`)

    @property
    def keeps_progress(self) -> bool:
        """Whether progress carried by commits survives a crash together with the events."""
        return False

    def progress(self, owner: str) -> Mapping[str, bytes]:
        """Return the stored progress of ``source.NAME`` or ``sink.NAME``; empty if there is none."""
        return {}

    def sync(self) -> None:
        """Return when every take-commit so far is on disk. At once where nothing is durable."""

    def discard(self, until: int) -> int:
        """Drop waiting events with a sequence number below ``until``; return how many.

        For sinks that keep their own position at the far end: called before the first take, with the
        ``end`` of the last `Span` that arrived. Only channels whose transactions have spans can do it.
        """
        raise ContractError(f"channel {self.name} has no sequence numbers to discard by")
