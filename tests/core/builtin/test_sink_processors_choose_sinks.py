from __future__ import annotations

import logging
from collections import Counter

import pytest
from pydantic import ValidationError

from flume_core._builtin.sink_processors import (
    DefaultSinkProcessor,
    FailoverSinkProcessor,
    LoadBalancingSinkProcessor,
)
from flume_core.config.model import ComponentConfig
from flume_core.errors import PermanentError, RetryableError
from flume_core.source import Status
from tests.core.builtin.contexts import LOG, ManualClock, processor_context


class FakeSink:
    """Delivers, finds its channel empty, or fails, as the test says; notes each call in a journal."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.result: Status | Exception = Status.READY
        self._journal = journal

    def process(self) -> Status:
        self._journal.append(self.name)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Group:
    """Sinks k1, k2, ... under one processor, with a clock turned by hand."""

    def __init__(
        self,
        kind: type[FailoverSinkProcessor] | type[LoadBalancingSinkProcessor],
        count: int,
        **settings: str,
    ) -> None:
        self.journal: list[str] = []
        self.clock = ManualClock()
        self.sinks = {f"k{n}": FakeSink(f"k{n}", self.journal) for n in range(1, count + 1)}
        config = kind.config_model.model_validate(settings)
        self.processor = kind(config, processor_context([*self.sinks.values()], self.clock))  # type: ignore[arg-type]

    def set(self, result: Status | Exception, *names: str) -> None:
        for name in names:
            self.sinks[name].result = result

    def process(self) -> tuple[Status, list[str]]:
        """One call; its status and the sinks that were asked, in order."""
        self.journal.clear()
        return self.processor.process(), list(self.journal)

    def fail(self) -> tuple[RetryableError, list[str]]:
        """One call in which no sink works."""
        self.journal.clear()
        with pytest.raises(RetryableError) as caught:
            self.processor.process()
        return caught.value, list(self.journal)


DOWN = ConnectionError("peer is gone")


def failover(count: int = 3, **settings: str) -> Group:
    settings = {key.replace("__", "."): value for key, value in settings.items()}
    return Group(FailoverSinkProcessor, count, **settings)


def load_balance(count: int = 3, **settings: str) -> Group:
    return Group(LoadBalancingSinkProcessor, count, **settings)


# --- default


def test_default_runs_its_only_sink_and_lets_its_errors_out() -> None:
    journal: list[str] = []
    sink = FakeSink("k1", journal)
    processor = DefaultSinkProcessor(ComponentConfig(), processor_context([sink]))
    assert processor.process() is Status.READY
    sink.result = Status.BACKOFF
    assert processor.process() is Status.BACKOFF
    sink.result = DOWN
    with pytest.raises(ConnectionError):
        processor.process()
    assert journal == ["k1"] * 3


def test_default_refuses_more_than_one_sink() -> None:
    assert not DefaultSinkProcessor.check(ComponentConfig(), ["k1"])
    (problem,) = DefaultSinkProcessor.check(ComponentConfig(), ["k1", "k2"])
    assert "exactly one sink" in problem


# --- failover


def test_failover_uses_the_highest_priority_only_while_it_works() -> None:
    group = failover(priority__k1="1", priority__k2="7", priority__k3="-4")
    assert [group.process() for _ in range(3)] == [(Status.READY, ["k2"])] * 3
    group.set(DOWN, "k2")
    assert group.process() == (Status.READY, ["k2", "k1"])
    assert group.process() == (Status.READY, ["k1"])
    group.set(DOWN, "k1")
    assert group.process() == (Status.READY, ["k1", "k3"])


def test_failover_without_priorities_follows_the_order_of_the_list() -> None:
    group = failover()
    group.set(DOWN, "k1", "k2")
    assert group.process() == (Status.READY, ["k1", "k2", "k3"])


def test_an_empty_channel_is_no_failure() -> None:
    group = failover()
    group.set(Status.BACKOFF, "k1")
    assert [group.process() for _ in range(2)] == [(Status.BACKOFF, ["k1"])] * 2


def test_a_failed_sink_is_left_alone_for_two_seconds_and_then_takes_over_again() -> None:
    group = failover()
    group.set(DOWN, "k1")
    group.process()
    group.set(Status.READY, "k1")
    group.clock.advance(1.9)
    assert group.process() == (Status.READY, ["k2"])
    group.clock.advance(0.1)
    assert group.process() == (Status.READY, ["k1"])
    assert group.process() == (Status.READY, ["k1"])


def test_the_cool_down_doubles_with_each_failure_up_to_maxpenalty() -> None:
    group = failover(maxpenalty="10000")
    group.set(DOWN, "k1")
    group.process()
    waited = []
    for _ in range(5):
        pause = 0.0
        while group.process()[1] == ["k2"]:
            group.clock.advance(0.5)
            pause += 0.5
        waited.append(pause)
    assert waited == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_hundreds_of_failures_in_a_row_stay_at_the_maximum() -> None:
    group = failover()
    group.set(DOWN, "k1")
    for _ in range(300):
        group.process()
        group.clock.advance(30.0)
    assert group.process() == (Status.READY, ["k1", "k2"])
    group.clock.advance(29.5)
    assert group.process() == (Status.READY, ["k2"])


def test_a_sink_that_works_again_starts_with_the_short_cool_down() -> None:
    group = failover()
    group.set(DOWN, "k1")
    for _ in range(4):
        group.process()
        group.clock.advance(30.0)
    group.set(Status.READY, "k1")
    assert group.process() == (Status.READY, ["k1"])
    group.set(DOWN, "k1")
    group.process()
    group.clock.advance(2.0)
    assert group.process() == (Status.READY, ["k1", "k2"])


def test_a_recovering_sink_with_an_empty_channel_does_not_starve_the_active_one() -> None:
    group = failover()
    group.set(DOWN, "k1")
    group.process()
    group.clock.advance(2.0)
    group.set(Status.BACKOFF, "k1")
    assert [group.process() for _ in range(3)] == [(Status.READY, ["k1", "k2"])] * 3
    group.set(Status.READY, "k1")
    assert group.process() == (Status.READY, ["k1"])
    assert group.process() == (Status.READY, ["k1"])


def test_when_no_sink_works_the_error_names_each_reason_and_when_to_come_back() -> None:
    group = failover(2)
    last = PermanentError("schema is unknown")
    group.set(DOWN, "k1")
    group.set(last, "k2")
    error, asked = group.fail()
    assert asked == ["k1", "k2"]
    assert "k1: ConnectionError: peer is gone" in str(error)
    assert "k2: PermanentError: schema is unknown" in str(error)
    assert error.__cause__ is last
    assert error.after == 2.0
    group.clock.advance(0.5)
    error, asked = group.fail()
    assert (asked, error.after) == ([], 1.5)
    group.set(Status.READY, "k2")
    group.clock.advance(1.5)
    assert group.process() == (Status.READY, ["k1", "k2"])


def test_failover_tells_in_the_log_who_failed_and_who_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOG)
    group = failover()
    group.set(DOWN, "k1")
    group.process()
    group.set(Status.READY, "k1")
    group.clock.advance(2.0)
    group.process()
    assert caplog.messages == [
        "sink k1 failed (ConnectionError: peer is gone); it is left alone for 2.0 s",
        "sink k1 works again",
    ]


def test_equal_priorities_and_unknown_sinks_are_problems() -> None:
    config = FailoverSinkProcessor.config_model.model_validate(
        {"priority.hdfs1": "5", "priority.hdfs2": "5", "priority.hdsf3": "9"}
    )
    problems = FailoverSinkProcessor.check(config, ["hdfs1", "hdfs2", "hdfs3"])
    assert len(problems) == 2
    assert "processor.priority.hdsf3" in problems[0]
    assert "did you mean hdfs3?" in problems[0]
    assert "hdfs1 and hdfs2 have the same priority 5" in problems[1]


def test_a_given_priority_may_collide_with_a_default_one() -> None:
    config = FailoverSinkProcessor.config_model.model_validate({"priority.k1": "-2"})
    assert "same priority -2" in FailoverSinkProcessor.check(config, ["k1", "k2"])[0]
    assert not FailoverSinkProcessor.check(config, ["k1"])


@pytest.mark.parametrize("value", ["high", "1.0", "1_000", ""])
def test_a_priority_must_be_a_whole_number(value: str) -> None:
    with pytest.raises(ValidationError, match="not a whole number"):
        FailoverSinkProcessor.config_model.model_validate({"priority.k1": value})


# --- load_balance


def test_round_robin_begins_with_the_next_sink_each_time() -> None:
    group = load_balance()
    first = [group.process() for _ in range(4)]
    assert first == [(Status.READY, [name]) for name in ("k1", "k2", "k3", "k1")]


def test_a_failing_sink_is_followed_by_the_next_one_in_the_same_call() -> None:
    group = load_balance()
    group.set(DOWN, "k1", "k2")
    assert group.process() == (Status.READY, ["k1", "k2", "k3"])
    assert group.process() == (Status.READY, ["k2", "k3"])


def test_random_uses_every_sink_and_falls_back_to_the_others() -> None:
    group = load_balance(3, selector="Random")
    seen = Counter(group.process()[1][0] for _ in range(300))
    assert set(seen) == {"k1", "k2", "k3"}
    group.set(DOWN, "k1", "k3")
    assert all(group.process()[1][-1] == "k2" for _ in range(20))


def test_a_sink_with_an_empty_channel_delays_no_other() -> None:
    group = load_balance(2)
    group.set(Status.BACKOFF, "k1")
    assert [group.process() for _ in range(2)] == [
        (Status.READY, ["k1", "k2"]),
        (Status.READY, ["k2"]),
    ]
    group.set(Status.BACKOFF, "k2")
    assert group.process() == (Status.BACKOFF, ["k1", "k2"])


def test_without_backoff_a_failed_sink_is_asked_again_at_once() -> None:
    group = load_balance(2)
    group.set(DOWN, "k1", "k2")
    error, asked = group.fail()
    assert asked == ["k1", "k2"]
    assert error.__cause__ is DOWN
    assert error.after is None
    assert group.fail()[1] == ["k2", "k1"]


def test_with_backoff_a_failed_sink_is_left_out_ever_longer_up_to_the_maximum() -> None:
    group = load_balance(2, **{"backoff": "true", "selector.maxTimeOut": "5000"})
    group.set(DOWN, "k1")
    group.set(Status.BACKOFF, "k2")  # so that every sink is asked in every call
    waited = []
    for _ in range(4):
        pause = 0.0
        while "k1" not in group.process()[1]:
            group.clock.advance(0.5)
            pause += 0.5
        waited.append(pause)
    assert waited == [0.0, 2.0, 4.0, 5.0]


def test_the_series_goes_on_within_an_hour_and_begins_anew_later() -> None:
    def pause_after(hours: float) -> float | None:
        group = load_balance(2, backoff="true")
        group.set(DOWN, "k1", "k2")
        group.fail()
        group.clock.advance(2.0 + hours * 3600.0)
        return group.fail()[0].after

    assert pause_after(0.99) == 4.0
    assert pause_after(1.01) == 2.0


def test_while_every_sink_is_left_out_none_is_asked_and_the_reasons_are_told() -> None:
    group = load_balance(2, backoff="true")
    group.set(DOWN, "k1", "k2")
    group.fail()
    error, asked = group.fail()
    assert asked == []
    assert "k1: ConnectionError: peer is gone; k2: ConnectionError: peer is gone" in str(error)
    assert error.after == 2.0


def test_a_dead_sink_without_backoff_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    group = load_balance(2)
    group.set(DOWN, "k1")
    for _ in range(10):
        group.process()
    group.set(Status.READY, "k1")
    for _ in range(10):
        group.process()
    assert caplog.messages == [
        "sink k1 failed (ConnectionError: peer is gone)",
        "sink k1 works again",
    ]


def test_load_balance_needs_two_sinks() -> None:
    config = LoadBalancingSinkProcessor.config_model()
    assert "two sinks or more, not 1" in LoadBalancingSinkProcessor.check(config, ["k1"])[0]
    assert not LoadBalancingSinkProcessor.check(config, ["k1", "k2"])


def test_a_selector_class_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(ValidationError, match="write round_robin or random"):
        load_balance(2, selector="com.example.MySelector")
