"""The stand-ins do what the things they stand for do, and what a test tells them."""

from __future__ import annotations

from threading import Event as Flag

import pytest

from flume_core.batch import EMPTY_BATCH
from flume_core.config.model import SinkConfig
from flume_core.errors import ChannelError, ChannelFull, RetryableError
from flume_core.sink import Status
from flume_core.source import Emitter
from flume_core.testing import (
    Background,
    ChannelEmitter,
    CrashableStore,
    FailingChannel,
    ManualClock,
    RecordingEmitter,
    RecordingSink,
    assert_exactly,
    make_sink,
    numbered,
    store_channel,
    wait_until,
)
from flume_core.testing.waiting import OneThread
from flume_core.transaction import TransactionState

# --- clock


def test_a_manual_clock_moves_when_it_is_turned() -> None:
    clock = ManualClock(1000.0)
    clock.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (1002.5, 2.5)


def test_a_wait_on_a_manual_clock_ends_when_it_is_turned_far_enough() -> None:
    clock, flag, ended = ManualClock(), Flag(), Flag()

    def wait() -> None:
        assert clock.wait(flag, 10) is False
        ended.set()

    with Background() as background:
        background.run(wait)
        wait_until(lambda: clock.sleepers == 1)
        clock.advance(9)
        background.settle()
        assert not ended.is_set()
        clock.advance(1)
    assert ended.is_set()
    assert clock.sleepers == 0


def test_a_flag_ends_a_wait_on_a_manual_clock() -> None:
    clock, flag = ManualClock(), Flag()
    with Background() as background:
        background.run(clock.wait, flag, 3600)
        flag.set()
    assert clock.wait(flag, 3600) is True


# --- waiting


def test_a_condition_that_stays_false_fails_with_its_name() -> None:
    with pytest.raises(AssertionError, match="the impossible did not come true"):
        wait_until(lambda: False, "the impossible", 0.01)


def test_what_a_background_thread_raises_comes_out() -> None:
    with pytest.raises(ZeroDivisionError), Background() as background:
        background.run(lambda: 1 / 0)


def test_a_background_thread_that_hangs_fails_the_test() -> None:
    release = Flag()
    with pytest.raises(AssertionError, match="still waiting"), Background(0.05) as background:
        background.run(release.wait, 10)
    release.set()


def test_one_thread_makes_all_calls() -> None:
    one = OneThread()
    names = {one.call(lambda: __import__("threading").get_ident()) for _ in range(3)}
    assert len(names) == 1
    with pytest.raises(ZeroDivisionError):
        one.call(lambda: 1 / 0)
    one.close()


# --- emitters


def test_a_recording_emitter_keeps_batches_and_progress() -> None:
    emitter: Emitter = RecordingEmitter(keeps_progress=True)
    emitter.emit(numbered(2), {"a": b"1", "b": b"1"})
    emitter.emit(EMPTY_BATCH, {"a": None, "b": b"2"})
    assert emitter.progress() == {"b": b"2"}
    assert isinstance(emitter, RecordingEmitter)
    assert_exactly(emitter.events, numbered(2))


def test_a_recording_emitter_that_keeps_no_progress_has_none() -> None:
    emitter = RecordingEmitter(progress={"a": b"1"})
    emitter.emit(numbered(1), {"a": b"2"})
    assert emitter.progress() == {}


def test_a_recording_emitter_fails_as_told_and_then_accepts() -> None:
    emitter = RecordingEmitter()
    emitter.fail(ChannelFull("one"), RetryableError("two"))
    for error in (ChannelFull, RetryableError):
        with pytest.raises(error):
            emitter.emit(numbered(1))
    emitter.full = True
    with pytest.raises(ChannelFull):
        emitter.emit(numbered(1))
    emitter.full = False
    emitter.emit(numbered(1))
    assert (len(emitter.offered), len(emitter.committed)) == (4, 1)


def test_a_recording_emitter_refuses_batches_beyond_its_transaction_capacity() -> None:
    emitter = RecordingEmitter(transaction_capacity=10)
    with pytest.raises(ChannelError, match="transaction_capacity is 10"):
        emitter.emit(numbered(11))
    emitter.emit(numbered(10))
    assert_exactly(emitter.events, numbered(10))


