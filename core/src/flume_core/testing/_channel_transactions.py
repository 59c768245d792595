"""The channel suite: atomicity, order, rollback, batches cut and joined, legal and illegal calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import TransactionStateError
from flume_core.testing._channel_base import AnyChannel, ChannelParts, drain, put, rolled_back, take
from flume_core.testing.events import assert_exactly, assert_same_events, numbered, odd_events
from flume_core.transaction import Transaction, TransactionState

__all__ = ["AtomicityTests", "BatchTests", "OrderTests", "StateTests"]


class AtomicityTests(ChannelParts):
    """All or nothing."""

    def test_a_put_is_invisible_before_its_commit(self, live: AnyChannel) -> None:
        with live.transaction() as tx:
            tx.put(numbered(10))
            assert live.size() == 0
            assert len(take(live, 100)) == 0
        assert live.size() == 10

    def test_all_batches_of_a_transaction_appear_in_order(self, live: AnyChannel) -> None:
        put(live, numbered(10), numbered(1, 10), numbered(20, 11))
        assert live.size() == 31
        assert_exactly(drain(live), numbered(31))
        assert live.size() == 0

    def test_a_rolled_back_put_leaves_nothing(self, live: AnyChannel) -> None:
        tx = live.transaction()
        tx.begin()
        tx.put(numbered(10))
        tx.rollback()
        tx.close()
        assert live.size() == 0
        assert len(take(live, 100)) == 0

    def test_an_exception_rolls_a_put_back_and_goes_on(self, live: AnyChannel) -> None:
        with rolled_back(live) as tx:
            tx.put(numbered(10))
        assert live.size() == 0
        put(live, numbered(3))
        assert_exactly(drain(live), numbered(3))

    def test_taken_events_count_until_their_commit(self, live: AnyChannel) -> None:
        put(live, numbered(10))
        with live.transaction() as tx:
            assert_exactly(tx.take(4), numbered(4))
            assert live.size() == 10
        assert live.size() == 6

    def test_events_in_an_open_take_are_not_given_to_another(self, live: AnyChannel) -> None:
        put(live, numbered(10))
        with live.transaction() as first, live.transaction() as second:
            assert_exactly(first.take(6), numbered(6))
            assert_exactly(second.take(100), numbered(4, 6))

    def test_an_exception_returns_taken_events_to_the_head(self, live: AnyChannel) -> None:
        put(live, numbered(10))
        with rolled_back(live) as tx:
            tx.take(4)
            tx.take(2)
        assert live.size() == 10
        assert_exactly(drain(live, 3), numbered(10))

    def test_committed_takes_do_not_come_back(self, live: AnyChannel) -> None:
        put(live, numbered(10))
        assert_exactly(take(live, 4), numbered(4))
        with rolled_back(live) as tx:
            tx.take(3)
        assert_exactly(drain(live), numbered(6, 4))

    def test_a_transaction_of_nothing_commits_and_rolls_back(self, live: AnyChannel) -> None:
        put(live, numbered(2))
        with live.transaction():
            pass
        with rolled_back(live):
            pass
        assert_exactly(drain(live), numbered(2))

    def test_an_asynchronous_commit_takes_effect_by_its_ticket(self, live: AnyChannel) -> None:
        tickets = []
        for start in range(0, 50, 10):
            tx = live.transaction()
            tx.begin()
            tx.put(numbered(10, start))
            tickets.append(tx.commit_async())
            assert tx.state is TransactionState.COMPLETED
            tx.close()
        assert tickets[-1].wait(15)
        assert all(ticket.done for ticket in tickets), "tickets complete in order"
        assert live.size() == 50
        assert_exactly(drain(live), numbered(50))


class OrderTests(ChannelParts):
    """First in, first out, by commit; what is rolled back is first again."""

    def test_events_leave_in_the_order_of_the_commits(self, live: AnyChannel) -> None:
        with live.transaction() as late:
            late.put(numbered(5, producer="late"))
            with live.transaction() as early:
                early.put(numbered(5, producer="early"))
        assert_exactly(drain(live), [numbered(5, producer="early"), numbered(5, producer="late")])

    def test_rolled_back_events_are_before_those_put_meanwhile(self, live: AnyChannel) -> None:
        put(live, numbered(5))
        with rolled_back(live) as tx:
            tx.take(3)
            put(live, numbered(5, 5))
        assert_exactly(drain(live), numbered(10))

    def test_a_take_may_be_rolled_back_again_and_again(self, live: AnyChannel) -> None:
        put(live, numbered(20))
        for most in (3, 20, 1, 7, 19):
            with rolled_back(live) as tx:
                assert_exactly(tx.take(most), numbered(most))
        assert_exactly(drain(live, 6), numbered(20))

    @pytest.mark.parametrize("first_back", [0, 1])
    def test_takers_that_roll_back_in_any_order_return_their_events_in_order(
        self, live: AnyChannel, first_back: int
    ) -> None:
        put(live, numbered(30))
        takers = [live.transaction(), live.transaction()]
        for taker in takers:
            taker.begin()
        parts = [takers[0].take(10), takers[1].take(10)]
        for index in (first_back, 1 - first_back):
            takers[index].rollback()
            takers[index].close()
        came = drain(live, 7)
        assert_same_events(came, numbered(30))
        assert_exactly(came[20:], numbered(10, 20))
        for part in parts:
            bodies = set(part.bodies())
            assert_exactly([event for event in came if event.body in bodies], part)

    def test_one_rolls_back_while_another_commits(self, live: AnyChannel) -> None:
        put(live, numbered(30))
        kept, returned = live.transaction(), live.transaction()
        kept.begin()
        returned.begin()
        assert_exactly(kept.take(10), numbered(10))
        assert_exactly(returned.take(10), numbered(10, 10))
        kept.commit()
        kept.close()
        returned.rollback()
        returned.close()
        assert_exactly(drain(live, 4), numbered(20, 10))


class BatchTests(ChannelParts):
    """Batches are cut and joined without harm to bodies and headers."""

    @pytest.mark.parametrize("step", [1, 3, 10, 100])
    def test_batches_of_any_form_are_cut_and_joined(self, live: AnyChannel, step: int) -> None:
        batches = _forms()
        for batch in batches:
            put(live, batch)
        taken = []
        while batch := take(live, step):
            assert len(batch) <= step
            taken.append(batch)
        assert_exactly(taken, batches)

    def test_several_takes_of_one_transaction_follow_each_other(self, live: AnyChannel) -> None:
        for batch in _forms():
            put(live, batch)
        with live.transaction() as tx:
            parts = [tx.take(most) for most in (1, 2, 10, 5)]
        assert all(len(part) <= most for part, most in zip(parts, (1, 2, 10, 5), strict=True))
        assert_exactly([*parts, drain(live)], _forms())

    def test_odd_bodies_and_headers_stay_as_they_are(self, live: AnyChannel) -> None:
        put(live, odd_events())
        put(live, odd_events()[2:])
        assert_exactly(drain(live, 2), [odd_events(), odd_events()[2:]])

    def test_a_take_of_nothing_is_an_empty_batch(self, live: AnyChannel) -> None:
        assert take(live, 10) == EMPTY_BATCH
        put(live, numbered(3))
        assert take(live, 0) == EMPTY_BATCH
        assert take(live, -1) == EMPTY_BATCH
        assert live.size() == 3

    def test_a_take_asks_for_more_than_there_is(self, live: AnyChannel) -> None:
        put(live, numbered(3))
        assert_exactly(take(live, 50), numbered(3))

    def test_an_empty_batch_changes_nothing(self, live: AnyChannel) -> None:
        put(live, EMPTY_BATCH)
        assert live.size() == 0
        put(live, EMPTY_BATCH, numbered(2), EMPTY_BATCH)
        assert_exactly(drain(live), numbered(2))

    @pytest.mark.parametrize("nonsense", [None, b"body", [b"body"]])
    def test_only_batches_are_put(self, live: AnyChannel, nonsense: Any) -> None:
        with pytest.raises(TypeError), live.transaction() as tx:
            tx.put(nonsense)
        assert live.size() == 0


_CALLS: dict[str, Callable[[Transaction], object]] = {
    "begin": lambda tx: tx.begin(),
    "put": lambda tx: tx.put(numbered(1)),
    "take": lambda tx: tx.take(1),
    "commit": lambda tx: tx.commit(),
    "commit_async": lambda tx: tx.commit_async(),
    "rollback": lambda tx: tx.rollback(),
    "save_progress": lambda tx: tx.save_progress("source.r1", {"a": b"1"}),
    "close": lambda tx: tx.close(),
    "with": lambda tx: tx.__enter__(),
}
_WAYS: dict[str, tuple[str, ...]] = {
    "new": (),
    "open": ("begin",),
    "committed": ("begin", "commit"),
    "rolled back": ("begin", "rollback"),
    "closed": ("begin", "commit", "close"),
    "closed unused": ("close",),
}
_LEGAL: dict[str, dict[str, TransactionState]] = {
    "new": {
        "begin": TransactionState.OPEN,
        "with": TransactionState.OPEN,
        "close": TransactionState.CLOSED,
    },
    "open": {
        "put": TransactionState.OPEN,
        "take": TransactionState.OPEN,
        "save_progress": TransactionState.OPEN,
        "commit": TransactionState.COMPLETED,
        "commit_async": TransactionState.COMPLETED,
        "rollback": TransactionState.COMPLETED,
    },
    "committed": {"close": TransactionState.CLOSED},
    "rolled back": {"close": TransactionState.CLOSED},
    "closed": {},
    "closed unused": {},
}


class StateTests(ChannelParts):
    """Which call is allowed in which state."""

    @pytest.mark.parametrize(
        ("way", "call"),
        # Whether a second close is refused is left to the channel.
        [(w, c) for w in _WAYS for c in _CALLS if not (c == "close" and w.startswith("closed"))],
    )
    def test_each_call_is_allowed_in_its_states_only(
        self, live: AnyChannel, way: str, call: str
    ) -> None:
        tx = live.transaction()
        for step in _WAYS[way]:
            _CALLS[step](tx)
        before = tx.state
        if call in _LEGAL[way]:
            _CALLS[call](tx)
            assert tx.state is _LEGAL[way][call]
        else:
            with pytest.raises(TransactionStateError, match=before.value):
                _CALLS[call](tx)
            assert tx.state is before
        if before is TransactionState.OPEN and call not in ("commit", "commit_async", "rollback"):
            tx.rollback()

    def test_a_transaction_is_not_used_for_both_puts_and_takes(self, live: AnyChannel) -> None:
        put(live, numbered(2))
        with live.transaction() as tx:
            tx.put(numbered(1, 2))
            with pytest.raises(TransactionStateError, match="puts"):
                tx.take(1)
        with live.transaction() as tx:
            tx.take(1)
            with pytest.raises(TransactionStateError, match="takes"):
                tx.put(numbered(1, 3))
        assert_exactly(drain(live), numbered(2, 1))

    def test_a_finished_transaction_cannot_be_entered_again(self, live: AnyChannel) -> None:
        with live.transaction() as tx:
            tx.put(numbered(1))
        with pytest.raises(TransactionStateError), tx:
            pass
        assert live.size() == 1

    def test_one_thread_may_have_several_transactions(self, live: AnyChannel) -> None:
        first, second = live.transaction(), live.transaction()
        assert first is not second
        assert first.state is second.state is TransactionState.NEW
        with first, second:
            first.put(numbered(1))
            second.put(numbered(1, 1))
        assert live.size() == 2


def _forms() -> list[EventBatch]:
    """Return batches of 60 events in all, in every form that bodies and headers have."""
    block = EventBatch.from_block(b"".join(b"%s\n" % b for b in numbered(20).bodies()), 20)
    packed = numbered(9, 20, producer="p")
    return [
        block,
        EventBatch.from_packed(packed.packed(), 9, packed.headers, packed.columns),
        numbered(1, 29),
        EventBatch.from_events(list(numbered(10, 30, producer="one"))),
        EventBatch.concat([numbered(10, 40), block[5:10]]),
        block.with_headers({"dc": "eu"})[3:8],
    ]
