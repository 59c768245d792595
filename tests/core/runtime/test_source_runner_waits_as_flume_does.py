"""Back-off of polled sources, their start and their state, with a clock that only counts."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from typing import Any

import pytest

from flume_core._runtime.source_runner import SourceRunner
from flume_core.component import Status
from flume_core.config.model import PollableSourceConfig, SourceConfig
from flume_core.errors import ChannelFull, ConfigurationError, PermanentError, RetryableError
from flume_core.hooks import LifecycleState
from flume_core.source import PollableSource, Source
from flume_core.testing import make_source, wait_until
from tests.core.runtime.pieces import QuickClock, ScriptedSteps, SeenStates, memory, processor

READY, BACKOFF = Status.READY, Status.BACKOFF
STARTING, RUNNING = LifecycleState.STARTING, LifecycleState.RUNNING
RETRYING, FAILED, STOPPED = (
    LifecycleState.RETRYING,
    LifecycleState.FAILED,
    LifecycleState.STOPPED,
)


class Polled(PollableSource[PollableSourceConfig]):
    """Starts and polls as the script says."""

    begin: Callable[[], Any] = ScriptedSteps(None)
    step: Callable[[], Status] = ScriptedSteps(BACKOFF)

    def start(self) -> None:
        self.begin()

    def poll(self) -> Status:
        return self.step()


class Rig:
    """A runner in its thread until the clock was asked to wait ``most`` times."""

    def __init__(
        self, *polls: object, most: int, starts: tuple[object, ...] = (None,), **config: str
    ):
        stop = Flag()
        self.clock, self.seen = QuickClock(stop, most), SeenStates()
        self.emitter = processor(memory())
        self.source = make_source(Polled, config, self.emitter, clock=self.clock, stopping=stop)
        self.source.step = ScriptedSteps(*polls)
        self.source.begin = ScriptedSteps(*starts)
        self.runner = SourceRunner(self.source, self.emitter, self.seen.states)

    def run(self) -> list[float]:
        self.runner.start()
        assert self.runner.join(10)
        return self.clock.waits


def test_polls_that_find_nothing_wait_longer_each_time_up_to_the_ceiling() -> None:
    assert Rig(BACKOFF, most=7).run() == [1, 2, 3, 4, 5, 5, 5]


def test_the_waits_follow_the_configuration() -> None:
    config = {"backoffSleepIncrement": "200", "maxBackoffSleep": "500"}
    waits = Rig(BACKOFF, most=4, **config).run()
    assert waits == pytest.approx([0.2, 0.4, 0.5, 0.5])


def test_a_ready_poll_begins_again_with_the_shortest_wait() -> None:
    rig = Rig(BACKOFF, BACKOFF, READY, READY, BACKOFF, most=5)
    assert rig.run() == [1, 2, 1, 2, 3]


def test_an_exception_waits_longest_and_does_not_count_as_a_poll_that_found_nothing() -> None:
    rig = Rig(BACKOFF, ValueError("odd"), OSError("away"), BACKOFF, most=6)
    assert rig.run() == [1, 5, 5, 2, 3, 4]


def test_a_channel_error_after_a_wait_for_room_is_retried_at_once() -> None:
    rig = Rig(BACKOFF, most=7)
    calls = iter([ChannelFull("full"), ChannelFull("full"), None])

    def poll() -> Status:
        error = next(calls, None)
        if error is not None:
            rig.clock.waits.append(3)  # the keep-alive
            raise error
        return BACKOFF

    rig.source.step = poll
    assert rig.run() == [3, 3, 1, 2, 3, 4, 5]


def test_a_channel_error_without_a_wait_is_not_retried_in_a_hot_loop() -> None:
    full = ChannelFull("full")
    assert Rig(full, full, full, BACKOFF, most=4).run() == [1, 2, 3, 1]


def test_troubles_are_shown_with_their_reason_and_end_when_a_poll_works() -> None:
    rig = Rig(OSError("away"), PermanentError("never"), BACKOFF, most=3)
    rig.run()
    assert rig.seen.changes == [
        ("SOURCE.r1", STARTING, ""),
        ("SOURCE.r1", RUNNING, ""),
        ("SOURCE.r1", RETRYING, "OSError: away"),
        ("SOURCE.r1", FAILED, "never"),
        ("SOURCE.r1", RUNNING, ""),
        ("SOURCE.r1", STOPPED, ""),
    ]


def test_a_start_that_fails_is_tried_every_three_seconds_and_shown() -> None:
    away = RetryableError("peer is away")
    rig = Rig(BACKOFF, most=4, starts=(away, away, None))
    assert rig.run() == [3, 3, 1, 2]
    assert rig.seen.changes[1] == ("SOURCE.r1", RETRYING, "cannot start: peer is away")
    assert rig.seen.of("SOURCE.r1") == [STARTING, RETRYING, RUNNING, STOPPED]
    assert rig.runner.refused is None


def test_a_configuration_error_in_the_first_start_is_not_retried() -> None:
    wrong = ConfigurationError("port 0")
    rig = Rig(BACKOFF, most=1, starts=(wrong,))
    assert rig.run() == []
    assert rig.runner.refused is wrong
    assert rig.runner.first_try.is_set()


def test_a_configuration_error_after_the_agent_runs_is_shown_as_failed_and_tried_again() -> None:
    starts = (RetryableError("away"), ConfigurationError("no such topic"), None)
    rig = Rig(BACKOFF, most=3, starts=starts)
    rig.run()
    assert rig.seen.of("SOURCE.r1") == [STARTING, RETRYING, FAILED, RUNNING, STOPPED]
    assert rig.runner.refused is None


def test_a_polled_source_is_caught_up_after_two_empty_polls_in_a_row() -> None:
    rig = Rig(BACKOFF, most=100)
    told: list[bool] = []
    polls = iter([BACKOFF, READY, BACKOFF, OSError("away"), BACKOFF, BACKOFF, BACKOFF])

    def poll() -> Status:
        told.append(rig.runner.caught_up)
        step = next(polls, None)
        if step is None:
            rig.runner.ask_to_stop()
            return READY
        if isinstance(step, Exception):
            raise step
        return step

    rig.source.step = poll
    assert not rig.runner.caught_up
    rig.run()
    assert told == [False, False, False, False, False, False, True, True]


def test_a_listening_source_commits_waiting_progress_and_is_stopped_in_its_thread() -> None:
    calls: list[str] = []

    class Listening(Source[SourceConfig]):
        def start(self) -> None:
            calls.append("start")

        def stop(self) -> None:
            calls.append("stop")
            raise OSError("socket is gone")

    emitter, seen = processor(memory()), SeenStates()
    emitter.flush_progress = lambda *, at_once=False: calls.append(f"flush {at_once}")  # type: ignore[method-assign]
    source = make_source(Listening, {}, emitter)
    runner = SourceRunner(source, emitter, seen.states)
    runner.start()
    wait_until(lambda: "flush False" in calls)
    assert not runner.caught_up, "it is quiet for two seconds first"
    runner.ask_to_stop()
    assert runner.join(10)
    assert (calls[0], calls[-2:]) == ("start", ["stop", "flush True"])
    assert seen.of("SOURCE.r1")[-1] is STOPPED
