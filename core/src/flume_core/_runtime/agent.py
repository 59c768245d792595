"""A running agent: channels, then sinks, then sources; stopped in reverse, drained within a bound."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import RLock
from time import monotonic
from types import TracebackType

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.builder import build
from flume_core._runtime.hook_relay import HookRelay
from flume_core._runtime.load import Mode, load_plan, plan_from_mapping
from flume_core._runtime.plan import AgentPlan
from flume_core._runtime.sink_runner import SinkRunner, describe
from flume_core._runtime.source_runner import SourceRunner
from flume_core._runtime.states import States
from flume_core.channel import Channel
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError, ContractError, RetryableError
from flume_core.hooks import LifecycleState
from flume_core.metrics import ComponentMetrics, MetricValue
from flume_core.sink import Sink
from flume_core.source import Source

__all__ = ["Agent", "AgentStatus", "ComponentStatus"]

_log = logging.getLogger("flume.lifecycle")
_FIRST_TRY = 10.0
"""Seconds to wait for a component's first start; one that takes longer goes on by itself."""
_CHANNEL_RETRY = 3.0
_GRACE = 1.0
"""Seconds a stopping source may wait for room in a channel."""
_SOURCE_STOP, _SINK_STOP = 40.0, 15.0


@dataclass(frozen=True)
class ComponentStatus:
    """One component now: ``component`` is ``SOURCE.r1`` and the like."""

    component: str
    state: LifecycleState
    reason: str
    metrics: dict[str, MetricValue]


@dataclass(frozen=True)
class AgentStatus:
    """All components of an agent now: channels, sinks, sources."""

    name: str
    components: tuple[ComponentStatus, ...]


