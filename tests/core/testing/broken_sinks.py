"""A small sink without defect, sinks with one defect each, and the test that must find it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from flume_core.batch import EventBatch
from flume_core.config.model import SinkConfig
from flume_core.errors import PermanentError, RetryableError
from flume_core.event import Event
from flume_core.sink import BatchSink, EventSink, Sink, Status
from flume_core.testing import SinkContract, SinkUnderTest
from flume_core.testing.crash_points import Restore
from flume_core.transaction import Span


class Peer:
    """Where the sinks deliver to: outside the process, with a position of its own."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.end = 0
        self.broken = False

    def store(self, bodies: list[bytes], end: int = 0) -> None:
        if self.broken:
            raise RetryableError("the peer is away")
        if b"poison" in bodies:
            raise PermanentError("poison")
        self.bodies, self.end = self.bodies + bodies, end

    def snapshot(self) -> Restore:
        bodies, end = self.bodies, self.end

        def restore() -> None:
            self.bodies, self.end = bodies, end

        return restore


class GoodSink(Sink[SinkConfig]):
    """Exactly once: the peer keeps the end of what it has."""

    peer: ClassVar[Peer]

    def start(self) -> None:
        self.channel.discard(self.peer.end)

    def process(self) -> Status:
        with self.channel.transaction() as tx:
            batch = tx.take(self.config.batch_size)
            if batch:
                self.deliver(batch, tx.span or Span(0, 0))
        return Status.READY if batch else Status.BACKOFF

    def deliver(self, batch: EventBatch, span: Span) -> None:
        known = max(0, self.peer.end - span.first)
        self.peer.store(batch.bodies()[known:], span.end)


class CommitsBeforeDelivery(GoodSink):
    def process(self) -> Status:
        with self.channel.transaction() as tx:
            batch = tx.take(self.config.batch_size)
            span = tx.span
        if span:
            self.deliver(batch, span)
        return Status.READY if batch else Status.BACKOFF


class DropsWhatItCannotDeliver(GoodSink):
    def deliver(self, batch: EventBatch, span: Span) -> None:
        try:
            super().deliver(batch, span)
        except RetryableError as error:
            self.log.warning("dropped: %s", error)


class DropsPoison(GoodSink):
    def deliver(self, batch: EventBatch, span: Span) -> None:
        try:
            super().deliver(batch, span)
        except PermanentError as error:
            self.log.warning("dropped: %s", error)


class DeliversTwice(GoodSink):
    def deliver(self, batch: EventBatch, span: Span) -> None:
        self.peer.store(batch.bodies() * 2, span.end)


class DeliversBackwards(GoodSink):
    def deliver(self, batch: EventBatch, span: Span) -> None:
        self.peer.store(batch.bodies()[::-1], span.end)


class SkipsTheFirst(GoodSink):
    def deliver(self, batch: EventBatch, span: Span) -> None:
        super().deliver(batch[1:], span)


class IsReadyWhenThereIsNothing(GoodSink):
    def process(self) -> Status:
        super().process()
        return Status.READY


class BacksOffAfterADelivery(GoodSink):
    def process(self) -> Status:
        super().process()
        return Status.BACKOFF


class IgnoresTheBatchSize(GoodSink):
    def process(self) -> Status:
        with self.channel.transaction() as tx:
            batch = tx.take(10_000)
            if batch and tx.span:
                self.deliver(batch, tx.span)
        return Status.READY if batch else Status.BACKOFF


class DeliversAtTheStop(GoodSink):
    def start(self) -> None:
        super().start()
        self.late = EventBatch.from_bodies([])

    def deliver(self, batch: EventBatch, span: Span) -> None:
        self.late = EventBatch.concat([self.late, batch])

    def stop(self) -> None:
        self.peer.store(self.late.bodies())
        self.late = EventBatch.from_bodies([])


class LeavesTransactionsOpen(GoodSink):
    def process(self) -> Status:
        tx = self.channel.transaction()
        tx.begin()
        batch = tx.take(self.config.batch_size)
        if batch and tx.span:
            self.deliver(batch, tx.span)
        tx.commit()
        tx.close()
        return Status.READY if batch else Status.BACKOFF


class TrustsTheChannelAfterAKill(GoodSink):
    def start(self) -> None:
        self.peer.end = 0

    def deliver(self, batch: EventBatch, span: Span) -> None:
        self.peer.store(batch.bodies(), span.end)


