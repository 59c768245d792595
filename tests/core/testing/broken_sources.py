"""A small source without defect, sources with one defect each, and the test that must find it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import ClassVar

import pytest
from pydantic import Field

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.config.fields import Events
from flume_core.config.model import PollableSourceConfig
from flume_core.errors import ChannelError
from flume_core.source import PollableSource, Source, Status
from flume_core.testing import SourceContract, SourceUnderTest
from flume_core.testing.crash_points import Restore


class Inbox:
    """Where the sources read from: outside the process, with the position they acknowledged."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.position = 0

    def append(self, _: Source[PollableSourceConfig], bodies: Sequence[bytes]) -> None:
        self.bodies = [*self.bodies, *bodies]

    def snapshot(self) -> Restore:
        bodies, position = self.bodies, self.position

        def restore() -> None:
            self.bodies, self.position = bodies, position

        return restore


class InboxConfig(PollableSourceConfig):
    batch_size: Events = Field(15, gt=0, description="most events handed over at once")


class GoodSource(PollableSource[InboxConfig]):
    """Exactly once: the channel keeps the position, the inbox an older one."""

    inbox: ClassVar[Inbox]

    def start(self) -> None:
        self.at = int(self.emitter.progress().get("at", b"%d" % self.inbox.position))

    def poll(self) -> Status:
        batch = EventBatch.from_bodies(self.next_bodies())
        if not batch:
            return Status.BACKOFF
        self.hand_over(batch)
        return Status.READY

    def next_bodies(self) -> list[bytes]:
        return self.inbox.bodies[self.at : self.at + self.config.batch_size]

    def hand_over(self, batch: EventBatch) -> None:
        end = self.at + len(batch)
        self.emit(batch, {"at": b"%d" % end})
        self.at = self.inbox.position = end


class AcknowledgesBeforeTheCommit(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        self.inbox.position += len(batch)
        super().hand_over(batch)


class SkipsWhatIsRefused(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        with suppress(ChannelError):
            super().hand_over(batch)
        self.at = self.inbox.position = max(self.at, self.inbox.position + len(batch))


class ForgetsItsPosition(GoodSource):
    def start(self) -> None:
        self.at = 0


class StartsAtTheEnd(GoodSource):
    def start(self) -> None:
        self.at = len(self.inbox.bodies)


class NeverAcknowledges(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        self.emit(batch, {"at": b"%d" % (self.at + len(batch))})
        self.at += len(batch)


class IgnoresTheBatchSize(GoodSource):
    def next_bodies(self) -> list[bytes]:
        return self.inbox.bodies[self.at :]


class ReadsBackwards(GoodSource):
    def next_bodies(self) -> list[bytes]:
        return super().next_bodies()[::-1]


class InventsEvents(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        self.emit(EventBatch.from_bodies([b"hello"]))
        super().hand_over(batch)


class RepeatsEvents(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        self.emit(batch)
        super().hand_over(batch)


class NeverBacksOff(GoodSource):
    def poll(self) -> Status:
        super().poll()
        return Status.READY


class TriesForEver(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        for _ in range(500):  # five seconds, far beyond the patience of the inner run
            with suppress(ChannelError):
                super().hand_over(batch)
                return


class EmitsAfterItsStop(GoodSource):
    def stop(self) -> None:
        Thread(target=self._go_on, daemon=True).start()

    def _go_on(self) -> None:
        with suppress(AttributeError):
            while self.poll() is Status.BACKOFF and not self.context.stopping.wait(0.01):
                pass
            for _ in range(10):
                self.poll()
                self.context.stopping.clear()
                self.context.stopping.wait(0.01)


class EmitsBeforeItsStart(GoodSource):
    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.emit(EventBatch.from_bodies([b"too early"]))


class RaisesWhenThereIsNothing(GoodSource):
    def poll(self) -> Status:
        if super().poll() is Status.BACKOFF:
            raise EOFError
        return Status.READY


class CommitsProgressApart(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        end = self.at + len(batch)
        self.emit(batch)
        self.emit(EMPTY_BATCH, {"at": b"%d" % end})
        self.at = self.inbox.position = end


class CommitsProgressFirst(GoodSource):
    def hand_over(self, batch: EventBatch) -> None:
        end = self.at + len(batch)
        self.emit(EMPTY_BATCH, {"at": b"%d" % end})
        self.emit(batch)
        self.at = self.inbox.position = end


class BrokenSourceContract(SourceContract):
    """The suite over the source that ``cls`` names."""

    cls: type[GoodSource] = GoodSource

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> SourceUnderTest:
        inbox = Inbox()
        monkeypatch.setattr(self.cls, "inbox", inbox, raising=False)
        return SourceUnderTest(
            self.cls,
            {"batchSize": "15"},
            inbox.append,
            lambda: inbox.position,
            resumes=True,
            exactly_once=True,
            crash=inbox.snapshot,
        )


KILLED = "test_a_kill_at_any_point_loses_nothing"
CAUGHT_BY: dict[type[GoodSource], list[str]] = {
    AcknowledgesBeforeTheCommit: [
        "test_nothing_is_acknowledged_before_its_commit",
        "test_what_a_full_channel_refuses_is_not_acknowledged",
        f"{KILLED}[False]",
    ],
    SkipsWhatIsRefused: [
        "test_a_channel_that_is_full_for_a_while_loses_nothing",
        "test_refused_events_come_again[4-error0]",
    ],
    ForgetsItsPosition: ["test_a_clean_restart_loses_and_repeats_nothing", f"{KILLED}[True]"],
    StartsAtTheEnd: ["test_what_comes_between_stop_and_start_is_not_lost"],
    NeverAcknowledges: ["test_nothing_is_acknowledged_before_its_commit"],
    IgnoresTheBatchSize: ["test_no_batch_is_larger_than_the_batch_size"],
    ReadsBackwards: ["test_every_event_is_emitted_once_and_in_order"],
    InventsEvents: ["test_every_event_is_emitted_once_and_in_order"],
    RepeatsEvents: ["test_every_event_is_emitted_once_and_in_order"],
    NeverBacksOff: ["test_it_backs_off_when_it_is_caught_up"],
    TriesForEver: ["test_it_stops_while_the_channel_is_full"],
    EmitsAfterItsStop: ["test_it_emits_nothing_after_its_stop"],
    EmitsBeforeItsStart: ["test_it_emits_nothing_before_its_start"],
    RaisesWhenThereIsNothing: ["test_polls_raise_nothing_of_their_own"],
    CommitsProgressApart: [f"{KILLED}[True]"],
    CommitsProgressFirst: [f"{KILLED}[True]"],
}


def _suite(defect: type[GoodSource]) -> type[BrokenSourceContract]:
    name = f"{defect.__name__}Contract"
    return type(name, (BrokenSourceContract,), {"cls": defect, "__module__": __name__})


SUITES = {defect: _suite(defect) for defect in CAUGHT_BY}
globals().update({suite.__name__: suite for suite in SUITES.values()})
