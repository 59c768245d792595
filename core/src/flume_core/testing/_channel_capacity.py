"""The channel suite: room, refusal, waiting for room and for events."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Event as Flag

import pytest

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, ChannelFull
from flume_core.testing import waiting
from flume_core.testing._channel_base import (
    LARGEST,
    SMALLEST,
    AnyChannel,
    ChannelParts,
    OpenChannels,
    drain,
    put,
    rolled_back,
    take,
)
from flume_core.testing.events import assert_exactly, numbered
from flume_core.testing.waiting import Background
from flume_core.transaction import TransactionState

__all__ = ["CapacityTests", "TransactionCapacityTests", "WaitTests"]

FOREVER = 120.0
"""Seconds of a wait that must be ended by something else: far beyond every deadline of a test."""


class CapacityTests(ChannelParts):
    """A channel with a bound keeps to it, and a full one refuses without loss."""

    def test_it_has_room_for_its_capacity(self, live: AnyChannel) -> None:
        room = _fill(live)
        assert live.size() == room
        assert_exactly(drain(live), numbered(room))

    def test_a_put_beyond_the_capacity_is_refused_with_nothing_stored(
        self, live: AnyChannel
    ) -> None:
        room = _fill(live, leave=5)
        tx = live.transaction()
        tx.begin()
        tx.put(numbered(6, room))
        with pytest.raises(ChannelFull):
            tx.commit()
        assert tx.state is TransactionState.OPEN, "a commit that raises leaves the transaction open"
        tx.rollback()
        tx.close()
        assert live.size() == room
        assert_exactly(drain(live), numbered(room))

    def test_a_with_block_rolls_a_refused_put_back(self, live: AnyChannel) -> None:
        room = _fill(live)
        with pytest.raises(ChannelFull), live.transaction() as tx:
            tx.put(numbered(1, room))
        assert live.size() == room
        take(live, 1)
        put(live, numbered(1, room))
        assert_exactly(drain(live), numbered(room, 1))

    def test_room_is_free_once_a_take_is_committed_and_not_before(self, live: AnyChannel) -> None:
        room = _fill(live)
        with live.transaction() as tx:
            assert_exactly(tx.take(1), numbered(1))
            with pytest.raises(ChannelFull):
                put(live, numbered(1, room))
        put(live, numbered(1, room))
        assert_exactly(drain(live), numbered(room, 1))

    def test_a_rolled_back_take_still_fits_into_a_full_channel(self, live: AnyChannel) -> None:
        room = _fill(live)
        with rolled_back(live) as tx:
            tx.take(50)
            with pytest.raises(ChannelFull):
                put(live, numbered(1, room))
        assert_exactly(drain(live), numbered(room))

    def test_a_refused_put_takes_no_room_for_good(self, live: AnyChannel) -> None:
        room = _fill(live)
        for _ in range(3):
            with pytest.raises(ChannelFull):
                put(live, numbered(1, room))
        drain(live)
        assert _fill(live) == room

    def test_a_waiting_put_goes_on_when_a_take_makes_room(self, channels: OpenChannels) -> None:
        live = channels.open_patient()
        room = _fill(live)
        with Background() as background:
            background.run(put, live, numbered(1, room))
            background.settle()
            assert live.size() == room
            taken = take(live, 1)
        assert_exactly([taken, drain(live)], numbered(room + 1))

    def test_waiting_puts_all_get_through_one_after_the_other(self, channels: OpenChannels) -> None:
        live = channels.open_patient()
        room = _fill(live)
        with Background() as background:
            for number in range(4):
                background.run(put, live, numbered(2, number * 2, producer="late"))
            taken = 0
            while taken < room + 8 and not background.errors:
                taken += len(take(live, 3))
        assert live.size() == 0

    def test_a_waking_call_ends_the_wait_for_room(self, channels: OpenChannels) -> None:
        live = channels.open_patient()
        room = _fill(live)
        with Background() as background:
            background.run(_refused, live, numbered(1, room))
            _wake_until_done(live, background)
        assert live.size() == room


class TransactionCapacityTests(ChannelParts):
    """A bound on one transaction holds for puts and for takes."""

    def test_a_put_beyond_the_transaction_capacity_is_refused(self, live: AnyChannel) -> None:
        most = _transaction_capacity(live)
        with rolled_back(live) as tx, pytest.raises(ChannelError):
            tx.put(numbered(most + 1))
        assert live.size() == 0

    def test_puts_of_one_transaction_count_together(self, live: AnyChannel) -> None:
        most = _transaction_capacity(live)
        with rolled_back(live) as tx:
            tx.put(numbered(most - 1))
            with pytest.raises(ChannelError):
                tx.put(numbered(2, most - 1))
        assert live.size() == 0
        put(live, numbered(most - 1), numbered(1, most - 1))
        assert live.size() == most

    def test_takes_of_one_transaction_count_together(self, live: AnyChannel) -> None:
        most = _transaction_capacity(live)
        if live.capacity is not None and live.capacity <= most:
            pytest.skip("capacity is not above the transaction capacity")
        put(live, numbered(most))
        put(live, numbered(1, most))
        taken = []
        with live.transaction() as tx, suppress(ChannelError):
            while batch := tx.take(most // 2 + 1):
                taken.append(batch)
        assert sum(map(len, taken)) <= most
        assert_exactly([*taken, drain(live)], numbered(most + 1))


class WaitTests(ChannelParts):
    """A sink waits on its channel, and is woken at once."""

    def test_a_wait_tells_whether_there_is_something(self, live: AnyChannel) -> None:
        assert live.wait(0) is False
        assert live.wait(0.01) is False
        put(live, numbered(1))
        assert live.wait(0) is True
        assert live.wait(FOREVER) is True
        drain(live)
        assert live.wait(0.01) is False

    def test_a_commit_ends_the_waits(self, live: AnyChannel) -> None:
        found: list[bool] = []
        with Background() as background:
            for number in range(2):
                background.run(lambda: found.append(live.wait(FOREVER)))
                put(live, numbered(1, number))
        assert found == [True, True]

    def test_a_waiter_that_came_first_is_woken_by_a_commit(self, live: AnyChannel) -> None:
        for number in range(5):
            found: list[bool] = []
            entered = Flag()

            def wait(found: list[bool] = found, entered: Flag = entered) -> None:
                entered.set()
                found.append(live.wait(FOREVER))

            with Background() as background:
                background.run(wait)
                assert entered.wait(waiting.DEADLINE)
                background.settle()
                put(live, numbered(1, number))
            assert found == [True]
            drain(live)

    def test_an_uncommitted_put_is_nothing_to_wait_for(self, live: AnyChannel) -> None:
        with rolled_back(live) as tx:
            tx.put(numbered(5))
            assert live.wait(0.05) is False
        assert live.wait(0.05) is False

    def test_rolled_back_events_are_there_to_be_waited_for(self, live: AnyChannel) -> None:
        put(live, numbered(5))
        with rolled_back(live) as tx:
            tx.take(5)
            assert live.wait(0.01) is False
        assert live.wait(FOREVER) is True

    def test_a_waking_call_ends_a_wait_with_nothing_there(self, live: AnyChannel) -> None:
        found: list[bool] = []
        with Background() as background:
            background.run(lambda: found.append(live.wait(FOREVER)))
            _wake_until_done(live, background)
        assert found == [False]


def _fill(channel: AnyChannel, leave: int = 0) -> int:
    """Fill the channel but for ``leave`` events; return how many are in it."""
    capacity = channel.capacity
    if capacity is None or capacity > LARGEST:
        pytest.skip(f"no capacity, or above {LARGEST} events")
    room = capacity - leave
    step = min(SMALLEST, channel.transaction_capacity or SMALLEST)
    for start in range(0, room, step):
        put(channel, numbered(min(step, room - start), start))
    return room


def _refused(channel: AnyChannel, batch: EventBatch) -> None:
    with pytest.raises(ChannelFull):
        put(channel, batch)


def _wake_until_done(channel: AnyChannel, background: Background) -> None:
    """Wake until the threads end: a single call may come before they wait."""
    deadline = time.monotonic() + waiting.DEADLINE
    while background.running and time.monotonic() < deadline:
        channel.wake()
        background.settle()


def _transaction_capacity(channel: AnyChannel) -> int:
    most = channel.transaction_capacity
    if most is None or most > LARGEST:
        pytest.skip(f"no transaction_capacity, or above {LARGEST} events")
    return most
