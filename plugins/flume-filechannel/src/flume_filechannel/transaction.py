"""The transaction of the file channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import ChannelError
from flume_core.ticket import Ticket
from flume_core.transaction import Span, Transaction
from flume_filechannel.backlog import Piece

if TYPE_CHECKING:
    from flume_filechannel.channel import FileChannel

__all__ = ["FileTransaction"]


class FileTransaction(Transaction):
    """Collects puts until the commit, or holds what was taken until then."""

    __slots__ = ("_batches", "_channel", "_count", "_pieces")

    def __init__(self, channel: FileChannel) -> None:
        super().__init__(channel.name)
        self._channel = channel
        self._batches: list[EventBatch] = []
        self._pieces: list[Piece] = []
        self._count = 0

    @property
    def span(self) -> Span | None:
        """See `Transaction.span`."""
        if not self._pieces:
            return None
        return Span(min(seq for seq, _ in self._pieces), max(p.end for p in self._pieces))

    def _do_put(self, batch: EventBatch) -> None:
        count = self._count + len(batch)
        self._channel.check_size(count)
        self._batches.append(batch)
        self._count = count

    def _do_take(self, max_events: int) -> EventBatch:
        most = min(max_events, self._channel.transaction_capacity - self._count)
        if most <= 0:
            raise ChannelError(
                f"channel {self._channel.name} gives at most {self._count} events to one"
                " transaction: that is its transactionCapacity"
            )
        pieces = self._channel.take(most)
        if not pieces:
            return EMPTY_BATCH
        batch = EventBatch.concat([batch for _, batch in pieces])
        self._pieces += pieces
        self._count += len(batch)
        return batch

    def _do_commit(self) -> None:
        if self._pieces or (self._takes and self._progress):
            self._channel.commit_takes(self._pieces, self._progress)
        elif self._batches or self._progress:
            self._channel.commit_puts(EventBatch.concat(self._batches), self._progress)

    def _do_commit_async(self) -> Ticket:
        if self._takes or not (self._batches or self._progress):
            self._do_commit()
            return Ticket.completed()
        return self._channel.start_commit(EventBatch.concat(self._batches), self._progress)

    def _do_rollback(self) -> None:
        self._channel.roll_back(self._pieces)
        self._pieces = []
        self._batches = []
