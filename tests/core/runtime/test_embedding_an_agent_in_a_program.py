"""An agent inside somebody else's program: made of a mapping, fed by hand, leaving the rest alone."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from flume_core._plugins.catalog import Catalog
from flume_core.agent import Agent
from flume_core.errors import ChannelFull, ConfigurationError, ContractError
from flume_core.event import Event
from flume_core.hooks import LifecycleState
from flume_core.testing import Background, RecordingSink, numbered, wait_until

NESTED = {
    "sources": {"app": {"type": "embedded", "channels": "c1"}},
    "channels": {"c1": {"type": "memory", "capacity": 1000, "transactionCapacity": 100}},
    "sinks": {"out": {"type": "recording", "channel": "c1", "batchSize": 10}},
}
DOTTED = {
    "sources": "app",
    "sources.app.type": "embedded",
    "sources.app.channels": "c1",
    "channels": "c1",
    "channels.c1.type": "memory",
    "sinks": "out",
    "sinks.out.type": "recording",
    "sinks.out.channel": "c1",
}


def catalog() -> Catalog:
    return Catalog.installed().with_({("sink", "recording"): RecordingSink})


@pytest.mark.parametrize("mapping", [NESTED, DOTTED])
def test_events_that_the_program_puts_reach_the_sink(mapping: dict[str, Any]) -> None:
    with Agent.from_mapping(mapping, catalog=catalog()) as agent:
        source: Any = agent.source("app")
        sink: Any = agent.sink("out")
        source.put([Event(b"hello", {"dc": "eu"})])
        source.put(numbered(50))
        wait_until(lambda: len(sink.events) == 51)
        assert sink.events[0] == Event(b"hello", {"dc": "eu"})
        assert sink.events[1:] == numbered(50)
        assert agent.totals()[0] == 51
    with pytest.raises(ContractError):
        source.put([Event(b"too late")])


def test_any_thread_may_put_and_everything_is_delivered_by_the_stop() -> None:
    agent = Agent.from_mapping(NESTED, catalog=catalog())
    with agent, Background() as background:
        source: Any = agent.source("app")
        for producer in range(4):
            for start in range(0, 50, 10):
                background.run(source.put, numbered(10, start, producer=f"p{producer}"))
    sink: Any = agent.sink("out")
    assert len(sink.events) == 200
    assert {state.state for state in agent.status().components} == {LifecycleState.STOPPED}


def test_a_full_channel_is_the_programs_to_know() -> None:
    small = {**DOTTED, "channels.c1.capacity": "2", "channels.c1.transactionCapacity": "2"}
    small |= {"channels.c1.keep-alive": "0", "sinks.out.batchSize": "2"}
    agent = Agent.from_mapping(small, catalog=catalog(), drain_timeout=0.0)
    sink: Any = agent.sink("out")
    sink.fail(*[OSError("away")] * 100)
    with agent:
        source: Any = agent.source("app")
        source.put(numbered(2))
        with pytest.raises(ChannelFull, match="channel c1 is full"):
            source.put(numbered(1))


def test_every_problem_is_reported_before_anything_starts() -> None:
    wrong = {**DOTTED, "channels.c1.capacty": "5", "sinks.out.channel": "c9"}
    with pytest.raises(ConfigurationError) as caught:
        Agent.from_mapping(wrong, catalog=catalog())
    text = str(caught.value)
    assert "capacty" in text
    assert "capacity" in text
    assert "c9" in text
    assert len(caught.value.problems) >= 2


def test_what_is_not_there_is_a_key_error() -> None:
    agent = Agent.from_mapping(DOTTED, catalog=catalog())
    for find in (agent.source, agent.sink, agent.channel):
        with pytest.raises(KeyError):
            find("missing")


def test_an_agent_is_loaded_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "flume.conf"
    lines = {**DOTTED, "sinks.out.type": "null", "channels.c1.capacity": "${env:ROOM}"}
    file.write_text("".join(f"a1.{key} = {value}\n" for key, value in lines.items()))
    with Agent.load(file, "a1", environ={"ROOM": "500"}) as agent:
        assert agent.name == "a1"
        assert agent.channel("c1").capacity == 500
        source: Any = agent.source("app")
        source.put(numbered(3))
        wait_until(lambda: agent.totals() == (3, 3))
    with pytest.raises(ConfigurationError):
        Agent.load(file, "a2", environ={"ROOM": "500"})


def test_no_signal_handler_and_no_logging_handler_is_installed_and_no_thread_stays() -> None:
    def surroundings() -> dict[str, object]:
        root = logging.getLogger()
        return {
            "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
            "handlers": list(root.handlers),
            "level": root.level,
            "flume": [*logging.getLogger("flume").handlers, logging.getLogger("flume").level],
        }

    before, threads = surroundings(), set(threading.enumerate())
    with Agent.from_mapping(DOTTED, catalog=catalog()):
        assert surroundings() == before
        assert {t.name for t in set(threading.enumerate()) - threads} == {"sink-out", "source-app"}
    assert surroundings() == before
    assert set(threading.enumerate()) <= threads


def test_two_agents_run_side_by_side() -> None:
    agents = [Agent.from_mapping(DOTTED, name, catalog=catalog()) for name in ("a", "b")]
    with agents[0], agents[1]:
        for number, agent in enumerate(agents, 1):
            source: Any = agent.source("app")
            source.put(numbered(number))
        for number, agent in enumerate(agents, 1):
            sink: Any = agent.sink("out")
            wait_until(lambda sink=sink, number=number: len(sink.events) == number)