def test_a_recording_emitter_holds_emits_back() -> None:
    emitter = RecordingEmitter()
    emitter.hold()
    with Background() as background:
        background.run(emitter.emit, numbered(1))
        wait_until(lambda: emitter.inside == 1)
        assert emitter.committed == []
        emitter.release()
    assert len(emitter.committed) == 1
    assert emitter.inside == 0


def test_tickets_fail_after_a_failure_until_the_source_rewinds() -> None:
    emitter = RecordingEmitter()
    emitter.fail(ChannelFull("told to"))
    tickets = [emitter.emit_async(numbered(1, number)) for number in range(3)]
    assert [ticket.done for ticket in tickets] == [True] * 3
    assert [type(ticket.error) for ticket in tickets] == [ChannelFull] * 3
    emitter.rewind()
    assert emitter.emit_async(numbered(1)).error is None
    assert_exactly(emitter.events, numbered(1))


def test_a_channel_emitter_commits_events_and_progress_together() -> None:
    store = CrashableStore()
    emitter = ChannelEmitter(store_channel(store), "r7")
    emitter.emit(numbered(3), {"a": b"1"})
    emitter.emit_async(numbered(1, 3), {"a": b"2"}).wait(1)
    assert emitter.keeps_progress
    assert emitter.progress() == {"a": b"2"}
    store.crash()
    assert store_channel(store).progress("source.r7") == {"a": b"2"}
    assert_exactly(store.events(), numbered(4))


# --- channel and sink


@pytest.fixture
def failing() -> FailingChannel:
    return FailingChannel(store_channel(CrashableStore(), capacity=100))


def test_a_failing_channel_does_what_the_inner_one_does(failing: FailingChannel) -> None:
    with failing.transaction() as tx:
        tx.put(numbered(5))
        tx.save_progress("source.r1", {"a": b"1"})
    with failing.transaction() as tx:
        taken = tx.take(3)
        assert tx.span == (0, 3)
    assert_exactly(taken, numbered(3))
    assert failing.size() == failing.inner.size() == 2
    assert failing.progress("source.r1") == {"a": b"1"}
    assert failing.wait(0)
    assert [tx.outcome for tx in failing.transactions] == ["committed"] * 2
    assert (failing.transactions[1].asked, len(failing.transactions[1].events)) == ([3], 3)


@pytest.mark.parametrize("call", ["put", "commit"])
def test_a_failing_channel_fails_puts_as_told(failing: FailingChannel, call: str) -> None:
    failing.fail(call, ChannelError("told to"))  # type: ignore[arg-type]  # both are calls
    for _ in range(2):
        try:
            with failing.transaction() as tx:
                tx.put(numbered(5))
        except ChannelError:
            assert failing.size() == 0
    assert failing.size() == 5
    assert [tx.outcome for tx in failing.transactions] == ["rolled back", "committed"]


def test_a_failed_commit_of_a_failing_channel_leaves_the_transaction_open(
    failing: FailingChannel,
) -> None:
    failing.fail("commit", ChannelFull("told to"))
    tx = failing.transaction()
    tx.begin()
    tx.put(numbered(1))
    with pytest.raises(ChannelFull):
        tx.commit()
    assert tx.state is TransactionState.OPEN
    tx.commit()
    tx.close()
    assert failing.size() == 1


def test_a_recording_sink_keeps_what_it_gets_and_fails_as_told() -> None:
    channel = store_channel(CrashableStore())
    with channel.transaction() as tx:
        tx.put(numbered(30))
    sink = make_sink(RecordingSink, SinkConfig(batch_size=20).model_dump(), channel)
    sink.fail(RetryableError("told to"))
    with pytest.raises(RetryableError):
        sink.process()
    statuses = [sink.process() for _ in range(3)]
    assert statuses == [Status.READY, Status.READY, Status.BACKOFF]
    assert [len(batch) for batch in sink.batches] == [20, 10]
    assert_exactly(sink.events, numbered(30))
