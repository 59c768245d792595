"""Interceptors once, one transaction per channel, and a refused batch only to those that lack it."""

from __future__ import annotations

import contextlib
import gc
import logging
import weakref

import pytest

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import ChannelError, ChannelFull, ContractError
from flume_core.testing import Background
from tests.core.runtime.pieces import batch, bodies, figures, memory, multiplexing, processor


class Counting:
    """An interceptor that numbers its calls in a header, and drops bodies that say so."""

    def __init__(self) -> None:
        self.seen: list[list[bytes]] = []

    def __call__(self, given: EventBatch) -> EventBatch:
        self.seen.append(given.bodies())
        kept = given.select([body != b"drop" for body in given.bodies()])
        return kept.with_headers({"call": str(len(self.seen))})


def test_interceptors_run_in_order_and_once_for_all_channels() -> None:
    first, second = Counting(), Counting()
    c1, c2 = memory("c1"), memory("c2")
    made = processor(c1, c2, intercepts=[first, second])
    made.emit(batch(b"1", b"drop", b"2"))
    assert first.seen == [[b"1", b"drop", b"2"]]
    assert second.seen == [[b"1", b"2"]]
    assert bodies(c1) == bodies(c2) == [b"1", b"2"]


def test_an_empty_batch_ends_the_chain() -> None:
    first, second = Counting(), Counting()
    c1 = memory()
    made = processor(c1, intercepts=[first, second])
    made.emit(batch(b"drop"))
    made.emit(EMPTY_BATCH)
    assert (len(first.seen), second.seen, c1.transactions) == (1, [], [])
    assert figures(made)["Filtered"] == figures(made)["Accepted"] == 1


def test_each_channel_gets_a_batch_in_one_transaction() -> None:
    c1, c2 = memory("c1"), memory("c2")
    processor(c1, c2).emit(batch(b"1", b"2"))
    for channel in (c1, c2):
        assert [tx.outcome for tx in channel.transactions] == ["committed"]


def test_a_refused_batch_is_offered_only_to_the_channels_that_lack_it() -> None:
    interceptor = Counting()
    c1, c2, c3 = memory("c1"), memory("c2"), memory("c3")
    made = processor(c1, c2, c3, optional="c3", intercepts=[interceptor])
    one = batch(b"1")
    c2.fail("commit", ChannelFull("full"), ChannelFull("full"))
    for _ in range(2):
        with pytest.raises(ChannelFull):
            made.emit(one)
    assert figures(made)["Accepted"] == 0
    assert c3.transactions == []
    made.emit(one)
    assert len(interceptor.seen) == 1
    assert [bodies(channel) for channel in (c1, c2, c3)] == [[b"1"]] * 3
    assert figures(made)["Received"] == figures(made)["Accepted"] == 1
    made.emit(one)
    assert len(interceptor.seen) == 2, "a batch that was committed is a new one when it comes again"


@pytest.mark.parametrize("alone", [True, False])
def test_a_held_batch_is_forgotten_when_its_source_drops_it(alone: bool) -> None:
    c1, c2 = memory("c1"), memory("c2")
    made = processor(*([c1] if alone else [c2, c1]))
    c1.fail("commit", ChannelFull("full"))
    dropped = batch(b"dropped")
    watching = weakref.ref(dropped)
    with contextlib.suppress(ChannelFull):
        made.emit(dropped)
    assert len(made._held) == 1
    assert bodies(c2) == ([] if alone else [b"dropped"])
    c2.transactions.clear()
    del dropped
    gc.collect()
    assert watching() is None
    assert not made._held
    made.emit(batch(b"next"))
    assert bodies(c1) == [b"next"]


def test_two_refused_batches_are_kept_apart() -> None:
    c1, c2 = memory("c1"), memory("c2")
    made = processor(c1, c2)
    c2.fail("commit", ChannelFull("full"), ChannelFull("full"))
    batches = [batch(b"1"), batch(b"2")]
    for each in batches:
        with pytest.raises(ChannelFull):
            made.emit(each)
    for each in reversed(batches):
        made.emit(each)
    assert (bodies(c1), bodies(c2)) == ([b"1", b"2"], [b"2", b"1"])


