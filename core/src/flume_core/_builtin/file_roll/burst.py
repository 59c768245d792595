"""Several take transactions open at once, so that their batches reach the file in one system call.

``sink.batchSize`` bounds the events of one transaction. With Flume's default of 100 a write of its own
for each of them costs more than all the rest, most of it in changing threads around the call.
Transactions are committed one by one after the write, and rolled back newest first.
"""

from __future__ import annotations

from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.config.model import ComponentConfig
from flume_core.transaction import Transaction, TransactionState

__all__ = ["Burst"]

_BYTES = 1024 * 1024
"""A write this large is no longer worth enlarging."""
_TRANSACTIONS = 64


class Burst:
    """The open transactions of one call of ``process``."""

    __slots__ = ("_channel", "_open", "batches")

    def __init__(self, channel: Channel[ComponentConfig]) -> None:
        self._channel = channel
        self._open: list[Transaction] = []
        self.batches: list[EventBatch] = []
        """What was taken: one batch per transaction, none empty."""

    def take(self, batch_size: int) -> None:
        """Take batches of up to ``batch_size`` events while full ones are waiting."""
        size = 0
        while True:
            tx = self._channel.transaction()
            tx.begin()
            self._open.append(tx)
            batch = tx.take(batch_size)
            if not batch:
                tx.commit()
                tx.close()
                self._open.pop()
                return
            self.batches.append(batch)
            size += batch.nbytes
            if len(batch) < batch_size or size >= _BYTES or len(self.batches) == _TRANSACTIONS:
                return

    @property
    def next(self) -> Transaction:
        """The oldest transaction that is open."""
        return self._open[0]

    def commit_next(self) -> None:
        """Commit the oldest transaction that is open."""
        self._open[0].commit()
        self._open.pop(0).close()

    def rollback(self) -> None:
        """Give everything that is not committed back to the channel, in its order."""
        while self._open:
            tx = self._open.pop()
            if tx.state is TransactionState.OPEN:
                tx.rollback()
            tx.close()