class Agent:
    """Runs what a configuration describes; a context manager that starts and stops it.

    ``with Agent.load("flume.conf", "a1") as agent: ...``. No signal handler is installed and logging
    is not set up. An agent object runs once; make another to run again.
    """

    def __init__(
        self,
        plan: AgentPlan,
        catalog: Catalog,
        *,
        hooks: HookRelay | None = None,
        drain_timeout: float = 10.0,
        eager: bool = False,
    ) -> None:
        self.name = plan.name
        self.plan = plan
        self._hooks = hooks or HookRelay()
        self._states = States(plan.name, self._hooks.lifecycle)
        self._wiring = build(plan, catalog, self._hooks, self._states, eager=eager)
        self._drain_timeout = drain_timeout
        self._abort = Flag()
        self._lock = RLock()
        self._phase = LifecycleState.IDLE
        self._troubled: dict[str, float] = {}

    @classmethod
    def load(
        cls,
        files: str | Path | Sequence[str | Path],
        name: str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        drain_timeout: float = 10.0,
    ) -> Agent:
        """Read and check a configuration file, or several of which later ones override earlier.

        ``name`` may be left out if one agent is defined. ``environ`` is what ``${env:NAME}`` sees
        (default: the process environment). Raises `ConfigurationError` with every problem found.
        """
        catalog = Catalog.installed()
        given = [files] if isinstance(files, (str, Path)) else list(files)
        variables = os.environ if environ is None else environ
        plan = load_plan(given, name, catalog, mode=Mode.STRICT, environ=variables, system={})
        return cls(plan, catalog, hooks=HookRelay.installed(), drain_timeout=drain_timeout)

    @classmethod
    def from_mapping(
        cls,
        mapping: Mapping[str, object],
        name: str = "agent",
        *,
        catalog: Catalog | None = None,
        drain_timeout: float = 10.0,
    ) -> Agent:
        """Check a configuration given as a mapping, nested or with dotted keys, without agent name.

        Raises `ConfigurationError` with every problem found.
        """
        catalog = catalog or Catalog.installed()
        plan = plan_from_mapping(mapping, name, catalog)
        return cls(plan, catalog, hooks=HookRelay.installed(), drain_timeout=drain_timeout)

    # --- life

    def start(self) -> None:
        """Start channels, sinks and sources; return when each had its first try.

        Raises `ConfigurationError` if a component can never start; everything is stopped then. One
        whose peer is away does not fail the start: it is retried, see `status`.
        """
        with self._lock:
            if self._phase is not LifecycleState.IDLE:
                raise ContractError(f"agent {self.name} is {self._phase.value}: make a new one")
            self._phase = LifecycleState.STARTING
            try:
                self._start_all()
                self._give_up_if_stopped()
            except BaseException:
                self.abort()
                self.stop()
                raise
            self._phase = LifecycleState.RUNNING
        _log.info("agent %s runs: %s", self.name, self._describe())

    def stop(self) -> None:
        """Stop sources, drain what would be lost within ``drain_timeout``, stop sinks and channels.

        May be called twice, and from any thread; while another one is in `start`, that fails.
        """
        if self._phase is LifecycleState.STARTING:
            self.abort()
        with self._lock:
            if self._phase in (LifecycleState.STOPPED, LifecycleState.IDLE):
                self._phase = LifecycleState.STOPPED
                return
            self._phase = LifecycleState.STOPPED
            self._stop_sources()
            self._drain()
            for runner in self._wiring.sinks:
                self._stop_sinks(runner)
            for channel in self._wiring.channels.values():
                self._stop_channel(channel)
        _log.info("agent %s has stopped", self.name)

    def abort(self) -> None:
        """Let a running `start` fail and a running `stop` give up draining, at once."""
        self._abort.set()

    def __enter__(self) -> Agent:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_all(self) -> None:
        for channel in self._wiring.channels.values():
            self._start_channel(channel)
        runners: tuple[SinkRunner | SourceRunner, ...] = (
            *self._wiring.sinks,
            *self._wiring.sources,
        )
        for runner in runners:
            self._give_up_if_stopped()
            runner.start()
            runner.first_try.wait(_FIRST_TRY)
            if runner.refused is not None:
                raise runner.refused

    def _give_up_if_stopped(self) -> None:
        if self._abort.is_set():
            raise RetryableError(f"agent {self.name} was stopped while it started")

    def _start_channel(self, channel: Channel[ComponentConfig]) -> None:
        component = f"CHANNEL.{channel.name}"
        while True:
            try:
                channel.start()
            except ConfigurationError:
                raise
            except Exception as error:
                reason = f"cannot start: {describe(error)}"
                self._states.set(component, LifecycleState.RETRYING, reason)
                if self._abort.wait(_CHANNEL_RETRY):
                    raise RetryableError(f"{component} {reason}") from error
            else:
                self._states.set(component, LifecycleState.RUNNING)
                return

    def _stop_sources(self) -> None:
        runners = self._wiring.sources
        for runner in runners:
            runner.ask_to_stop()
        deadline = monotonic() + _GRACE
        waiting = [r for r in runners if not r.join(max(0.0, deadline - monotonic()))]
        if waiting:
            self._wake_channels()
        deadline = monotonic() + _SOURCE_STOP
        for runner in waiting:
            if not runner.join(max(0.0, deadline - monotonic())):
                _log.error("%s does not stop; it is left behind", runner.component)

    def _wake_channels(self) -> None:
        for channel in self._wiring.channels.values():
            channel.wake()

    def _drain(self) -> None:
        """Let sinks empty the channels whose events would be lost."""
        volatile = [c for c in self._wiring.channels.values() if not c.durable]
        deadline = monotonic() + self._drain_timeout
        while any(map(self._left_in, volatile)) and self._has_sinks():
            if monotonic() >= deadline or self._abort.wait(0.005):
                break

    def _has_sinks(self) -> bool:
        return any(runner.refused is None for runner in self._wiring.sinks)

    def _left_in(self, channel: Channel[ComponentConfig]) -> int:
        component = f"CHANNEL.{channel.name}"
        if self._states.get(component).state is not LifecycleState.RUNNING:
            return 0
        try:
            return channel.size()
        except Exception:  # noqa: BLE001 - everything must be stopped all the same
            _log.exception("%s does not tell its size", component)
            return 0

    def _stop_sinks(self, runner: SinkRunner) -> None:
        if not runner.stop(_SINK_STOP):
            names = ", ".join(sink.name for sink in runner.sinks)
            _log.error("sink %s does not return from its work; it is left behind", names)
            return
        self._quietly(runner.processor.stop, f"the processor of {runner.sinks[0].component}")
        for sink in runner.sinks:
            self._quietly(sink.stop, sink.component)

    def _stop_channel(self, channel: Channel[ComponentConfig]) -> None:
        component = f"CHANNEL.{channel.name}"
        size = self._left_in(channel)
        self._quietly(channel.stop, component)
        self._states.set(component, LifecycleState.STOPPED)
        if size and not channel.durable:
            _log.warning("channel %s loses %d events that no sink took in time", channel.name, size)

    def _quietly(self, stop: Callable[[], None], component: str) -> None:
        try:
            stop()
        except Exception:  # noqa: BLE001 - the others must be stopped all the same
            _log.exception("stopping %s failed", component)

    # --- looking at it

    def is_idle(self) -> bool:
        """Whether every source is caught up and every channel is empty."""
        return all(r.caught_up for r in self._wiring.sources) and not any(
            channel.size() for channel in self._wiring.channels.values()
        )

    def failing(self) -> tuple[str, float, str] | None:
        """Return the component that fails longest without a break, its seconds, and the reason.

        A sink of a group counts only if no other of the group takes its channel's events.
        """
        spared = self._replaced()
        found = self._states.failing(spared)
        now = monotonic()
        for component, trouble in self._troubles().items():
            if component in spared:
                continue
            seconds = now - self._troubled.setdefault(component, now)
            if found is None or seconds > found[1]:
                found = (component, seconds, trouble)
        return found

    def _replaced(self) -> set[str]:
        """Return the failing sinks for which another one of their group stands in."""
        failing = (LifecycleState.RETRYING, LifecycleState.FAILED)
        channels = {plan.component.name: plan.channel for plan in self.plan.sinks}
        replaced = set()
        for group in self.plan.groups:
            troubled = {n for n in group.sinks if self._states.get(f"SINK.{n}").state in failing}
            served = {channels[name] for name in group.sinks if name not in troubled}
            replaced |= {f"SINK.{name}" for name in troubled if channels[name] in served}
        return replaced

    def _troubles(self) -> dict[str, str]:
        """Return what keeps sinks from delivering while their states say that they run."""
        sinks = [sink for runner in self._wiring.sinks for sink in runner.sinks]
        found = {s.component: s.sink.trouble for s in sinks if s.sink.trouble is not None}
        for component in self._troubled.keys() - found.keys():
            self._troubled.pop(component, None)
        return found

    def status(self) -> AgentStatus:
        """Return the state and the figures of every component."""
        return AgentStatus(
            self.name,
            tuple(self._status(component, metrics) for component, metrics in self._metrics()),
        )

    def summary(self) -> list[str]:
        """Return what components want an operator to know; one line each."""
        parts = [r.source for r in self._wiring.sources] + [
            s.sink for r in self._wiring.sinks for s in r.sinks
        ]
        return [line for part in parts for line in part.summary()]

    def totals(self) -> tuple[int, int]:
        """Return the events that sources have accepted, and those that sinks have taken for good."""
        accepted = sum(
            int(r.source.metrics.get("EventAcceptedCount")) for r in self._wiring.sources
        )
        taken = sum(
            int(c.metrics.get("EventTakeSuccessCount")) for c in self._wiring.channels.values()
        )
        return accepted, taken

    def source(self, name: str) -> Source[ComponentConfig]:
        """Return a source, for instance an embedded one to ``put`` into. KeyError if there is none."""
        return {r.source.name: r.source for r in self._wiring.sources}[name]

    def sink(self, name: str) -> Sink[ComponentConfig]:
        """Return a sink. KeyError if there is none of that name."""
        return {s.name: s.sink for r in self._wiring.sinks for s in r.sinks}[name]

    def channel(self, name: str) -> Channel[ComponentConfig]:
        """Return a channel. KeyError if there is none of that name."""
        return self._wiring.channels[name]

    def _metrics(self) -> list[tuple[str, ComponentMetrics]]:
        channels = [c.metrics for c in self._wiring.channels.values()]
        sinks = [s.sink.metrics for r in self._wiring.sinks for s in r.sinks]
        sources = [r.source.metrics for r in self._wiring.sources]
        return [(m.component, m) for m in (*channels, *sinks, *sources)]

    def _status(self, component: str, metrics: ComponentMetrics) -> ComponentStatus:
        found, trouble = self._states.get(component), self._troubles().get(component)
        if trouble is not None:
            return ComponentStatus(component, LifecycleState.RETRYING, trouble, metrics.snapshot())
        return ComponentStatus(component, found.state, found.reason, metrics.snapshot())

    def _describe(self) -> str:
        wiring = self._wiring
        sinks = sum(len(runner.sinks) for runner in wiring.sinks)
        return f"{len(wiring.sources)} sources, {len(wiring.channels)} channels, {sinks} sinks"