def test_optional_channels_that_fail_are_logged_and_counted_and_not_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    c1, c2, c3 = memory("c1"), memory("c2"), memory("c3")
    made = processor(c1, c2, c3, optional="c2 c3")
    c2.fail("commit", ChannelFull("no room"), RuntimeError("broken"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            made.emit(batch(b"1", b"2"))
    assert [record.getMessage() for record in caplog.records] == [
        "optional channel c2 did not take 2 events: no room",
        "optional channel c2 did not take 2 events: broken",
    ]
    assert figures(made)["OptionalFail"] == 4
    assert figures(made)["Accepted"] == 4
    assert bodies(c3) == bodies(c1) == [b"1", b"2"] * 2


@pytest.mark.parametrize("call", ["put", "commit"])
def test_a_foreign_exception_of_a_channel_becomes_a_channel_error_with_its_cause(call: str) -> None:
    c1 = memory()
    broken = OSError("disk on fire")
    c1.fail(call, broken)  # type: ignore[arg-type]
    made, one = processor(c1), batch(b"1")
    with pytest.raises(ChannelError, match="channel c1 failed: OSError: disk on fire") as caught:
        made.emit(one)
    assert caught.value.__cause__ is broken
    made.emit(one)
    assert bodies(c1) == [b"1"]


def test_a_batch_above_the_transaction_capacity_is_refused() -> None:
    made = processor(memory("c1"), memory("c2", capacity=2, transaction_capacity=2))
    assert made.transaction_capacity == 2
    with pytest.raises(ChannelError, match="channel c2 refuses 3 events"):
        made.emit(batch(b"1", b"2", b"3"))


def test_an_interceptor_that_returns_more_events_breaks_its_contract() -> None:
    c1 = memory()
    made = processor(c1, intercepts=[lambda given: EventBatch.concat([given, given])])
    with pytest.raises(ContractError, match="more events than it was given"):
        made.emit(batch(b"1"))
    assert c1.transactions == []


def test_an_exception_of_an_interceptor_leaves_nothing_committed() -> None:
    c1 = memory()
    calls: list[int] = []

    def fails_once(given: EventBatch) -> EventBatch:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("boom")
        return given

    made, one = processor(c1, intercepts=[fails_once]), batch(b"1")
    with pytest.raises(KeyError, match="boom"):
        made.emit(one)
    assert c1.transactions == []
    made.emit(one)
    assert bodies(c1) == [b"1"]


def test_events_go_where_the_selector_says_and_the_rest_is_unrouted() -> None:
    c1, c2 = memory("c1"), memory("c2")
    made = processor(c1, c2, selector=multiplexing(["c1", "c2"]))
    mixed = EventBatch.concat([batch(b"1", to="c1"), batch(b"2", to="c2"), batch(b"3", to="c9")])
    made.emit(mixed)
    assert (bodies(c1), bodies(c2)) == ([b"1"], [b"2"])
    shown = figures(made)
    assert (shown["Accepted"], shown["Emitted"], shown["Unrouted"]) == (3, 2, 1)


def test_accepted_equals_filtered_plus_unrouted_plus_emitted_whenever_somebody_looks() -> None:
    c1, c2 = memory("c1", capacity=100_000), memory("c2", capacity=100_000)
    made = processor(c1, c2, selector=multiplexing(["c1", "c2"]), intercepts=[Counting()])
    rounds, sources = 150, 3
    one = EventBatch.concat([batch(b"1", b"drop", to="c1"), batch(b"2", to="c2"), batch(b"3")])

    def produce() -> None:
        for _ in range(rounds):
            made.emit(one.slice(0, len(one) - 1).with_headers({"from": "here"}))
            made.emit(one)

    def look() -> None:
        while True:
            shown = figures(made)
            assert shown["Accepted"] == shown["Filtered"] + shown["Unrouted"] + shown["Emitted"]
            assert shown["Accepted"] <= shown["Received"]
            if shown["Accepted"] == 7 * rounds * sources:
                return

    with Background() as background:
        background.run(look)
        for _ in range(sources):
            background.run(produce)
    shown = figures(made)
    assert shown["Filtered"] == 2 * rounds * sources
    assert shown["Unrouted"] == rounds * sources


def test_watchers_are_told_after_each_commit_and_of_nothing_else() -> None:
    c1, c2, c3 = memory("c1"), memory("c2"), memory("c3")
    told: list[tuple[str, int]] = []
    watch = lambda channel, committed: told.append((channel, len(committed)))  # noqa: E731
    made = processor(c1, c2, c3, optional="c3", watch=watch)
    c2.fail("commit", ChannelFull("full"))
    one = batch(b"1", b"2")
    with pytest.raises(ChannelFull):
        made.emit(one)
    assert told == [("c1", 2)]
    made.emit(one)
    assert told == [("c1", 2), ("c2", 2), ("c3", 2)]


def test_after_a_failed_ticket_every_call_fails_until_the_source_rewinds() -> None:
    c1 = memory()
    made = processor(c1)
    assert made.emit_async(batch(b"1")).wait(0)
    refused = ChannelFull("full")
    c1.fail("commit", refused)
    for body in (b"2", b"3"):
        ticket = made.emit_async(batch(body))
        assert (ticket.done, ticket.error) == (True, refused)
        with pytest.raises(ChannelFull):
            ticket.wait(0)
    made.rewind()
    for body in (b"2", b"3"):
        assert made.emit_async(batch(body)).wait(0)
    assert bodies(c1) == [b"1", b"2", b"3"]


def test_progress_is_neither_asked_for_nor_kept_without_channels_that_keep_it() -> None:
    c1 = memory()
    made = processor(c1)
    made.emit(batch(b"1"), {"file": b"10"})
    made.flush_progress(at_once=True)
    assert not made.keeps_progress
    assert made.progress() == {}
    assert len(c1.transactions) == 1


@pytest.mark.parametrize("call", ["put", "commit"])
def test_a_selector_with_nothing_to_choose_sends_everything_to_its_channel(call: str) -> None:
    c1, c2 = memory("c1"), memory("c2")
    selector = multiplexing(["c1", "c2"], default="c2")
    selector.only_channel = lambda: "c2"  # type: ignore[method-assign]
    made, one = processor(c1, c2, selector=selector), batch(b"1")
    c2.fail(call, OSError("disk on fire"))  # type: ignore[arg-type]
    with pytest.raises(ChannelError, match="channel c2 failed"):
        made.emit(one)
    made.emit(one)
    assert (bodies(c1), bodies(c2)) == ([], [b"1"])
    assert figures(made)["Received"] == figures(made)["Accepted"] == figures(made)["Emitted"] == 1
