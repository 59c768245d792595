"""A channel in trouble: fails when a test says so, and shows what its users do."""

# ruff: noqa: D102 - methods without a docstring keep the contract of what they override

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.config.model import ComponentConfig
from flume_core.transaction import Span, Transaction

__all__ = ["Call", "FailingChannel", "WatchedTransaction"]

Call: TypeAlias = Literal["put", "take", "commit"]


class FailingChannel(Channel[ComponentConfig]):
    """A channel around another that fails when it is told to, and lets a test look at each call."""

    def __init__(self, inner: Channel[Any]) -> None:
        super().__init__(inner.config, inner.context)
        self.inner = inner
        self.transactions: list[WatchedTransaction] = []
        """Every transaction, in the order they were made."""
        self.before: dict[Call, Callable[[WatchedTransaction], object]] = {}
        """What to call before a put, take or commit is done."""
        self._errors: dict[str, list[Exception]] = {}

    def fail(self, call: Call, *errors: Exception) -> None:
        """Let the next calls fail, each with one of ``errors``, with nothing done."""
        self._errors.setdefault(call, []).extend(errors)

    def reached(self, call: Call, transaction: WatchedTransaction) -> None:
        """Watch a call, and fail it if its turn has come."""
        if call in self.before:
            self.before[call](transaction)
        if self._errors.get(call):
            raise self._errors[call].pop(0)

    def start(self) -> None:
        self.inner.start()

    def stop(self) -> None:
        self.inner.stop()

    def transaction(self) -> Transaction:
        transaction = WatchedTransaction(self)
        self.transactions.append(transaction)
        return transaction

    def wait(self, timeout: float) -> bool:
        return self.inner.wait(timeout)

    def wake(self) -> None:
        self.inner.wake()

    def size(self) -> int:
        return self.inner.size()

    @property
    def capacity(self) -> int | None:
        return self.inner.capacity

    @property
    def transaction_capacity(self) -> int | None:
        return self.inner.transaction_capacity

    @property
    def durable(self) -> bool:
        return self.inner.durable

    @property
    def keeps_progress(self) -> bool:
        return self.inner.keeps_progress

    def progress(self, owner: str) -> Mapping[str, bytes]:
        return self.inner.progress(owner)

    def sync(self) -> None:
        self.inner.sync()

    def discard(self, until: int) -> int:
        return self.inner.discard(until)


class WatchedTransaction(Transaction):
    """A transaction of a `FailingChannel`: does what the inner one does, and remembers it."""

    def __init__(self, channel: FailingChannel) -> None:
        super().__init__(channel.name)
        self.channel = channel
        self.inner = channel.inner.transaction()
        self.inner.begin()
        self.asked: list[int] = []
        """How many events each take asked for."""
        self.taken: list[EventBatch] = []
        """What the takes returned."""
        self.outcome: Literal["open", "committed", "rolled back"] = "open"

    @property
    def events(self) -> EventBatch:
        """All events taken."""
        return EventBatch.concat(self.taken)

    @property
    def span(self) -> Span | None:
        return self.inner.span

    def _do_put(self, batch: EventBatch) -> None:
        self.channel.reached("put", self)
        self.inner.put(batch)

    def _do_take(self, max_events: int) -> EventBatch:
        self.channel.reached("take", self)
        self.asked.append(max_events)
        batch = self.inner.take(max_events)
        self.taken.append(batch)
        return batch

    def _do_commit(self) -> None:
        self.channel.reached("commit", self)
        for owner, entries in (self._progress or {}).items():
            self.inner.save_progress(owner, entries)
        self.inner.commit()
        self.inner.close()
        self.outcome = "committed"

    def _do_rollback(self) -> None:
        self.inner.rollback()
        self.inner.close()
        self.outcome = "rolled back"
