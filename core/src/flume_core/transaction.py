"""Transactions: how events enter and leave a channel.

::

    with channel.transaction() as tx:      # commit on a normal exit, roll back on an exception
        tx.put(batch)
    with channel.transaction() as tx:
        batch = tx.take(1000)              # an empty batch when there is nothing; never None
        store.write(batch)                 # raises: the events go back to the head of the channel

States, as in Flume::

    NEW -- begin --> OPEN -- commit | rollback --> COMPLETED -- close --> CLOSED

An illegal call raises `TransactionStateError` and names the state it met. A commit that raises leaves
the transaction open, and it must be rolled back (``with`` does so). A transaction is used for puts or
for takes, never for both, by one thread at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from types import TracebackType
from typing import NamedTuple, TypeAlias

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import ContractError, TransactionStateError
from flume_core.ticket import Ticket

__all__ = ["PROGRESS_LIMIT", "Progress", "Span", "Transaction", "TransactionState"]

Progress: TypeAlias = Mapping[str, bytes | None]
"""What changed in the position of a source or sink: entries to set, or to remove (None)."""

PROGRESS_LIMIT = 64 * 1024
"""The most bytes of progress (keys and values together) that one transaction may carry."""


class TransactionState(Enum):
    """Where a transaction is in its life."""

    NEW = "new"
    OPEN = "open"
    COMPLETED = "completed"
    CLOSED = "closed"


class Span(NamedTuple):
    """The sequence numbers of taken events: from ``first`` up to, not including, ``end``."""

    first: int
    end: int


_NEW, _OPEN = TransactionState.NEW, TransactionState.OPEN
_COMPLETED, _CLOSED = TransactionState.COMPLETED, TransactionState.CLOSED


class Transaction(ABC):
    """One unit of work on one channel; see the module for the rules.

    Channel authors write the ``_do_`` methods, which are called in legal states only, and call
    ``super().__init__(name)``. The checks are here, once.
    """

    __slots__ = ("_channel_name", "_progress", "_state", "_takes")

    def __init__(self, channel_name: str) -> None:
        self._channel_name = channel_name
        self._state = _NEW
        self._takes: bool | None = None
        self._progress: dict[str, dict[str, bytes | None]] | None = None

    # --- what channel authors write

    @abstractmethod
    def _do_put(self, batch: EventBatch) -> None:
        """Add a batch that is not empty. Raise `ChannelError` where it can never fit."""

    @abstractmethod
    def _do_take(self, max_events: int) -> EventBatch:
        """Return up to ``max_events`` events from the head at once, or an empty batch."""

    @abstractmethod
    def _do_commit(self) -> None:
        """Make everything take effect, all or nothing; progress is in ``self._progress``.

        Raise `ChannelFull` or another `ChannelError` with nothing done; a rollback follows.
        """

    @abstractmethod
    def _do_rollback(self) -> None:
        """Forget the puts, return the taken events to the head in their order. Must not fail."""

    def _do_commit_async(self) -> Ticket:
        """Start a commit. Channels that can group commits override this; the default waits."""
        self._do_commit()
        return Ticket.completed()

    # --- what everyone calls

    @property
    def state(self) -> TransactionState:
        """The state the transaction is in."""
        return self._state

    @property
    def span(self) -> Span | None:
        """Sequence numbers of what was taken, stable across restarts; None if the channel has none."""
        return None

    def begin(self) -> None:
        """Open the transaction. ``with`` calls it."""
        if self._state is not _NEW:
            self._refuse("begin")
        self._state = _OPEN

    def put(self, batch: EventBatch) -> None:
        """Add a batch; it is visible to takers after the commit. An empty batch changes nothing.

        Raises `ChannelError` where the batch can never fit (more than the transaction capacity), and
        TypeError for anything but an `EventBatch`.
        """
        if self._state is not _OPEN or self._takes:
            self._refuse("put")
        if not isinstance(batch, EventBatch):
            raise TypeError(f"put takes an EventBatch, not {type(batch).__name__}")
        self._takes = False
        if len(batch):
            self._do_put(batch)

    def take(self, max_events: int) -> EventBatch:
        """Return up to ``max_events`` events from the head of the channel, at once.

        An empty batch means that nothing is there now: `Channel.wait` waits. Several takes in one
        transaction return events that follow each other.
        """
        if self._state is not _OPEN or self._takes is False:
            self._refuse("take")
        self._takes = True
        if max_events <= 0:
            return EMPTY_BATCH
        return self._do_take(max_events)

    def save_progress(self, owner: str, progress: Progress) -> None:
        """Let the commit carry progress of ``owner`` (``source.NAME`` or ``sink.NAME``).

        Later entries of one transaction replace earlier ones. Channels that do not keep progress
        accept it and forget it. Raises `ContractError` above `PROGRESS_LIMIT` bytes: what the
        transaction carried before stays.
        """
        if self._state is not _OPEN:
            self._refuse("save_progress")
        carried = self._progress or {}
        merged = {**carried, owner: {**carried.get(owner, {}), **progress}}
        size = sum(
            len(k.encode("utf-8", "surrogateescape")) + len(v or b"")
            for entry in merged.values()
            for k, v in entry.items()
        )
        if size > PROGRESS_LIMIT:
            raise ContractError(
                f"{owner} hands over {size} bytes of progress in one transaction;"
                f" at most {PROGRESS_LIMIT} are allowed: send only the entries that changed"
            )
        self._progress = merged

    def commit(self) -> None:
        """Make puts, takes and progress take effect, durably where the channel is durable.

        Raises `ChannelFull` if there was no room within the keep-alive, `ChannelError` for other
        refusals. The transaction is then still open: roll it back.
        """
        if self._state is not _OPEN:
            self._refuse("commit")
        self._do_commit()
        self._state = _COMPLETED

    def commit_async(self) -> Ticket:
        """Start the commit and return a `Ticket`; tickets of one channel complete in order.

        The transaction counts as completed. Raises like `commit` where a refusal is known at once.
        """
        if self._state is not _OPEN:
            self._refuse("commit")
        ticket = self._do_commit_async()
        self._state = _COMPLETED
        return ticket

    def rollback(self) -> None:
        """Undo everything: puts are forgotten, taken events return to the head in their order."""
        if self._state is not _OPEN:
            self._refuse("rollback")
        self._state = _COMPLETED
        self._do_rollback()

    def close(self) -> None:
        """End the use of the transaction. An open one must be committed or rolled back first."""
        if self._state is _OPEN:
            self._refuse("close")
        self._state = _CLOSED

    def __enter__(self) -> Transaction:
        if self._state is not _NEW:
            self._refuse("begin")
        self._state = _OPEN
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._state is _OPEN:
            if kind is None:
                try:
                    self._do_commit()
                except BaseException:
                    self._do_rollback()
                    self._state = _CLOSED
                    raise
            else:
                self._do_rollback()
        self._state = _CLOSED

    def _refuse(self, call: str) -> None:
        if self._state is _OPEN and self._takes is not None:
            used = "takes" if self._takes else "puts"
            if call in ("put", "take"):
                raise TransactionStateError(
                    f"{call} in a transaction of channel {self._channel_name} that is used for {used};"
                    " use one transaction for puts and another for takes"
                )
        hint = "; commit or roll it back first" if call == "close" else ""
        raise TransactionStateError(
            f"{call} is not allowed: this transaction of channel {self._channel_name}"
            f" is {self._state.value}{hint}"
        )
