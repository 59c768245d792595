"""The order of starts and stops, failures in both, and what happens to events at a stop."""

from __future__ import annotations

import logging

import pytest

from flume_core._builtin.sink_processors import FailoverSinkProcessor
from flume_core._plugins.catalog import Catalog
from flume_core._runtime import agent as agent_module
from flume_core._runtime import source_runner
from flume_core.agent import Agent
from flume_core.errors import (
    ConfigurationError,
    ContractError,
    PartialFailure,
    PermanentError,
    RetryableError,
)
from flume_core.event import Event
from flume_core.hooks import LifecycleState
from flume_core.testing import Background, CrashableStore, wait_until
from tests.core.runtime.journal import NOTED, Journal, agent, hasty, state_of

__all__ = ["hasty"]
RUNNING, RETRYING = LifecycleState.RUNNING, LifecycleState.RETRYING
FAILED, STOPPED = LifecycleState.FAILED, LifecycleState.STOPPED


def put(running: agent_module.Agent, *bodies: bytes) -> None:
    running.source("r2").put([Event(body) for body in bodies])  # type: ignore[attr-defined]


def test_channels_start_first_then_sinks_then_sources_and_stop_in_reverse() -> None:
    journal = Journal()
    with agent(journal) as running:
        assert journal.of("start") == ["c1", "c2", "k1", "k2", "i1", "r1"]
        wait_until(lambda: {each.state for each in running.status().components} == {RUNNING})
    assert journal.of("stop") == ["r1", "i1", "k1", "k2", "c1", "c2"]
    assert {each.state for each in running.status().components} == {STOPPED}


@pytest.mark.parametrize(
    ("refusing", "started"),
    [
        ("c2", ["c1", "c2"]),
        ("k2", ["c1", "c2", "k1", "k2"]),
        ("i1", ["c1", "c2", "k1", "k2", "i1"]),
        ("r1", ["c1", "c2", "k1", "k2", "i1", "r1"]),
    ],
)
def test_a_configuration_error_fails_the_start_and_stops_everything(
    refusing: str, started: list[str]
) -> None:
    journal = Journal()
    journal.fail(f"start {refusing}", ConfigurationError(f"{refusing} will never work"))
    refused = agent(journal)
    with pytest.raises(ConfigurationError, match=f"{refusing} will never work"):
        refused.start()
    assert journal.of("start") == started
    assert set(started) <= set(journal.of("stop"))
    assert "poll r1" not in journal.entries
    refused.stop()
    with pytest.raises(ContractError, match="stopped"):
        refused.start()


def test_an_agent_starts_once_and_may_be_stopped_twice() -> None:
    journal = Journal()
    running = agent(journal)
    running.start()
    with pytest.raises(ContractError, match="a1 is running: make a new one"):
        running.start()
    running.stop()
    running.stop()
    assert len([entry for entry in journal.entries if entry == "stop c1"]) == 1
    never = agent(Journal())
    never.stop()
    with pytest.raises(ContractError):
        never.start()


@pytest.mark.usefixtures("hasty")
def test_a_sink_that_cannot_start_is_visible_and_runs_when_its_peer_is_back() -> None:
    journal = Journal()
    away = RetryableError("peer is away")
    journal.fail("start k2", *[away] * 10_000)
    with agent(journal) as running:
        assert state_of(running, "SINK.k2") == (RETRYING, "cannot start: peer is away")
        wait_until(lambda: state_of(running, "SINK.k1") == (RUNNING, ""))
        failing = running.failing()
        assert failing is not None
        assert (failing[0], failing[2]) == ("SINK.k2", "cannot start: peer is away")
        put(running, b"1")
        journal.errors.clear()
        wait_until(lambda: journal.delivered == [b"1"])
        wait_until(lambda: state_of(running, "SINK.k2") == (RUNNING, ""))
        assert running.failing() is None


@pytest.mark.usefixtures("hasty")
def test_a_source_and_a_channel_that_cannot_start_are_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agent_module, "_CHANNEL_RETRY", 0.001)
    journal = Journal()
    journal.fail("start c1", OSError("disk is away"), OSError("disk is away"))
    journal.fail("start r1", *[OSError("port in use")] * 3)
    with agent(journal) as running:
        wait_until(lambda: state_of(running, "SOURCE.r1") == (RUNNING, ""))
        assert journal.entries.count("start c1") == 3
        assert journal.entries.count("start r1") == 4
        assert journal.entries.count("start i1") == 1


@pytest.mark.usefixtures("hasty")
def test_a_permanent_failure_is_shown_and_its_events_are_kept() -> None:
    journal = Journal()
    journal.fail("write k2", *[PermanentError("too large")] * 100_000)
    with agent(journal, drain_timeout=0.0) as running:
        put(running, b"1")
        wait_until(lambda: state_of(running, "SINK.k2") == (FAILED, "too large"))
        assert running.channel("c2").size() == 1
        journal.errors.clear()
        wait_until(lambda: journal.delivered == [b"1"])
        wait_until(lambda: state_of(running, "SINK.k2") == (RUNNING, ""))


