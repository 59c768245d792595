"""Asynchronous commits: counted when they are done, failed together, taken up again behind the last."""

from __future__ import annotations

from collections import deque

import pytest

from flume_core.errors import ChannelError
from flume_core.testing import CrashableChannel, CrashableStore, make_channel
from flume_core.testing.crashable_channel import CrashableTransaction
from flume_core.ticket import Ticket
from flume_core.transaction import Transaction
from tests.core.runtime.pieces import batch, figures, processor


class Slow(CrashableChannel):
    """Its asynchronous commits are under way until the test lets one land, or fails all."""

    def start(self) -> None:
        super().start()
        self.under_way: deque[tuple[SlowTransaction, Ticket]] = deque()

    def transaction(self) -> Transaction:
        return SlowTransaction(self)

    def land(self) -> None:
        tx, ticket = self.under_way.popleft()
        tx._do_commit()
        ticket.succeed()

    def fail(self, error: ChannelError) -> None:
        while self.under_way:
            self.under_way.popleft()[1].fail(error)


class SlowTransaction(CrashableTransaction):
    channel: Slow

    def _do_commit_async(self) -> Ticket:
        ticket = Ticket()
        self.channel.under_way.append((self, ticket))
        return ticket


@pytest.fixture
def slow() -> Slow:
    channel = make_channel(Slow, {"store": CrashableStore().name})
    channel.start()
    assert isinstance(channel, Slow)
    return channel


def waiting(channel: Slow) -> list[bytes]:
    with channel.transaction() as tx:
        return tx.take(1000).bodies()


def test_a_source_hands_over_more_while_a_commit_is_under_way(slow: Slow) -> None:
    made = processor(slow)
    tickets = [made.emit_async(batch(body), {"pos": body}) for body in (b"1", b"2", b"3")]
    assert [ticket.done for ticket in tickets] == [False, False, False]
    slow.land()
    slow.land()
    assert [ticket.done for ticket in tickets] == [True, True, False]
    assert figures(made)["Accepted"] == figures(made)["Emitted"] == 2
    slow.land()
    assert figures(made)["Accepted"] == 3
    assert waiting(slow) == [b"1", b"2", b"3"]
    assert dict(processor(slow).progress()) == {"pos": b"3"}


def test_what_is_emitted_with_waiting_comes_behind_what_is_under_way(slow: Slow) -> None:
    made = processor(slow)
    made.emit_async(batch(b"1"), {"pos": b"1"})
    slow.fail(ChannelError("the disk is gone"))
    with pytest.raises(ChannelError, match="the disk is gone"):
        made.emit(batch(b"2"), {"pos": b"2"})
    assert waiting(slow) == []


def test_a_failed_commit_fails_all_later_ones_and_their_progress(slow: Slow) -> None:
    made = processor(slow)
    tickets = [made.emit_async(batch(body), {"pos": body}) for body in (b"1", b"2", b"3")]
    slow.land()
    slow.fail(ChannelError("the disk is gone"))
    late = made.emit_async(batch(b"4"), {"pos": b"4"})
    assert [ticket.error is None for ticket in (*tickets, late)] == [True, False, False, False]
    made.rewind()
    for body in (b"2", b"3"):
        made.emit(batch(body), {"pos": body})
    assert waiting(slow) == [b"1", b"2", b"3"]
    assert dict(processor(slow).progress()) == {"pos": b"3"}
    assert figures(made)["Accepted"] == 3


def test_the_first_commit_after_a_rewind_is_waited_for(slow: Slow) -> None:
    made = processor(slow)
    made.emit_async(batch(b"1"), {"pos": b"1"})
    slow.fail(ChannelError("the disk is gone"))
    made.rewind()
    assert made.emit_async(batch(b"1"), {"pos": b"1"}).wait(0)
    assert not made.emit_async(batch(b"2"), {"pos": b"2"}).done
