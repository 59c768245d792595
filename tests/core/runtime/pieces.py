"""What the tests of the runtime are built of: a channel processor between channels, by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Event as Flag
from typing import Any

from flume_core._builtin.memory_channel import MemoryChannel
from flume_core._builtin.selectors import MultiplexingSelector, ReplicatingSelector
from flume_core._runtime.channel_processor import ChannelProcessor
from flume_core._runtime.hook_relay import HookRelay
from flume_core._runtime.states import States
from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.component import Status
from flume_core.hooks import LifecycleState
from flume_core.metrics import ComponentMetrics
from flume_core.testing import FailingChannel, make_channel, make_component

LOG = logging.getLogger("flume.test.r1")


class QuickClock:
    """Time passes by waiting only: every wait is noted and over at once.

    ``stop`` is set at the wait with the number ``most``, so that a runner under test comes to its end.
    """

    def __init__(self, stop: Flag | None = None, most: int = 0) -> None:
        self.waits: list[float] = []
        self._stop, self._most = stop, most

    def time(self) -> float:
        return self.monotonic()

    def monotonic(self) -> float:
        return sum(self.waits)

    def wait(self, flag: Flag, seconds: float) -> bool:
        if not flag.is_set():
            self.waits.append(seconds)
        if self._stop is not None and len(self.waits) >= self._most:
            self._stop.set()
        return flag.is_set()


class ScriptedSteps:
    """Does one thing per call: raises an exception, returns a value; then the last one for ever."""

    def __init__(self, *steps: object) -> None:
        self.steps = list(steps)
        self.calls = 0

    def __call__(self) -> Any:
        step = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        if isinstance(step, Exception):
            raise step
        return step


class SeenStates:
    """The states of components, and every change in order."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, LifecycleState, str]] = []
        self.states = States("a1", self._changed)

    def _changed(self, agent: str, component: str, state: LifecycleState, reason: str) -> None:
        self.changes.append((component, state, reason))

    def of(self, component: str) -> list[LifecycleState]:
        return [state for name, state, _ in self.changes if name == component]


def memory(name: str = "c1", **settings: Any) -> FailingChannel:
    """A started memory channel that fails when it is told to."""
    given = {"capacity": 1000, "transaction_capacity": 1000, "keep_alive": 0, **settings}
    channel = make_channel(MemoryChannel, given, name)
    channel.start()
    return FailingChannel(channel)


def replicating(channels: Sequence[str], optional: str = "") -> ReplicatingSelector:
    return make_component(
        ReplicatingSelector, {"optional": optional}, context={"channels": tuple(channels)}
    )


def multiplexing(channels: Sequence[str], **settings: str) -> MultiplexingSelector:
    """``to`` is the header; ``c1`` to ``c9`` as values choose these channels."""
    mappings = {f"mapping.{name}": name for name in channels}
    return make_component(
        MultiplexingSelector,
        {"header": "to", **mappings, **settings},
        context={"channels": tuple(channels)},
    )


def processor(
    *channels: Channel[Any],
    optional: str = "",
    intercepts: Sequence[Callable[[EventBatch], EventBatch]] = (),
    selector: Any = None,
    watch: Any = None,
) -> ChannelProcessor:
    """The processor of source r1 before these channels, replicating if nothing else is said."""
    by_name = {channel.name: channel for channel in channels}
    chosen = selector or replicating(list(by_name), optional)
    metrics = ComponentMetrics("SOURCE.r1")
    made = ChannelProcessor("r1", by_name, chosen, metrics, LOG, intercepts, watch)
    made.figures = metrics  # type: ignore[attr-defined]
    return made


def figures(made: ChannelProcessor) -> Mapping[str, Any]:
    """The source's counts, without their common name parts."""
    shown = made.figures.snapshot()  # type: ignore[attr-defined]
    return {name[len("Event") : -len("Count")]: value for name, value in shown.items()}


def bodies(channel: Channel[Any]) -> list[bytes]:
    """Take everything out of a channel."""
    found: list[bytes] = []
    while True:
        with channel.transaction() as tx:
            batch = tx.take(100)
        if not batch:
            return found
        found += batch.bodies()


def batch(*items: bytes, **headers: str) -> EventBatch:
    return EventBatch.from_bodies(list(items), headers)


__all__ = [
    "LOG",
    "HookRelay",
    "QuickClock",
    "ScriptedSteps",
    "SeenStates",
    "Status",
    "batch",
    "bodies",
    "figures",
    "memory",
    "multiplexing",
    "processor",
    "replicating",
]
