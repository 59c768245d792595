"""From a checked plan to constructed components, wired to each other; nothing is started here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event as Flag
from typing import TypedDict, cast

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.channel_processor import ChannelProcessor, Intercept
from flume_core._runtime.hook_relay import HookRelay
from flume_core._runtime.plan import AgentPlan, ComponentPlan, SinkPlan, SourcePlan
from flume_core._runtime.planning.nested import create_nested
from flume_core._runtime.sink_runner import RunningSink, SinkRunner
from flume_core._runtime.source_runner import SourceRunner
from flume_core._runtime.states import States
from flume_core.channel import Channel
from flume_core.component import Component, ComponentContext, Factory, SystemClock
from flume_core.config.model import ComponentConfig
from flume_core.interceptor import EventInterceptor, Interceptor
from flume_core.metrics import ComponentMetrics
from flume_core.selector import ChannelSelector, SelectorContext
from flume_core.sink import Sink, SinkContext
from flume_core.sink_processor import ProcessorContext, SinkProcessor
from flume_core.source import Source, SourceContext

__all__ = ["Wiring", "build"]

_CLOCK = SystemClock()


class _Common(TypedDict):
    agent: str
    name: str
    log: logging.Logger
    clock: SystemClock
    metrics: ComponentMetrics
    create: Factory
    stopping: Flag


@dataclass(frozen=True)
class Wiring:
    """The parts of an agent, ready to start."""

    channels: Mapping[str, Channel[ComponentConfig]]
    sinks: tuple[SinkRunner, ...]
    sources: tuple[SourceRunner, ...]


def build(
    plan: AgentPlan, catalog: Catalog, hooks: HookRelay, states: States, *, eager: bool
) -> Wiring:
    """Construct everything that a plan names. ``eager``: sources wait as little as they may."""
    builder = _Builder(plan, catalog, hooks, states, eager)
    for channel in plan.channels:
        builder.channel(channel)
    sources = tuple(builder.source(source) for source in plan.sources)
    return Wiring(builder.channels, builder.sink_runners(), sources)


class _Builder:
    def __init__(
        self, plan: AgentPlan, catalog: Catalog, hooks: HookRelay, states: States, eager: bool
    ) -> None:
        self._plan = plan
        self._catalog = catalog
        self._hooks = hooks
        self._states = states
        self._eager = eager
        self.channels: dict[str, Channel[ComponentConfig]] = {}

    def channel(self, plan: ComponentPlan) -> None:
        context = ComponentContext(**self._common("CHANNEL", plan.name))
        self.channels[plan.name] = cast("Channel[ComponentConfig]", plan.cls(plan.config, context))

    def source(self, plan: SourcePlan) -> SourceRunner:
        name = plan.component.name
        common = self._common("SOURCE", name)
        selector = cast(
            "ChannelSelector[ComponentConfig]",
            plan.selector.cls(
                plan.selector.config, SelectorContext(**common, channels=plan.channels)
            ),
        )
        interceptors = [self._interceptor(part, common) for part in plan.interceptors]
        processor = ChannelProcessor(
            name,
            {channel: self.channels[channel] for channel in plan.channels},
            selector,
            common["metrics"],
            common["log"],
            [_batchwise(interceptor) for interceptor in interceptors],
            self._hooks.batch_watch(self._plan.name, name),
        )
        context = SourceContext(**common, emitter=processor)
        source = cast("Source[ComponentConfig]", plan.component.cls(plan.component.config, context))
        helpers = (selector, *interceptors)
        return SourceRunner(source, processor, self._states, helpers, eager=self._eager)

    def sink_runners(self) -> tuple[SinkRunner, ...]:
        grouped = {name for group in self._plan.groups for name in group.sinks}
        plans = {plan.component.name: plan for plan in self._plan.sinks}
        runners = [
            self._runner(group.processor, [plans[name] for name in group.sinks], grouped=True)
            for group in self._plan.groups
        ]
        runners += [
            self._runner(self._default_processor(name), [plan], grouped=False)
            for name, plan in plans.items()
            if name not in grouped
        ]
        return tuple(runners)

    def _runner(
        self, processor: ComponentPlan, plans: list[SinkPlan], *, grouped: bool
    ) -> SinkRunner:
        sinks = [self._sink(plan, grouped=grouped) for plan in plans]
        kind = "SINKGROUP" if grouped else "SINKRUNNER"
        context = ProcessorContext(**self._common(kind, processor.name), sinks=sinks)
        made = cast("SinkProcessor[ComponentConfig]", processor.cls(processor.config, context))
        channels = [self.channels[plan.channel] for plan in plans]
        flags = [sink.sink.context.stopping for sink in sinks]
        return SinkRunner(made, sinks, channels, context, flags)

    def _sink(self, plan: SinkPlan, *, grouped: bool) -> RunningSink:
        context = SinkContext(
            **self._common("SINK", plan.component.name),
            channel=self.channels[plan.channel],
            grouped=grouped,
        )
        sink = cast("Sink[ComponentConfig]", plan.component.cls(plan.component.config, context))
        return RunningSink(sink, self._states)

    def _default_processor(self, sink: str) -> ComponentPlan:
        cls = self._catalog.resolve("sink_processor", "default")
        return ComponentPlan(sink, "sink_processor", "default", cls, cls.config_model())

    def _interceptor(self, plan: ComponentPlan, common: _Common) -> Component[ComponentConfig]:
        source = common["name"]
        log = common["log"].getChild(plan.name)
        context = ComponentContext(
            agent=common["agent"],
            name=plan.name,
            log=log,
            clock=common["clock"],
            metrics=ComponentMetrics(f"INTERCEPTOR.{source}.{plan.name}"),
            create=common["create"],
            stopping=common["stopping"],
        )
        return plan.cls(plan.config, context)

    def _common(self, kind: str, name: str) -> _Common:
        component = f"{kind}.{name}"
        log = logging.getLogger(f"flume.{self._plan.name}.{component}")
        stopping, metrics = Flag(), ComponentMetrics(component)

        def create(
            nested_kind: str, type_: str, settings: Mapping[str, str]
        ) -> Component[ComponentConfig]:
            context = ComponentContext(
                agent=self._plan.name,
                name=name,
                log=log,
                clock=_CLOCK,
                metrics=metrics,
                create=create,
                stopping=stopping,
            )
            return create_nested(self._catalog, nested_kind, type_, settings, context)

        return {
            "agent": self._plan.name,
            "name": name,
            "log": log,
            "clock": _CLOCK,
            "metrics": metrics,
            "create": create,
            "stopping": stopping,
        }


def _batchwise(interceptor: Component[ComponentConfig]) -> Intercept:
    if isinstance(interceptor, EventInterceptor):
        return interceptor.intercept_batch
    return cast("Interceptor[ComponentConfig]", interceptor).intercept