class MovesThePositionFirst(GoodSink):
    def deliver(self, batch: EventBatch, span: Span) -> None:
        known = max(0, self.peer.end - span.first)
        self.peer.end = span.end
        self.peer.store(batch.bodies()[known:], span.end)


class CountsTwice(BatchSink[SinkConfig]):
    peer: ClassVar[Peer]

    def write(self, batch: EventBatch) -> None:
        self.peer.store(batch.bodies())
        self.metrics.add(EventDrainSuccessCount=len(batch))


class NeverStartsAgain(GoodSink):
    failed = False

    def start(self) -> None:
        cls = type(self)
        cls.failed = cls.failed or self.peer.broken
        if cls.failed:
            raise RetryableError("the peer was away once")


class GoodBatchSink(BatchSink[SinkConfig]):
    peer: ClassVar[Peer]

    def write(self, batch: EventBatch) -> None:
        self.peer.store(batch.bodies())


class GoodEventSink(EventSink[SinkConfig]):
    peer: ClassVar[Peer]

    def write(self, event: Event) -> None:
        self.peer.store([event.body])


class BrokenSinkContract(SinkContract):
    """The suite over the sink that ``cls`` names."""

    cls: type[GoodSink | GoodBatchSink | GoodEventSink | CountsTwice] = GoodSink
    exactly_once = True

    @pytest.fixture
    def sink(self, monkeypatch: pytest.MonkeyPatch) -> SinkUnderTest:
        peer = Peer()
        monkeypatch.setattr(self.cls, "peer", peer, raising=False)
        return SinkUnderTest(
            self.cls,
            {"batchSize": "40"},
            lambda: peer.bodies,
            lambda: setattr(peer, "broken", True),
            lambda: setattr(peer, "broken", False),
            poison=Event(b"poison"),
            exactly_once=self.exactly_once,
            crash=peer.snapshot,
        )


class GoodBatchSinkContract(BrokenSinkContract):
    """The suite over a batch sink, which delivers at least once."""

    cls = GoodBatchSink
    exactly_once = False


class GoodEventSinkContract(BrokenSinkContract):
    """The suite over an event sink, which delivers at least once."""

    cls = GoodEventSink
    exactly_once = False


KILLED = "test_a_kill_at_any_point_loses_nothing"
CAUGHT_BY: dict[type[Sink[SinkConfig]], list[str]] = {
    CommitsBeforeDelivery: [
        "test_events_are_delivered_before_their_take_is_committed",
        "test_an_outage_loses_nothing",
        f"{KILLED}[synced at once]",
    ],
    DropsWhatItCannotDeliver: ["test_an_outage_loses_nothing"],
    DropsPoison: ["test_an_event_that_can_never_be_delivered_is_kept"],
    DeliversTwice: ["test_every_event_is_delivered_once_and_in_order"],
    DeliversBackwards: ["test_every_event_is_delivered_once_and_in_order"],
    SkipsTheFirst: ["test_every_event_is_delivered_once_and_in_order"],
    IsReadyWhenThereIsNothing: ["test_an_empty_channel_makes_it_back_off"],
    BacksOffAfterADelivery: ["test_it_is_ready_for_more_after_a_delivery"],
    IgnoresTheBatchSize: ["test_no_transaction_takes_more_than_the_batch_size"],
    DeliversAtTheStop: ["test_events_are_delivered_before_their_take_is_committed"],
    LeavesTransactionsOpen: ["test_an_outage_loses_nothing", "test_every_transaction_is_ended"],
    TrustsTheChannelAfterAKill: [
        f"{KILLED}[synced late]",
        "test_a_failed_commit_loses_nothing[1]",
    ],
    MovesThePositionFirst: [f"{KILLED}[synced at once]"],
    CountsTwice: ["test_its_counters_say_what_was_delivered"],
    NeverStartsAgain: ["test_it_can_be_started_once_the_peer_is_there"],
}


def _suite(defect: type[Sink[SinkConfig]]) -> type[BrokenSinkContract]:
    name = f"{defect.__name__}Contract"
    return type(name, (BrokenSinkContract,), {"cls": defect, "__module__": __name__})


SUITES = {defect: _suite(defect) for defect in CAUGHT_BY}
globals().update({suite.__name__: suite for suite in SUITES.values()})