@pytest.mark.usefixtures("hasty")
def test_a_batch_that_is_delivered_in_part_shows_in_status_until_it_is_through() -> None:
    journal = Journal()
    journal.fail("write k2", *[PartialFailure([1], "quota")] * 1_000_000)
    with agent(journal, drain_timeout=0.0) as running:
        put(running, b"1", b"2")
        reason = "1 events of a batch are not delivered: quota"
        wait_until(lambda: running.sink("k2").trouble is not None)
        assert state_of(running, "SINK.k2") == (RETRYING, reason)
        first = running.failing()
        assert first is not None
        assert (first[0], first[2]) == ("SINK.k2", reason)
        wait_until(lambda: (running.failing() or ("", 0.0))[1] > first[1], "time passing")
        journal.errors.clear()
        wait_until(lambda: running.failing() is None)
        wait_until(lambda: state_of(running, "SINK.k2") == (RUNNING, ""))


@pytest.mark.usefixtures("hasty")
def test_events_in_a_memory_channel_are_drained_at_the_stop() -> None:
    journal = Journal()
    journal.hold_writes.set()
    running = agent(journal)
    running.start()
    put(running, b"1", b"2")
    wait_until(lambda: state_of(running, "SINK.k2")[0] is RETRYING)
    journal.hold_writes.clear()
    running.stop()
    assert journal.delivered == [b"1", b"2"]
    assert running.totals() == (2, 2)


@pytest.mark.parametrize("abort", [False, True])
def test_draining_is_bounded_and_the_loss_is_told(
    caplog: pytest.LogCaptureFixture, abort: bool
) -> None:
    journal = Journal()
    journal.hold_writes.set()
    running = agent(journal, drain_timeout=3600.0 if abort else 0.05)
    running.start()
    put(running, b"1", b"2")
    if abort:
        running.abort()
    with Background() as background:
        background.run(running.stop)
    assert "channel c2 loses 2 events that no sink took in time" in caplog.text
    assert journal.of("stop")[-2:] == ["c1", "c2"]


def test_a_durable_channel_is_not_drained(caplog: pytest.LogCaptureFixture) -> None:
    journal, store = Journal(), CrashableStore()
    journal.hold_writes.set()
    durable = {"channels.c2.type": "flume_core.testing:CrashableChannel"}
    running = agent(journal, {**durable, "channels.c2.store": store.name}, drain_timeout=3600.0)
    running.start()
    put(running, b"1")
    with Background() as background:
        background.run(running.stop)
    assert store.events().bodies() == [b"1"]
    assert "loses" not in caplog.text


@pytest.mark.parametrize("broken", ["r1", "i1", "k1", "c1"])
def test_a_component_that_raises_in_stop_does_not_keep_others_from_stopping(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal()
    journal.fail(f"stop {broken}", OSError("stuck"))
    with caplog.at_level(logging.ERROR), agent(journal) as running:
        pass
    assert journal.of("stop") == ["r1", "i1", "k1", "k2", "c1", "c2"]
    assert "stuck" in caplog.text
    assert {each.state for each in running.status().components} == {STOPPED}


def test_a_stop_from_another_thread_ends_a_start_that_cannot_succeed() -> None:
    journal = Journal()
    journal.fail("start c2", *[OSError("disk is away")] * 1000)
    starting = agent(journal)

    def start() -> None:
        with pytest.raises(RetryableError, match="disk is away"):
            starting.start()

    with Background() as background:
        background.run(start)
        wait_until(lambda: "start c2" in journal.entries)
        assert state_of(starting, "CHANNEL.c2") == (RETRYING, "cannot start: OSError: disk is away")
        starting.stop()
    assert journal.of("start") == ["c1", "c2"]
    assert "stop c1" in journal.entries


def test_a_stop_asked_for_by_a_component_that_starts_leaves_nothing_running() -> None:
    journal = Journal()
    starting = agent(journal)

    class StopNow(list):  # type: ignore[type-arg]
        def pop(self, index: int = -1) -> BaseException:  # type: ignore[override]
            starting.stop()
            return RetryableError("never mind")

    journal.errors["start c1"] = StopNow([None])
    with pytest.raises(RetryableError):
        starting.start()
    assert journal.of("start") == ["c1"]


@pytest.mark.usefixtures("hasty")
def test_the_agent_is_idle_when_sources_have_caught_up_and_channels_are_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_runner, "_QUIET", 0.1)
    journal = Journal()
    journal.hold_writes.set()
    with agent(journal, drain_timeout=0.0) as running:
        assert not running.is_idle()
        put(running, b"1")
        wait_until(lambda: all(runner.caught_up for runner in running._wiring.sources))
        assert not running.is_idle(), "an event waits"
        journal.hold_writes.clear()
        wait_until(running.is_idle)
        assert journal.delivered == [b"1"]


def test_a_processor_is_stopped_before_its_sinks() -> None:
    journal = Journal()

    class NotedProcessor(FailoverSinkProcessor):
        def start(self) -> None:
            journal.write(f"start {self.name}")

        def stop(self) -> None:
            journal.write(f"stop {self.name}")

    classes = {**journal.classes(), ("sink_processor", "noted"): NotedProcessor}
    group = {
        "sinkgroups": "g1",
        "sinkgroups.g1.sinks": "k1 k2",
        "sinkgroups.g1.processor.type": "noted",
        "sinks.k2.channel": "c1",
        "sources.r2.channels": "c1",
        "channels": "c1",
    }
    changed = {k: v for k, v in {**NOTED, **group}.items() if "c2" not in k}
    with Agent.from_mapping(changed, "a1", catalog=Catalog.installed().with_(classes)):
        pass
    assert journal.of("start") == ["c1", "g1", "k1", "k2", "i1", "r1"]
    assert journal.of("stop") == ["r1", "i1", "g1", "k1", "k2", "c1"]
