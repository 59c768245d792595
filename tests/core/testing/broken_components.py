"""Components and interceptors with one defect each, and the test that must find it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from pydantic import ConfigDict, Field

from flume_core.batch import EventBatch
from flume_core.component import Component
from flume_core.config.model import ComponentConfig
from flume_core.errors import RetryableError
from flume_core.event import Event
from flume_core.interceptor import EventInterceptor, Interceptor
from flume_core.testing import InterceptorContract, InterceptorUnderTest


class TagConfig(ComponentConfig):
    header_name: str = Field("tag", description="header to add")
    refuses: bool = Field(False, description="whether the start fails")


class GoodInterceptor(Interceptor[TagConfig]):
    """Drops bodies that contain ``000003``, and tags the others."""

    def start(self) -> None:
        if self.config.refuses:
            raise RetryableError("told to fail")

    def intercept(self, batch: EventBatch) -> EventBatch:
        kept = batch.select([b"000003" not in body for body in batch.bodies()])
        return kept.with_headers({self.config.header_name: "x"})

    def summary(self) -> tuple[str, ...]:
        return ("it tagged",)


class GoodEventInterceptor(EventInterceptor[TagConfig]):
    """Does the same, event by event."""

    def start(self) -> None:
        if self.config.refuses:
            raise RetryableError("told to fail")

    def intercept(self, event: Event) -> Event | None:
        if b"000003" in event.body:
            return None
        return event.with_headers({self.config.header_name: "x"})


# --- life cycle


class StartsAThreadWhenMade(GoodInterceptor):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ended = Flag()
        self.thread = Thread(target=self.ended.wait, args=(5,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()


class LeavesAThreadRunning(GoodInterceptor):
    def start(self) -> None:
        super().start()
        self.thread = Thread(target=Flag().wait, args=(3,), daemon=True)
        self.thread.start()


class StopsOnlyOnce(GoodInterceptor):
    stopped = False

    def stop(self) -> None:
        assert not self.stopped
        self.stopped = True


class StopsOnlyWhatStarted(GoodInterceptor):
    def start(self) -> None:
        super().start()
        self.file = "open"

    def stop(self) -> None:
        self.file = "closed" if self.file else ""


class LeaksItsLockWhenTheStartFails(GoodInterceptor):
    locked = False

    def start(self) -> None:
        cls = type(self)
        assert not cls.locked, "locked already"
        cls.locked = True

    def stop(self) -> None:
        pass


class ForgetsItsContext(GoodInterceptor):
    @property
    def name(self) -> str:
        return "interceptor"


class SummarizesNumbers(GoodInterceptor):
    def summary(self) -> Any:
        return [17]


# --- configuration model


class LaxConfig(TagConfig):
    model_config = ConfigDict(extra="ignore")


class AcceptsAnything(GoodInterceptor, Interceptor[LaxConfig]):
    pass


class SilentConfig(TagConfig):
    more: int = 0


class DescribesNothing(GoodInterceptor, Interceptor[SilentConfig]):
    pass


class ChangeableConfig(TagConfig):
    model_config = ConfigDict(frozen=False)


class CanBeChanged(GoodInterceptor, Interceptor[ChangeableConfig]):
    pass


class OneSpellingConfig(TagConfig):
    @classmethod
    def model_validate(cls, obj: Any, **more: Any) -> Any:
        if "header_name" in obj:
            obj = {**obj, "header_name": "changed"}
        return super().model_validate(obj, **more)


class HasOneSpelling(GoodInterceptor, Interceptor[OneSpellingConfig]):
    pass


_numbers = itertools.count()


class ClaimsAnythingEachTime(GoodInterceptor):
    @classmethod
    def claims(cls, config: TagConfig) -> Iterable[str]:
        return (f"port {next(_numbers)}",)


class IsNotAnnounced(GoodInterceptor):
    pass


# --- interceptors


class AddsEvents(GoodInterceptor):
    def intercept(self, batch: EventBatch) -> EventBatch:
        return EventBatch.concat([super().intercept(batch), batch])


class ReturnsNothing(GoodInterceptor):
    def intercept(self, batch: EventBatch) -> Any:
        return None


class TurnsTheOrder(GoodInterceptor):
    def intercept(self, batch: EventBatch) -> EventBatch:
        return EventBatch.from_events(list(super().intercept(batch))[::-1])


class SeesBlocksOnly(GoodInterceptor):
    def intercept(self, batch: EventBatch) -> EventBatch:
        return super().intercept(batch) if batch.is_block else batch


class ChangesTheBatch(GoodInterceptor):
    def intercept(self, batch: EventBatch) -> EventBatch:
        batch.bodies()[0] = b"changed"
        return super().intercept(batch)


class LosesTheSecondCall(GoodInterceptor):
    calls = 0

    def intercept(self, batch: EventBatch) -> EventBatch:
        self.calls += 1
        return super().intercept(batch) if self.calls < 2 else batch[:0]


class DropsNothing(GoodInterceptor):
    def intercept(self, batch: EventBatch) -> EventBatch:
        return batch.with_headers({self.config.header_name: "x"})


def expected(event: Event) -> Event | None:
    return None if b"000003" in event.body else event.with_headers(tag="x")


class BrokenInterceptorContract(InterceptorContract):
    """The suite over the interceptor that ``cls`` names."""

    cls: type[GoodInterceptor | GoodEventInterceptor] = GoodInterceptor
    type: str | None = None

    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        return InterceptorUnderTest(
            self.cls,
            {"headerName": "tag"},
            expected,
            type=self.type,
            fails_to_start={"refuses": "true"},
        )


class GoodEventInterceptorContract(BrokenInterceptorContract):
    """The suite over an event interceptor."""

    cls = GoodEventInterceptor


CAUGHT_BY: dict[type[Component[Any]], list[str]] = {
    StartsAThreadWhenMade: ["test_making_it_starts_nothing"],
    LeavesAThreadRunning: ["test_a_stop_leaves_no_thread_behind"],
    StopsOnlyOnce: ["test_a_second_stop_is_harmless"],
    StopsOnlyWhatStarted: ["test_a_stop_without_a_start_is_harmless"],
    LeaksItsLockWhenTheStartFails: ["test_a_new_one_can_be_started_after_the_first_stopped"],
    ForgetsItsContext: ["test_it_knows_its_name_and_its_configuration"],
    SummarizesNumbers: ["test_it_starts_and_stops"],
    AcceptsAnything: ["test_an_unknown_property_is_refused_by_name"],
    DescribesNothing: ["test_every_property_is_described"],
    CanBeChanged: ["test_the_configuration_cannot_be_changed"],
    HasOneSpelling: ["test_every_spelling_of_a_property_means_the_same"],
    ClaimsAnythingEachTime: ["test_equal_settings_make_equal_claims"],
    IsNotAnnounced: ["test_its_type_leads_to_the_class"],
    AddsEvents: ["test_it_returns_a_batch_that_is_not_larger"],
    ReturnsNothing: ["test_it_returns_a_batch_that_is_not_larger"],
    TurnsTheOrder: ["test_the_events_of_a_batch_stay_in_order"],
    SeesBlocksOnly: ["test_the_form_of_the_batch_makes_no_difference"],
    ChangesTheBatch: ["test_the_batch_given_stays_as_it_was"],
    LosesTheSecondCall: ["test_it_may_be_called_by_one_thread_after_another"],
    DropsNothing: ["test_each_event_becomes_what_it_should"],
}


def _suite(defect: type[Component[Any]]) -> type[BrokenInterceptorContract]:
    name = f"{defect.__name__}Contract"
    members = {"cls": defect, "type": "no_such_type", "__module__": __name__}
    return type(name, (BrokenInterceptorContract,), members)


SUITES = {defect: _suite(defect) for defect in CAUGHT_BY}
globals().update({suite.__name__: suite for suite in SUITES.values()})
