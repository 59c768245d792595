"""The state table of transactions, over a channel that only records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import ChannelFull, ContractError, TransactionStateError
from flume_core.transaction import PROGRESS_LIMIT, Transaction, TransactionState

ONE = EventBatch.from_bodies([b"x"])
NEW, OPEN, COMPLETED, CLOSED = TransactionState


class Recorded(Transaction):
    def __init__(self, *failing: str) -> None:
        super().__init__("c1")
        self.done: list[str] = []
        self.failing = failing

    def _note(self, what: str) -> None:
        self.done.append(what)
        if what in self.failing:
            raise ChannelFull(f"{what} failed")

    def _do_put(self, batch: EventBatch) -> None:
        self._note("put")

    def _do_take(self, max_events: int) -> EventBatch:
        self._note("take")
        return ONE

    def _do_commit(self) -> None:
        self._note("commit")

    def _do_rollback(self) -> None:
        self._note("rollback")


def in_state(state: TransactionState) -> Recorded:
    tx = Recorded()
    steps = {OPEN: ["begin"], COMPLETED: ["begin", "commit"], CLOSED: ["close"]}
    for step in steps.get(state, []):
        getattr(tx, step)()
    tx.done.clear()
    assert tx.state is state
    return tx


CALLS: dict[str, Callable[[Transaction], object]] = {
    "begin": lambda tx: tx.begin(),
    "put": lambda tx: tx.put(ONE),
    "take": lambda tx: tx.take(1),
    "save_progress": lambda tx: tx.save_progress("source.r1", {}),
    "commit": lambda tx: tx.commit(),
    "commit_async": lambda tx: tx.commit_async(),
    "rollback": lambda tx: tx.rollback(),
    "close": lambda tx: tx.close(),
    "with": lambda tx: tx.__enter__(),
}
ALLOWED = {
    (NEW, "begin"): OPEN,
    (NEW, "with"): OPEN,
    (NEW, "close"): CLOSED,
    (OPEN, "put"): OPEN,
    (OPEN, "take"): OPEN,
    (OPEN, "save_progress"): OPEN,
    (OPEN, "commit"): COMPLETED,
    (OPEN, "commit_async"): COMPLETED,
    (OPEN, "rollback"): COMPLETED,
    (COMPLETED, "close"): CLOSED,
    (CLOSED, "close"): CLOSED,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("state", TransactionState)
def test_each_state_allows_its_calls_and_names_itself_otherwise(
    state: TransactionState, call: str
) -> None:
    tx = in_state(state)
    after = ALLOWED.get((state, call))
    if after is not None:
        CALLS[call](tx)
        assert tx.state is after
        return
    with pytest.raises(TransactionStateError, match=f"c1 is {state.value}"):
        CALLS[call](tx)
    assert tx.state is state
    assert tx.done == []


@pytest.mark.parametrize(("first", "second"), [("put", "take"), ("take", "put")])
def test_one_transaction_never_puts_and_takes(first: str, second: str) -> None:
    tx = in_state(OPEN)
    CALLS[first](tx)
    with pytest.raises(TransactionStateError, match=f"{second} .* used for {first}s"):
        CALLS[second](tx)
    assert tx.done == [first]


def test_an_empty_put_does_nothing_and_still_decides_what_the_transaction_is_for() -> None:
    tx = in_state(OPEN)
    tx.put(EMPTY_BATCH)
    assert tx.done == []
    with pytest.raises(TransactionStateError):
        tx.take(1)


@pytest.mark.parametrize("most", [0, -1])
def test_a_take_of_nothing_is_an_empty_batch(most: int) -> None:
    tx = in_state(OPEN)
    assert tx.take(most) == EMPTY_BATCH
    assert tx.done == []


def test_a_put_of_something_else_is_refused() -> None:
    tx = in_state(OPEN)
    with pytest.raises(TypeError, match="EventBatch, not list"):
        tx.put([b"x"])  # type: ignore[arg-type]
    tx.take(1)


@pytest.mark.parametrize("call", ["commit", "commit_async"])
def test_a_commit_that_fails_leaves_the_transaction_open_for_a_rollback(call: str) -> None:
    tx = Recorded("commit")
    tx.begin()
    tx.put(ONE)
    with pytest.raises(ChannelFull):
        CALLS[call](tx)
    assert tx.state is OPEN
    tx.rollback()
    tx.close()
    assert tx.done == ["put", "commit", "rollback"]


def test_a_rollback_that_fails_is_complete_all_the_same() -> None:
    tx = Recorded("rollback")
    tx.begin()
    with pytest.raises(ChannelFull):
        tx.rollback()
    assert tx.state is COMPLETED


def test_with_commits_on_a_normal_exit() -> None:
    with (tx := Recorded()):
        tx.put(ONE)
    assert (tx.state, tx.done) == (CLOSED, ["put", "commit"])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_with_rolls_back_on_any_exception(error: type[BaseException]) -> None:
    tx = Recorded()
    with pytest.raises(error), tx:
        raise error
    assert (tx.state, tx.done) == (CLOSED, ["rollback"])


def test_with_rolls_back_when_the_commit_fails() -> None:
    tx = Recorded("commit")
    with pytest.raises(ChannelFull), tx:
        tx.put(ONE)
    assert (tx.state, tx.done) == (CLOSED, ["put", "commit", "rollback"])


@pytest.mark.parametrize("call", ["commit", "rollback"])
def test_with_leaves_a_finished_transaction_alone(call: str) -> None:
    with (tx := Recorded()):
        CALLS[call](tx)
    assert (tx.state, tx.done) == (CLOSED, [call])


def test_progress_above_the_limit_is_refused_and_what_came_before_stays() -> None:
    tx = in_state(OPEN)
    tx.save_progress("source.r1", {"é": b"x" * (PROGRESS_LIMIT - 2)})
    with pytest.raises(ContractError, match=rf"source.r1 hands over {PROGRESS_LIMIT + 1} bytes"):
        tx.save_progress("source.r1", {"b": None})
    tx.save_progress("source.r1", {"é": b"y"})
    tx.save_progress("sink.k1", {"b": None})
    assert tx._progress == {"source.r1": {"é": b"y"}, "sink.k1": {"b": None}}


def test_a_synchronous_channel_gives_a_complete_ticket() -> None:
    tx = in_state(OPEN)
    tx.put(ONE)
    assert tx.commit_async().wait(0)
    assert tx.done == ["put", "commit"]
