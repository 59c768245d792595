"""What hooks are told, and that nothing they do reaches the flow."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.hook_relay import HookRelay
from flume_core._runtime.load import plan_from_mapping
from flume_core.agent import Agent
from flume_core.batch import EventBatch
from flume_core.errors import PluginError
from flume_core.hooks import LifecycleState, hookimpl
from flume_core.testing import RecordingSink, wait_until
from tests.core.runtime.pieces import batch

SETTINGS = {
    "sources": "app",
    "sources.app.type": "embedded",
    "sources.app.channels": "c1",
    "channels": "c1",
    "channels.c1.type": "memory",
    "sinks": "out",
    "sinks.out.type": "recording",
    "sinks.out.channel": "c1",
}


def run(hooks: HookRelay, *batches: EventBatch) -> list[bytes]:
    """Run an agent with these hooks; return the bodies that arrived."""
    catalog = Catalog.installed().with_({("sink", "recording"): RecordingSink})
    with Agent(plan_from_mapping(SETTINGS, "a1", catalog), catalog, hooks=hooks) as agent:
        for each in batches:
            agent.source("app").put(each)  # type: ignore[attr-defined]
        sink: Any = agent.sink("out")
        wait_until(lambda: len(sink.events) == sum(map(len, batches)))
        return sink.events.bodies()


class Watching:
    def __init__(self) -> None:
        self.states: list[tuple[str, str, LifecycleState]] = []
        self.batches: list[tuple[str, str, str, EventBatch]] = []

    @hookimpl
    def flume_lifecycle(self, agent: str, component: str, state: LifecycleState) -> None:
        self.states.append((agent, component, state))

    @hookimpl
    def flume_batch_committed(
        self, agent: str, source: str, channel: str, batch: EventBatch
    ) -> None:
        self.batches.append((agent, source, channel, batch))


class Raising:
    @hookimpl
    def flume_lifecycle(self) -> None:
        raise KeyError("lifecycle")

    @hookimpl
    def flume_batch_committed(self) -> None:
        raise ValueError("batch")

    @hookimpl
    def flume_cli_commands(self) -> None:
        raise OSError("commands")


def relay(*plugins: object) -> HookRelay:
    made = HookRelay()
    for plugin in plugins:
        made.register(plugin)
    return made


def test_hooks_are_told_every_state_and_every_committed_batch() -> None:
    watching, one, two = Watching(), batch(b"1", b"2"), batch(b"3")
    assert run(relay(watching), one, two) == [b"1", b"2", b"3"]
    assert watching.batches == [("a1", "app", "c1", one), ("a1", "app", "c1", two)]
    told = {
        name: [s.value for _, c, s in watching.states if c == name]
        for _, name, _ in watching.states
    }
    assert told == {
        "CHANNEL.c1": ["running", "stopped"],
        "SINK.out": ["starting", "running", "stopped"],
        "SOURCE.app": ["starting", "running", "stopped"],
    }
    assert {agent for agent, _, _ in watching.states} == {"a1"}


@pytest.mark.parametrize("raising_first", [True, False])
def test_a_hook_that_raises_affects_neither_the_flow_nor_other_hooks(
    raising_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    watching = Watching()
    plugins = [Raising(), watching] if raising_first else [watching, Raising()]
    hooks = relay(*plugins)
    assert run(hooks, batch(b"1")) == [b"1"]
    assert len(watching.batches) == 1
    assert len(watching.states) == 8
    assert hooks.failures == 9
    assert "a hook failed; it is ignored" in caplog.text


def test_nobody_listening_costs_nothing() -> None:
    class Lifecycle:
        @hookimpl
        def flume_lifecycle(self) -> None: ...

    assert relay().batch_watch("a1", "r1") is None
    assert relay(Lifecycle()).batch_watch("a1", "r1") is None
    assert relay(Watching()).batch_watch("a1", "r1") is not None


class Async:
    @hookimpl
    async def flume_lifecycle(self) -> None: ...


class Misspelt:
    @hookimpl
    def flume_lifecycel(self) -> None: ...


class UnknownArgument:
    @hookimpl
    def flume_batch_committed(self) -> None:
        raise AssertionError("a part of what was refused is called")

    @hookimpl
    def flume_lifecycle(self, sate: str) -> None: ...


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        (Async(), "hook flume_lifecycle of .mine. must not be async"),
        (Misspelt(), "flume_lifecycel"),
        (UnknownArgument(), "sate"),
    ],
)
def test_a_hook_that_does_not_fit_is_refused_and_the_others_go_on(
    plugin: object, says: str
) -> None:
    watching = Watching()
    hooks = relay(watching)
    with pytest.raises(PluginError, match=says):
        hooks.register(plugin, "mine")
    with pytest.raises(PluginError):
        hooks.register(watching)
    hooks.lifecycle("a1", "SINK.k1", LifecycleState.RUNNING, "")
    watch = hooks.batch_watch("a1", "r1")
    assert watch is not None
    watch("c1", batch(b"1"))
    assert (len(watching.states), len(watching.batches)) == (1, 1)
    assert hooks.failures == 0


def test_hooks_add_commands_and_a_broken_one_is_left_out() -> None:
    class Commands:
        @hookimpl
        def flume_cli_commands(
            self, commands: argparse._SubParsersAction[argparse.ArgumentParser]
        ) -> None:
            commands.add_parser("greet").set_defaults(run=lambda arguments: 7)

    parser = argparse.ArgumentParser()
    hooks = relay(Raising(), Commands(), Raising())
    hooks.add_commands(parser.add_subparsers())
    assert parser.parse_args(["greet"]).run(None) == 7
    assert hooks.failures == 2
