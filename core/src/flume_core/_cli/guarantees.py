"""What each flow of an agent promises when the process is killed, as far as a plan tells."""

from __future__ import annotations

from flume_core._runtime.plan import AgentPlan, ComponentPlan, SourcePlan
from flume_core.channel import Channel

__all__ = ["flows"]


def flows(plan: AgentPlan) -> list[str]:
    """Return a line for each way from a source through a channel to its sinks."""
    channels = {channel.name: channel for channel in plan.channels}
    return [
        f"{plan.name}: {_named(source.component)} -> {_named(channels[name])} -> "
        f"{_sinks(plan, name)}: {_promise(channels[name], source)}"
        for source in plan.sources
        for name in source.channels
        if name in channels
    ]


def _named(component: ComponentPlan) -> str:
    return f"{component.name} ({component.type})"


def _sinks(plan: AgentPlan, channel: str) -> str:
    sinks = [_named(sink.component) for sink in plan.sinks if sink.channel == channel]
    return ", ".join(sinks) or "no sink"


def _promise(channel: ComponentPlan, source: SourcePlan) -> str:
    if channel.cls.durable is Channel.durable:  # type: ignore[attr-defined]  # cls is a Channel's
        capacity = getattr(channel.config, "capacity", None)
        most = f", {capacity:,} events at most" if isinstance(capacity, int) else ""
        return f"a kill loses what is in {channel.name}{most}; a stop loses nothing that sinks take"
    if channel.cls.keeps_progress is Channel.keeps_progress:  # type: ignore[attr-defined]
        return "at least once: a kill loses nothing and may repeat some"
    if len(source.channels) > 1:
        return "a kill loses nothing and repeats at most one batch"
    return "exactly once, where source and sink keep their progress in the channel"
