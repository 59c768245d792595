"""The source suite: everything arrives, is acknowledged after its commit, and waits for a full channel."""

from __future__ import annotations

from contextlib import suppress

import pytest

from flume_core.errors import ChannelError, ChannelFull
from flume_core.source import PollableSource, Status
from flume_core.testing._source_bench import SourceBench, SourceParts
from flume_core.testing.component_contract import need
from flume_core.testing.events import assert_exactly, numbered
from flume_core.testing.waiting import wait_until

__all__ = ["AcknowledgementTests", "BackPressureTests", "EmissionTests", "ResumeTests"]


class EmissionTests(SourceParts):
    """What the source is fed arrives: all of it, once, in order."""

    def test_every_event_is_emitted_once_and_in_order(self, bench: SourceBench) -> None:
        bench.start()
        bench.feed(250)
        bench.assert_emitted()

    def test_it_goes_on_with_what_comes_later(self, bench: SourceBench) -> None:
        bench.start()
        for count in (1, 40, 2, 120):
            bench.feed(count)
            bench.assert_emitted()

    def test_no_batch_is_larger_than_the_batch_size(self, bench: SourceBench) -> None:
        most = getattr(bench.running.source.config, "batch_size", None)
        most = need(most, "batch_size in the model")
        bench.start()
        bench.feed(most * 2 + 1)
        bench.assert_emitted()
        assert max(map(len, bench.emitter.committed)) <= most

    def test_it_backs_off_when_it_is_caught_up(self, bench: SourceBench) -> None:
        if not isinstance(bench.running.source, PollableSource) or bench.under_test.produces:
            pytest.skip("not polled, or never caught up")
        bench.start()
        bench.feed(30)
        bench.assert_emitted()
        wait_until(lambda: bench.running.last_status is Status.BACKOFF, "BACKOFF from poll")

    def test_it_emits_nothing_after_its_stop(self, bench: SourceBench) -> None:
        bench.start()
        bench.feed(5)
        bench.wait_for_events()
        bench.stop()
        offered = len(bench.emitter.offered)
        with suppress(Exception):  # the peer may find nobody
            bench.feed(5)
        bench.settle()
        assert len(bench.emitter.offered) == offered

    def test_it_emits_nothing_before_its_start(self, bench: SourceBench) -> None:
        with suppress(Exception):
            bench.feed(5)
        bench.settle()
        assert not bench.emitter.offered

    def test_polls_raise_nothing_of_their_own(self, bench: SourceBench) -> None:
        bench.start()
        bench.feed(30)
        bench.assert_emitted()
        assert bench.running.errors == []


class AcknowledgementTests(SourceParts):
    """Receive, commit, then acknowledge."""

    def test_nothing_is_acknowledged_before_its_commit(self, bench: SourceBench) -> None:
        acknowledged = need(bench.under_test.acknowledged, "acknowledged")
        bench.start()
        bench.emitter.hold()
        bench.feed(5)
        wait_until(lambda: bench.emitter.inside, "a call of emit")
        bench.settle()
        assert acknowledged() == 0
        bench.emitter.release()
        bench.assert_emitted()
        wait_until(lambda: acknowledged() == 5, "the acknowledgement of 5 events")

    def test_what_a_full_channel_refuses_is_not_acknowledged(self, bench: SourceBench) -> None:
        acknowledged = need(bench.under_test.acknowledged, "acknowledged")
        bench.start()
        bench.feed(3)
        bench.assert_emitted()
        wait_until(lambda: acknowledged() == 3, "the acknowledgement of 3 events")
        bench.emitter.full = True
        bench.feed(5)
        bench.wait_for_offers()
        bench.settle()
        assert acknowledged() == 3

    def test_events_are_acknowledged_once_a_full_channel_has_room(self, bench: SourceBench) -> None:
        acknowledged = need(bench.under_test.acknowledged, "acknowledged")
        if not bench.under_test.offers_again:
            pytest.skip("refused events are the peer's to send again")
        bench.start()
        bench.emitter.full = True
        bench.feed(5)
        bench.wait_for_offers()
        bench.emitter.full = False
        bench.assert_emitted()
        wait_until(lambda: acknowledged() == 5, "the acknowledgement of 5 events")


class BackPressureTests(SourceParts):
    """A full channel holds the source up, and costs nothing."""

    @pytest.mark.parametrize("error", [ChannelFull("told to fail"), ChannelError("told to fail")])
    @pytest.mark.parametrize("times", [1, 4])
    def test_refused_events_come_again(
        self, bench: SourceBench, error: ChannelError, times: int
    ) -> None:
        if not bench.under_test.offers_again:
            pytest.skip("refused events are the peer's to send again")
        bench.emitter.fail(*[error] * times)
        bench.start()
        bench.feed(40)
        bench.assert_emitted()

    def test_a_channel_that_is_full_for_a_while_loses_nothing(self, bench: SourceBench) -> None:
        if not bench.under_test.offers_again:
            pytest.skip("refused events are the peer's to send again")
        bench.start()
        for _ in range(3):
            bench.emitter.full = True
            bench.feed(30)
            bench.wait_for_offers(2)
            bench.emitter.full = False
            bench.assert_emitted()

    def test_it_works_on_after_the_peer_was_told_of_a_refusal(self, bench: SourceBench) -> None:
        if bench.under_test.offers_again:
            pytest.skip("refused events are offered again")
        bench.feeds()
        bench.start()
        bench.emitter.full = True
        bench.feed(5)
        bench.wait_for_offers()
        bench.settle()
        bench.emitter.full = False
        before = len(bench.emitter.events)
        bench.feed(5)
        wanted = numbered(5, 5).bodies()
        wait_until(
            lambda: bench.emitter.events.bodies()[-5:] == wanted,
            "the arrival of what was fed after the refusal",
        )
        bodies = bench.emitter.events.bodies()
        assert len(bodies) == len(set(bodies)), "an event came twice"
        assert set(bodies[before:]) <= set(bench.expected), "an event was invented"

    def test_it_stops_while_the_channel_is_full(self, bench: SourceBench) -> None:
        bench.emitter.full = True
        bench.start()
        bench.feed(20)
        bench.wait_for_offers()
        bench.stop()
        assert not bench.emitter.committed


class ResumeTests(SourceParts):
    """A new instance goes on where the last one stopped."""

    def test_a_clean_restart_loses_and_repeats_nothing(self, bench: SourceBench) -> None:
        self._resumes(bench)
        bench.start()
        for count in (30, 1, 50):
            bench.feed(count)
            bench.assert_emitted()
            bench.replace()
        bench.settle()
        assert_exactly(bench.came, bench.expected)

    def test_what_comes_between_stop_and_start_is_not_lost(self, bench: SourceBench) -> None:
        self._resumes(bench)
        bench.feed(10)
        bench.start()
        bench.assert_emitted()
        bench.stop()
        bench.feed(20)
        bench.replace()
        bench.assert_emitted()

    def test_what_a_full_channel_refused_comes_after_a_restart(self, bench: SourceBench) -> None:
        self._resumes(bench)
        bench.start()
        bench.feed(10)
        bench.assert_emitted()
        bench.emitter.full = True
        bench.feed(20)
        bench.wait_for_offers()
        bench.stop()
        bench.emitter.full = False
        bench.replace()
        bench.assert_emitted()

    def _resumes(self, bench: SourceBench) -> None:
        bench.feeds()
        if not bench.under_test.resumes:
            pytest.skip("the source does not resume")
