"""Back-off of sinks, their start and their state, with a clock and a channel that only count."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from typing import Any

import pytest

from flume_core._builtin.sink_processors import DefaultSinkProcessor
from flume_core._runtime.sink_runner import RunningSink, SinkRunner
from flume_core.component import Status
from flume_core.config.model import SinkConfig
from flume_core.errors import ConfigurationError, PermanentError, RetryableError
from flume_core.hooks import LifecycleState
from flume_core.sink import BatchSink, Sink
from flume_core.sink_processor import SinkProcessor
from flume_core.testing import Background, FailingChannel, make_component, make_sink, wait_until
from tests.core.runtime.pieces import QuickClock, ScriptedSteps, SeenStates, batch, bodies, memory

READY, BACKOFF = Status.READY, Status.BACKOFF
STARTING, RUNNING = LifecycleState.STARTING, LifecycleState.RUNNING
RETRYING, FAILED, STOPPED = (
    LifecycleState.RETRYING,
    LifecycleState.FAILED,
    LifecycleState.STOPPED,
)


class Scripted(Sink[SinkConfig]):
    """Starts and processes as the script says."""

    begin: Callable[[], Any] = ScriptedSteps(None)
    step: Callable[[], Status] = ScriptedSteps(BACKOFF)

    def start(self) -> None:
        self.begin()

    def process(self) -> Status:
        return self.step()


class CountingChannel(FailingChannel):
    """Never waits; notes for how long it was asked to with the other waits."""

    clock: QuickClock
    stop_flag: Flag

    def wait(self, timeout: float) -> bool:
        self.clock.wait(self.stop_flag, timeout)
        return False


class Rig:
    """A runner of one sink in its thread until somebody waited ``most`` times."""

    def __init__(self, *steps: object, most: int, starts: tuple[object, ...] = (None,)) -> None:
        self.stop = Flag()
        self.clock, self.seen = QuickClock(self.stop, most), SeenStates()
        channel = CountingChannel(memory().inner)
        channel.clock, channel.stop_flag = self.clock, self.stop
        self.sink = make_sink(Scripted, {}, channel, clock=self.clock, stopping=self.stop)
        self.sink.step, self.sink.begin = ScriptedSteps(*steps), ScriptedSteps(*starts)
        self.runner = runner(self.sink, self.seen, self.clock, self.stop)

    def run(self) -> list[float]:
        self.runner.start()
        wait_until(lambda: self.stop.is_set() or self.runner.refused)
        assert self.runner.stop(10)
        return self.clock.waits


def runner(
    sink: Sink[Any],
    seen: SeenStates,
    clock: Any = None,
    stop: Flag | None = None,
    cls: type[SinkProcessor[Any]] = DefaultSinkProcessor,
) -> SinkRunner:
    running = RunningSink(sink, seen.states)
    made = make_component(cls, {}, clock=clock, context={"sinks": [running]})
    context = made.context
    if stop is not None:
        object.__setattr__(context, "stopping", stop)
    return SinkRunner(made, [running], [sink.channel], context, [sink.context.stopping])


def test_an_empty_channel_is_waited_for_longer_each_time_up_to_five_seconds() -> None:
    assert Rig(BACKOFF, most=7).run() == [1, 2, 3, 4, 5, 5, 5]


def test_a_delivered_batch_begins_again_with_the_shortest_wait() -> None:
    assert Rig(BACKOFF, BACKOFF, READY, READY, BACKOFF, most=4).run() == [1, 2, 1, 2]


def test_a_failure_waits_five_seconds_and_does_not_count_as_an_empty_channel() -> None:
    errors = [OSError("away"), RetryableError("busy", after=30), RetryableError("x", after=1)]
    assert Rig(BACKOFF, *errors, BACKOFF, most=6).run() == [1, 5, 30, 5, 2, 3]


def test_troubles_are_shown_with_their_reason_and_end_with_a_success() -> None:
    rig = Rig(READY, OSError("away"), PermanentError("too large"), READY, BACKOFF, most=3)
    assert rig.run() == [5, 5, 1]
    assert rig.seen.changes == [
        ("SINK.k1", STARTING, ""),
        ("SINK.k1", RUNNING, ""),
        ("SINK.k1", RETRYING, "OSError: away"),
        ("SINK.k1", FAILED, "too large"),
        ("SINK.k1", RUNNING, ""),
    ]


def test_a_sink_that_cannot_start_is_retried_and_shown_until_it_runs() -> None:
    away = RetryableError("peer is away")
    rig = Rig(BACKOFF, most=4, starts=(away, away, away, None))
    assert rig.run() == [5, 5, 1, 2]
    assert rig.seen.changes[1] == ("SINK.k1", RETRYING, "cannot start: peer is away")
    assert rig.seen.of("SINK.k1")[-1] is RUNNING


def test_a_configuration_error_in_the_first_start_is_not_retried() -> None:
    wrong = ConfigurationError("no such directory")
    rig = Rig(BACKOFF, most=1, starts=(wrong,))
    assert rig.run() == []
    assert rig.runner.refused is wrong
    assert rig.runner.first_try.is_set()


def test_a_configuration_error_after_the_agent_runs_is_shown_as_failed_and_tried_again() -> None:
    starts = (RetryableError("away"), ConfigurationError("no such table"), None)
    rig = Rig(BACKOFF, most=3, starts=starts)
    rig.run()
    assert FAILED in rig.seen.of("SINK.k1")
    assert ("SINK.k1", FAILED, "cannot start: no such table") in rig.seen.changes
    assert rig.seen.of("SINK.k1")[-1] is RUNNING


def test_a_processor_that_cannot_start_is_tried_again() -> None:
    class Late(DefaultSinkProcessor):
        begin = ScriptedSteps(OSError("no quorum"), None)

        def start(self) -> None:
            self.begin()

    clock, seen, stop = QuickClock(), SeenStates(), Flag()
    clock._stop, clock._most = stop, 3
    channel = CountingChannel(memory().inner)
    channel.clock, channel.stop_flag = clock, stop
    sink = make_sink(Scripted, {}, channel, clock=clock, stopping=stop)
    made = runner(sink, seen, clock, stop, Late)
    made.start()
    wait_until(stop.is_set)
    assert made.stop(10)
    assert clock.waits == [5, 1, 2]


class Writing(BatchSink[SinkConfig]):
    """Writes as the script says."""

    written: list[bytes]
    step: Callable[[], Any] = ScriptedSteps(None)

    def write(self, given: Any) -> None:
        self.step()
        self.written += given.bodies()


def writing(channel: FailingChannel, *steps: object, **options: Any) -> Writing:
    sink = make_sink(Writing, {}, channel, **options)
    sink.written, sink.step = [], ScriptedSteps(*steps)
    return sink


def test_a_permanent_failure_keeps_the_events() -> None:
    channel, clock, stop = memory(), None, Flag()
    clock = QuickClock(stop, 3)
    channel.put(batch(b"1", b"2"))
    sink = writing(channel, PermanentError("too large"), stopping=stop, clock=clock)
    seen = SeenStates()
    made = runner(sink, seen, clock, stop)
    made.start()
    wait_until(stop.is_set)
    assert made.stop(10)
    assert clock.waits == [5, 5, 5]
    assert seen.of("SINK.k1") == [STARTING, FAILED]
    assert bodies(channel) == [b"1", b"2"]


class PatientChannel(FailingChannel):
    """Waits for a minute, whatever it was asked for: only being woken ends that in a test."""

    waiting = 0

    def wait(self, timeout: float) -> bool:
        self.waiting += 1
        return self.inner.wait(60)


def test_a_commit_wakes_a_waiting_sink_at_once_and_a_stop_too() -> None:
    channel, seen = PatientChannel(memory().inner), SeenStates()
    sink = writing(channel, None)
    made = runner(sink, seen)
    made.start()
    for number in (1, 2):
        wait_until(lambda number=number: channel.waiting == number)
        channel.put(batch(b"x"))
        wait_until(lambda number=number: len(sink.written) == number, "the delivery")
    wait_until(lambda: channel.waiting == 3)
    assert made.stop(15)


def test_a_group_with_several_channels_notices_events_in_any_of_them() -> None:
    c1, c2, seen = memory("c1"), memory("c2"), SeenStates()
    sinks = [writing(channel, None) for channel in (c1, c2)]
    running = [RunningSink(sink, seen.states) for sink in sinks]

    class Both(SinkProcessor[Any]):
        def process(self) -> Status:
            statuses = {sink.process() for sink in self.sinks}
            return READY if READY in statuses else BACKOFF

    made = make_component(Both, {}, context={"sinks": running})
    flags = [sink.context.stopping for sink in sinks]
    driver = SinkRunner(made, running, [c1, c2], made.context, flags)
    driver.start()
    for channel, sink in zip((c2, c1), reversed(sinks), strict=True):
        wait_until(lambda sink=sink: sink.metrics.get("BatchEmptyCount"))
        channel.put(batch(b"1"))
        wait_until(lambda sink=sink: sink.written == [b"1"])
    assert driver.stop(2.0)


@pytest.mark.parametrize("starts", [True, False])
def test_a_runner_that_is_stopped_before_it_started_anything_ends(starts: bool) -> None:
    rig = Rig(BACKOFF, most=100)
    rig.stop.set()
    if starts:
        rig.runner.start()
    with Background() as background:
        background.run(rig.runner.stop, 10)
