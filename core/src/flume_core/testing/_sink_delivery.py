"""The sink suite: delivery, commits, outages, restarts."""

from __future__ import annotations

from contextlib import suppress

import pytest

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, PermanentError
from flume_core.sink import Status
from flume_core.testing._sink_bench import SinkBench, SinkParts
from flume_core.testing.component_contract import need
from flume_core.testing.events import assert_exactly
from flume_core.testing.failing_channel import WatchedTransaction

__all__ = ["DeliveryTests", "OutageTests"]


class DeliveryTests(SinkParts):
    """What is in the channel arrives: all of it, in order, before it leaves the channel."""

    def test_every_event_is_delivered_once_and_in_order(self, bench: SinkBench) -> None:
        bench.put(1, 99, 150)
        bench.start()
        bench.drain()
        bench.assert_delivered()

    def test_it_goes_on_with_what_comes_later(self, bench: SinkBench) -> None:
        bench.start()
        for count in (3, 1, 120):
            bench.put(count)
            bench.drain()
            bench.assert_delivered()

    def test_an_empty_channel_makes_it_back_off(self, bench: SinkBench) -> None:
        bench.start()
        assert bench.process() is Status.BACKOFF
        bench.put(5)
        bench.drain()
        assert bench.process() is Status.BACKOFF
        assert bench.channel.size() == 0

    def test_it_is_ready_for_more_after_a_delivery(self, bench: SinkBench) -> None:
        bench.put(50)
        bench.start()
        assert bench.process() is Status.READY

    def test_events_are_delivered_before_their_take_is_committed(self, bench: SinkBench) -> None:
        bench.delivered()  # skips without the hook
        early: list[bytes] = []

        def before_commit(tx: WatchedTransaction) -> None:
            arrived = {e if isinstance(e, bytes) else e.body for e in bench.delivered()}
            early.extend(body for body in tx.events.bodies() if body not in arrived)

        bench.put(120)
        bench.channel.before["commit"] = before_commit
        bench.start()
        bench.drain()
        assert not early, f"committed before they were delivered: {early[:5]}"

    def test_no_transaction_takes_more_than_the_batch_size(self, bench: SinkBench) -> None:
        most = need(bench.batch_size, "batch_size, in the sink or its model")
        bench.put(most * 2 + 1)
        bench.start()
        bench.drain()
        sizes = [len(tx.events) for tx in bench.channel.transactions]
        assert max(sizes) <= most
        assert sum(sizes) == most * 2 + 1

    def test_every_transaction_is_ended(self, bench: SinkBench) -> None:
        bench.put(20)
        bench.channel.fail("commit", ChannelError("told to fail"))
        bench.start()
        bench.fail_once()
        bench.drain()
        bench.stop()
        used = [tx.outcome for tx in bench.channel.transactions if tx.taken]
        assert "open" not in used

    def test_what_was_taken_has_arrived_after_a_stop(self, bench: SinkBench) -> None:
        bench.put(130)
        bench.start()
        bench.process()
        bench.stop()
        taken = [tx.events for tx in bench.channel.transactions if tx.outcome == "committed"]
        assert_exactly(bench.delivered(), EventBatch.concat(taken))

    def test_a_new_one_goes_on_where_the_first_stopped(self, bench: SinkBench) -> None:
        bench.start()
        for count in (30, 70, 1):
            bench.put(count)
            bench.drain()
            bench.replace()
        bench.drain()
        bench.stop()
        bench.assert_delivered()

    def test_its_counters_say_what_was_delivered(self, bench: SinkBench) -> None:
        bench.put(130)
        bench.start()
        bench.drain()
        figures = bench.sink.metrics.snapshot()
        if "EventDrainSuccessCount" not in figures:
            pytest.skip("the sink does not count EventDrainSuccessCount")
        assert figures["EventDrainSuccessCount"] == 130
        assert figures.get("EventDrainAttemptCount") == 130


class OutageTests(SinkParts):
    """What cannot be delivered stays in the channel and arrives later."""

    @pytest.mark.parametrize("failures", [1, 3])
    def test_a_failed_commit_loses_nothing(self, bench: SinkBench, failures: int) -> None:
        bench.put(40)
        bench.channel.fail("commit", *[ChannelError("told to fail")] * failures)
        bench.start()
        for _ in range(failures):
            bench.fail_once()
        bench.put(40)
        bench.drain()
        bench.stop()
        bench.assert_delivered(exactly=bench.under_test.exactly_once)

    def test_a_failed_take_loses_and_repeats_nothing(self, bench: SinkBench) -> None:
        bench.put(40)
        bench.channel.fail("take", ChannelError("told to fail"))
        bench.start()
        bench.fail_once()
        bench.drain()
        bench.stop()
        bench.assert_delivered()

    def test_an_outage_loses_nothing(self, bench: SinkBench) -> None:
        break_peer = need(bench.under_test.break_peer, "break_peer")
        mend_peer = need(bench.under_test.mend_peer, "mend_peer")
        bench.start()
        bench.put(20)
        bench.drain()
        break_peer()
        bench.put(150)
        for _ in range(3):
            bench.fail_once()
        mend_peer()
        self._drain_when_mended(bench)
        bench.stop()
        bench.assert_delivered(exactly=False)

    def test_events_stay_in_the_channel_when_it_stops_during_an_outage(
        self, bench: SinkBench
    ) -> None:
        break_peer = need(bench.under_test.break_peer, "break_peer")
        mend_peer = need(bench.under_test.mend_peer, "mend_peer")
        bench.start()
        break_peer()
        bench.put(50)
        bench.fail_once()
        with suppress(Exception):
            bench.stop()
        assert bench.channel.size() == 50
        mend_peer()
        bench.replace()
        bench.drain()
        bench.stop()
        bench.assert_delivered(exactly=False)

    def test_it_can_be_started_once_the_peer_is_there(self, bench: SinkBench) -> None:
        break_peer = need(bench.under_test.break_peer, "break_peer")
        mend_peer = need(bench.under_test.mend_peer, "mend_peer")
        break_peer()
        bench.put(20)
        if self._started(bench) or self._started(bench):
            bench.fail_once()
        mend_peer()
        bench.replace()
        bench.drain()
        bench.stop()
        bench.assert_delivered(exactly=False)

    def test_an_event_that_can_never_be_delivered_is_kept(self, bench: SinkBench) -> None:
        poison = need(bench.under_test.poison, "poison")
        with bench.channel.inner.transaction() as tx:
            tx.put(EventBatch.from_events([poison]))
        bench.start()
        for _ in range(2):
            with pytest.raises(PermanentError):
                bench.process()
            assert bench.channel.size() == 1

    def _started(self, bench: SinkBench) -> bool:
        with suppress(Exception):  # the runtime calls start again then
            bench.start()
            return True
        return False

    def _drain_when_mended(self, bench: SinkBench) -> None:
        """Drain; a sink may need a failure to notice that its connection was lost."""
        for _ in range(5):
            with suppress(Exception):
                bench.drain()
                return
        bench.drain()
