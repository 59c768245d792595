"""The channel suite: clean restart, crash, progress, spans."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest

from flume_core.errors import ContractError
from flume_core.testing._channel_base import (
    AnyChannel,
    ChannelParts,
    OpenChannels,
    drain,
    put,
    rolled_back,
    take,
)
from flume_core.testing.events import assert_at_least_once, assert_exactly, numbered, odd_events
from flume_core.transaction import PROGRESS_LIMIT, Progress, Span

__all__ = ["ProgressTests", "RestartTests", "SpanTests"]

SOURCE, SINK = "source.r1", "sink.k1"


class RestartTests(ChannelParts):
    """What was committed is there after a clean stop, and after a kill."""

    def test_a_restart_keeps_what_waits_in_order(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        put(live, numbered(30), odd_events())
        take(live, 5)
        with rolled_back(live) as tx:
            tx.put(numbered(5, producer="never"))
        again = channels.reopen()
        assert again.size() == 25 + len(odd_events())
        put(again, numbered(1, 30))
        assert_exactly(drain(again), [numbered(25, 5), odd_events(), numbered(1, 30)])

    def test_an_emptied_channel_is_empty_after_a_restart(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        put(live, numbered(30))
        drain(live, 7)
        again = channels.reopen()
        assert again.size() == 0
        assert len(take(again, 10)) == 0

    def test_many_restarts_lose_and_repeat_nothing(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        came = []
        for start in range(0, 50, 10):
            put(live, numbered(10, start))
            came.append(take(live, 7))
            live = channels.reopen()
        assert_exactly([*came, drain(live)], numbered(50))

    def test_a_crash_keeps_committed_puts(self, live: AnyChannel, channels: OpenChannels) -> None:
        put(live, numbered(20))
        with rolled_back(live) as tx:
            tx.put(numbered(5, producer="never"))
        unfinished = live.transaction()
        unfinished.begin()
        unfinished.put(numbered(5, 20, producer="never"))
        again = channels.crash()
        assert_exactly(drain(again), numbered(20))

    def test_a_crash_returns_what_open_takes_held(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        put(live, numbered(20))
        unfinished = live.transaction()
        unfinished.begin()
        unfinished.take(10)
        assert_exactly(drain(channels.crash()), numbered(20))

    def test_takes_before_a_sync_stay_taken_after_a_crash(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        put(live, numbered(20))
        take(live, 12)
        live.sync()
        assert_exactly(drain(channels.crash()), numbered(8, 12))

    def test_takes_after_a_sync_are_gone_or_back_after_a_crash(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        put(live, numbered(20))
        before = [take(live, 4)]
        live.sync()
        before += [take(live, 4), take(live, 4)]
        after = drain(channels.crash())
        assert after.bodies() == numbered(20).bodies()[20 - len(after) :]
        assert 8 <= len(after) <= 16
        assert_at_least_once([*before, after], numbered(20))

    def test_the_dead_channel_does_no_harm_to_its_successor(
        self, live: AnyChannel, channels: OpenChannels
    ) -> None:
        put(live, numbered(10))
        unfinished = live.transaction()
        unfinished.begin()
        unfinished.take(5)
        again = channels.crash()
        with suppress(Exception):
            unfinished.commit()
        with suppress(Exception):
            live.stop()
        assert_exactly(drain(again), numbered(10))


class ProgressTests(ChannelParts):
    """Positions that travel with the events, where the channel keeps them."""

    @pytest.fixture
    def keeper(self, live: AnyChannel) -> AnyChannel:
        """Return a started channel that keeps progress, or skip the test."""
        if not live.keeps_progress:
            pytest.skip("the channel does not keep progress")
        return live

    def test_progress_is_accepted_by_every_channel(self, live: AnyChannel) -> None:
        _save(live, SOURCE, {"file": b"17"})
        assert live.size() == 1
        assert live.progress(SOURCE) == ({"file": b"17"} if live.keeps_progress else {})

    def test_progress_is_there_after_its_commit_and_not_before(self, keeper: AnyChannel) -> None:
        with keeper.transaction() as tx:
            tx.put(numbered(1))
            tx.save_progress(SOURCE, {"file": b"17"})
            assert keeper.progress(SOURCE) == {}
        assert keeper.progress(SOURCE) == {"file": b"17"}
        assert keeper.progress(SINK) == {}

    def test_entries_are_merged_and_none_removes(self, keeper: AnyChannel) -> None:
        _save(keeper, SOURCE, {"a": b"1", "b": b"2", "c": b""})
        _save(keeper, SOURCE, {"b": b"3", "a": None, "unknown": None})
        assert keeper.progress(SOURCE) == {"b": b"3", "c": b""}

    def test_later_entries_of_a_transaction_replace_earlier_ones(self, keeper: AnyChannel) -> None:
        with keeper.transaction() as tx:
            tx.save_progress(SOURCE, {"a": b"1", "b": b"1"})
            tx.save_progress(SINK, {"a": b"of the sink"})
            tx.save_progress(SOURCE, {"a": b"2", "b": None})
        assert keeper.progress(SOURCE) == {"a": b"2"}
        assert keeper.progress(SINK) == {"a": b"of the sink"}

    def test_a_rollback_forgets_it(self, keeper: AnyChannel) -> None:
        _save(keeper, SOURCE, {"a": b"1"})
        with rolled_back(keeper) as tx:
            tx.put(numbered(1))
            tx.save_progress(SOURCE, {"a": None, "b": b"2"})
        assert keeper.progress(SOURCE) == {"a": b"1"}

    def test_takes_carry_it_too(self, keeper: AnyChannel) -> None:
        put(keeper, numbered(10))
        with keeper.transaction() as tx:
            tx.take(4)
            tx.save_progress(SINK, {"out-1": b"\x00\xff"})
        assert keeper.progress(SINK) == {"out-1": b"\x00\xff"}
        assert_exactly(drain(keeper), numbered(6, 4))

    def test_it_may_be_committed_alone(self, keeper: AnyChannel) -> None:
        with keeper.transaction() as tx:
            tx.save_progress(SINK, {"alone": b"1"})
        assert keeper.progress(SINK) == {"alone": b"1"}
        assert keeper.size() == 0

    def test_one_transaction_carries_up_to_the_limit(self, live: AnyChannel) -> None:
        key = "key"
        most = {key: b"x" * (PROGRESS_LIMIT - len(key))}
        _save(live, SOURCE, most)
        assert live.progress(SOURCE) == (most if live.keeps_progress else {})
        with pytest.raises(ContractError, match=SOURCE):
            _save(live, SOURCE, {key: b"x" * (PROGRESS_LIMIT - len(key) + 1)})
        assert live.size() == 1, "the transaction that was over the limit was rolled back"

    def test_what_is_returned_is_a_copy(self, keeper: AnyChannel) -> None:
        _save(keeper, SOURCE, {"a": b"1"})
        before = keeper.progress(SOURCE)
        _save(keeper, SOURCE, {"a": b"2"})
        assert before == {"a": b"1"}

    def test_it_survives_a_restart(self, keeper: AnyChannel, channels: OpenChannels) -> None:
        wanted = _some_progress(keeper)
        again = channels.reopen()
        assert {owner: again.progress(owner) for owner in wanted} == wanted
        again = channels.reopen()
        assert {owner: again.progress(owner) for owner in wanted} == wanted

    def test_it_survives_a_crash_together_with_its_events(
        self, keeper: AnyChannel, channels: OpenChannels
    ) -> None:
        wanted = _some_progress(keeper)
        keeper.sync()
        unfinished = keeper.transaction()
        unfinished.begin()
        unfinished.put(numbered(1, producer="never"))
        unfinished.save_progress(SOURCE, {"a": b"never"})
        again = channels.crash()
        assert {owner: again.progress(owner) for owner in wanted} == wanted
        assert_exactly(drain(again), numbered(36, 4))

    def test_a_crash_keeps_or_loses_a_take_and_its_progress_as_one(
        self, keeper: AnyChannel, channels: OpenChannels
    ) -> None:
        put(keeper, numbered(20))
        for done in (5, 10, 15):
            with keeper.transaction() as tx:
                tx.take(5)
                tx.save_progress(SINK, {"taken": b"%d" % done})
        again = channels.crash()
        taken = int(again.progress(SINK).get("taken", b"0"))
        assert_exactly(drain(again), numbered(20 - taken, taken))

    def test_a_channel_without_progress_says_so(self, live: AnyChannel) -> None:
        if live.keeps_progress:
            pytest.skip("the channel keeps progress")
        with live.transaction() as tx:
            tx.save_progress(SINK, {"a": b"1"})
        assert live.progress(SINK) == {}
        live.sync()


class SpanTests(ChannelParts):
    """Sequence numbers, where the channel has them."""

    @pytest.fixture
    def spanning(self, live: AnyChannel) -> AnyChannel:
        """Return a started channel whose takes have spans, or skip the test."""
        put(live, numbered(1, producer="probe"))
        with live.transaction() as tx:
            tx.take(1)
            if tx.span is None:
                pytest.skip("the channel has no spans")
        return live

    def test_a_span_counts_what_was_taken(self, spanning: AnyChannel) -> None:
        put(spanning, numbered(10))
        put(spanning, numbered(10, 10))
        spans = []
        while (entry := _take_with_span(spanning, 6))[0]:
            spans.append(entry)
        assert [end - first for _, (first, end) in spans] == [count for count, _ in spans]
        ends = [span.end for _, span in spans]
        assert [span.first for _, span in spans[1:]] == ends[:-1], "spans follow each other"

    def test_a_transaction_that_took_nothing_has_no_span(self, spanning: AnyChannel) -> None:
        with spanning.transaction() as tx:
            assert tx.span is None
            tx.take(5)
            assert tx.span is None

    def test_events_keep_their_numbers_after_a_rollback(self, spanning: AnyChannel) -> None:
        put(spanning, numbered(10))
        with rolled_back(spanning) as tx:
            tx.take(4)
            before = tx.span
        assert _take_with_span(spanning, 4) == (4, before)

    def test_events_keep_their_numbers_after_a_restart(
        self, spanning: AnyChannel, channels: OpenChannels
    ) -> None:
        put(spanning, numbered(20))
        _, before = _take_with_span(spanning, 5)
        again = channels.reopen()
        _, after = _take_with_span(again, 5)
        assert after == Span(before.end, before.end + 5)
        drain(again)
        again = channels.reopen()
        put(again, numbered(5, 20))
        assert _take_with_span(again, 5) == (5, Span(before.end + 15, before.end + 20))

    def test_events_keep_their_numbers_after_a_crash(
        self, spanning: AnyChannel, channels: OpenChannels
    ) -> None:
        put(spanning, numbered(20))
        _, before = _take_with_span(spanning, 5)
        spanning.sync()
        _, after = _take_with_span(channels.crash(), 5)
        assert after == Span(before.end, before.end + 5)

    def test_what_arrived_already_is_discarded(self, spanning: AnyChannel) -> None:
        put(spanning, numbered(10))
        put(spanning, numbered(10, 10))
        with rolled_back(spanning) as tx:
            tx.take(13)
            arrived = tx.span
        assert arrived is not None
        assert spanning.discard(arrived.first) == 0
        assert spanning.discard(arrived.end) == arrived.end - arrived.first
        assert spanning.discard(arrived.end) == 0
        left = arrived.end - arrived.first
        assert_exactly(drain(spanning), numbered(20 - left, left))
        assert spanning.size() == 0


def _save(channel: AnyChannel, owner: str, progress: Progress) -> None:
    with channel.transaction() as tx:
        tx.put(numbered(1))
        tx.save_progress(owner, progress)


def _some_progress(channel: AnyChannel) -> Mapping[str, Mapping[str, bytes]]:
    """Put 40 events and take 4, with progress of two owners; return what must be kept."""
    for number in range(4):
        with channel.transaction() as tx:
            tx.put(numbered(10, number * 10))
            tx.save_progress(SOURCE, {"a": b"%d" % number, f"file-{number}": b"x"})
    with channel.transaction() as tx:
        tx.take(4)
        tx.save_progress(SINK, {"out-1": b"4"})
    with channel.transaction() as tx:
        tx.save_progress(SOURCE, {"file-0": None})
    files = {f"file-{number}": b"x" for number in (1, 2, 3)}
    return {SOURCE: {"a": b"3", **files}, SINK: {"out-1": b"4"}}


def _take_with_span(channel: AnyChannel, most: int) -> tuple[int, Span]:
    with channel.transaction() as tx:
        count = len(tx.take(most))
        return count, tx.span or Span(0, 0)
