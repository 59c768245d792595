"""Groups of real sinks: when the directory of one goes away, another takes over, and nothing is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from flume_core.agent import Agent
from flume_core.event import Event
from flume_core.hooks import LifecycleState
from flume_core.testing import wait_until
from tests.support.agent_process import rolled

FIRST, SECOND = "first", "second"


def group(work: Path, **processor: object) -> Mapping[str, object]:
    """A source that the test feeds, one channel, and two file_roll sinks in one group."""
    return {
        "sources": "app",
        "sources.app": {"type": "embedded", "channels": "c1"},
        "channels": "c1",
        "channels.c1": {"type": "memory", "capacity": 10000, "transactionCapacity": 1000},
        "sinks": f"{FIRST} {SECOND}",
        **{f"sinks.{name}": sink(work / name) for name in (FIRST, SECOND)},
        "sinkgroups": "g",
        "sinkgroups.g.sinks": f"{FIRST} {SECOND}",
        **{f"sinkgroups.g.processor.{key}": value for key, value in processor.items()},
    }


def sink(directory: Path) -> Mapping[str, object]:
    return {
        "type": "file_roll",
        "channel": "c1",
        "sink.directory": str(directory),
        "sink.rollInterval": 1,
        "sink.batchSize": 10,
    }


class Feed:
    """Puts numbered events into the embedded source."""

    def __init__(self, agent: Agent) -> None:
        self._source = agent.source("app")
        self.count = 0

    def put(self, count: int) -> None:
        numbers = range(self.count, self.count + count)
        self._source.put([Event(b"line %d" % number) for number in numbers])
        self.count += count


@contextmanager
def running(mapping: Mapping[str, object]) -> Iterator[tuple[Agent, Feed]]:
    with Agent.from_mapping(mapping, "a1") as agent:
        yield agent, Feed(agent)


def numbers(*directories: Path) -> list[int]:
    """The numbers of the lines in these directories, directory by directory, in the order written."""
    return [
        int(line.split()[1]) for directory in directories for line in rolled(directory).splitlines()
    ]


def empty(agent: Agent) -> Callable[[], bool]:
    return lambda: agent.channel("c1").size() == 0


def state(agent: Agent, component: str) -> LifecycleState:
    (found,) = [each for each in agent.status().components if each.component == component]
    return found.state


FAILOVER = {
    "type": "failover",
    "priority.first": 10,
    "priority.second": 5,
    "maxpenalty": 200,
}


def test_the_second_sink_takes_over_while_the_first_has_no_directory(tmp_path: Path) -> None:
    second = tmp_path / SECOND
    second.mkdir()
    with running(group(tmp_path, **FAILOVER)) as (agent, feed):
        feed.put(500)
        wait_until(empty(agent), "an empty channel")

        assert numbers(second) == list(range(500))
        assert state(agent, "SINK.first") is LifecycleState.RETRYING
        assert state(agent, "SINK.second") is LifecycleState.RUNNING
        assert agent.failing() is None, "the group does its work"


def test_the_first_sink_works_again_once_its_directory_is_there(tmp_path: Path) -> None:
    first, second = tmp_path / FIRST, tmp_path / SECOND
    second.mkdir()
    with running(group(tmp_path, **FAILOVER)) as (agent, feed):
        feed.put(100)
        wait_until(empty(agent), "an empty channel")
        first.mkdir()

        def back() -> bool:
            feed.put(1)
            return state(agent, "SINK.first") is LifecycleState.RUNNING

        wait_until(back, "the first sink at work")
        wait_until(empty(agent), "an empty channel")
        before = feed.count
        feed.put(300)
        wait_until(empty(agent), "an empty channel")

        assert numbers(first)[-300:] == list(range(before, before + 300))
        assert numbers(second)[:100] == list(range(100))
        assert sorted(numbers(first, second)) == list(range(feed.count))


def test_a_directory_that_vanishes_while_events_flow_costs_no_event(tmp_path: Path) -> None:
    first, second = tmp_path / FIRST, tmp_path / SECOND
    first.mkdir()
    second.mkdir()
    gone = tmp_path / "gone"
    with running(group(tmp_path, **FAILOVER)) as (agent, feed):
        feed.put(500)
        wait_until(empty(agent), "an empty channel")
        first.rename(gone)

        def failed() -> bool:
            feed.put(10)
            return bool(numbers(second))

        # The open file goes on; the next one cannot be made.
        wait_until(failed, "events in the second directory")
        wait_until(empty(agent), "an empty channel")
        gone.rename(first)

        def back() -> bool:
            feed.put(10)
            return state(agent, "SINK.first") is LifecycleState.RUNNING

        wait_until(back, "the first sink at work")
        wait_until(empty(agent), "an empty channel")

    assert sorted(numbers(first, second)) == list(range(feed.count))
    assert numbers(first) == sorted(numbers(first))
    assert numbers(second) == sorted(numbers(second))


def test_without_any_directory_the_events_wait_in_the_channel(tmp_path: Path) -> None:
    mapping = group(tmp_path, **{**FAILOVER, "maxpenalty": 50})
    with running(mapping) as (agent, feed):
        feed.put(500)
        wait_until(
            lambda: state(agent, "SINK.second") is LifecycleState.RETRYING, "a failure of both"
        )
        assert agent.channel("c1").size() == 500
        assert agent.failing() is not None
        (tmp_path / SECOND).mkdir()
        wait_until(empty(agent), "an empty channel")

    assert numbers(tmp_path / SECOND) == list(range(500))


@pytest.mark.parametrize("selector", ["round_robin", "random"])
def test_a_load_balance_group_spreads_the_batches_over_its_sinks(
    tmp_path: Path, selector: str
) -> None:
    first, second = tmp_path / FIRST, tmp_path / SECOND
    first.mkdir()
    second.mkdir()
    with running(group(tmp_path, type="load_balance", selector=selector)) as (agent, feed):
        for _ in range(100):
            feed.put(50)
        wait_until(empty(agent), "an empty channel")

    assert sorted(numbers(first, second)) == list(range(5000))
    # At random, a share of less than a fifth of 60 turns or more comes once in a million runs.
    assert all(1000 < len(numbers(each)) < 4000 for each in (first, second))


def test_batches_that_come_one_at_a_time_reach_every_sink_in_turn(tmp_path: Path) -> None:
    first, second = tmp_path / FIRST, tmp_path / SECOND
    first.mkdir()
    second.mkdir()
    with running(group(tmp_path, type="load_balance")) as (agent, feed):
        for _ in range(20):
            feed.put(10)
            wait_until(empty(agent), "an empty channel")

    # A batch may come between the looks of two sinks: then the order shifts by one.
    assert min(len(numbers(first)), len(numbers(second))) >= 50


def test_a_sink_without_work_is_not_said_to_work_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / FIRST).mkdir()
    with running(group(tmp_path, type="load_balance")) as (agent, feed):
        for _ in range(5):
            feed.put(10)
            wait_until(empty(agent), "an empty channel")
        assert state(agent, "SINK.second") is LifecycleState.RETRYING

    assert "works again" not in caplog.text


@pytest.mark.parametrize("backoff", ["true", "false"])
def test_a_load_balance_group_goes_on_with_the_sinks_that_work(
    tmp_path: Path, backoff: str
) -> None:
    first, second = tmp_path / FIRST, tmp_path / SECOND
    first.mkdir()
    mapping = group(
        tmp_path, type="load_balance", backoff=backoff, **{"selector.maxTimeOut": "100"}
    )
    with running(mapping) as (agent, feed):
        feed.put(500)
        wait_until(empty(agent), "an empty channel")
        assert numbers(first) == list(range(500))
        second.mkdir()

        def back() -> bool:
            feed.put(20)
            return bool(numbers(second))

        wait_until(back, "events in the second directory")
        wait_until(empty(agent), "an empty channel")

    assert sorted(numbers(first, second)) == list(range(feed.count))


def test_events_of_several_threads_arrive_once_each_through_a_group(tmp_path: Path) -> None:
    (tmp_path / FIRST).mkdir()
    (tmp_path / SECOND).mkdir()
    mapping = group(tmp_path, type="load_balance", selector="random")
    with running(mapping) as (agent, _):
        feeds = [threading.Thread(target=put_apart, args=(agent, n)) for n in range(4)]
        for each in feeds:
            each.start()
        for each in feeds:
            each.join(15)
        wait_until(empty(agent), "an empty channel")

    assert sorted(numbers(tmp_path / FIRST, tmp_path / SECOND)) == list(range(4000))


def put_apart(agent: Agent, thread: int) -> None:
    source = agent.source("app")
    for start in range(thread * 1000, (thread + 1) * 1000, 50):
        source.put([Event(b"line %d" % number) for number in range(start, start + 50)])
