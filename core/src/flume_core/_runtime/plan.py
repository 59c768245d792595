"""A checked agent: which components to make, with which configuration, connected how.

Plans are values. Nothing is constructed or started yet, and nothing in a plan needs checking again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from flume_core.component import Component
from flume_core.config.model import ComponentConfig
from flume_core.errors import Problem

__all__ = ["AgentPlan", "ComponentPlan", "GroupPlan", "SinkPlan", "SourcePlan"]

ComponentClass: TypeAlias = type[Component[ComponentConfig]]


@dataclass(frozen=True)
class ComponentPlan:
    """One component to make: ``cls(config, context)``."""

    name: str
    """Selectors have the name of their source, processors that of their group."""
    kind: str
    type: str
    """As the configuration writes it, or the default."""
    cls: ComponentClass
    config: ComponentConfig


@dataclass(frozen=True)
class SourcePlan:
    """A source with what stands between it and its channels."""

    component: ComponentPlan
    channels: tuple[str, ...]
    selector: ComponentPlan
    interceptors: tuple[ComponentPlan, ...]


@dataclass(frozen=True)
class SinkPlan:
    """A sink and the channel that it takes from."""

    component: ComponentPlan
    channel: str


@dataclass(frozen=True)
class GroupPlan:
    """Sinks that share a processor. A sink in no group has no group plan."""

    name: str
    sinks: tuple[str, ...]
    processor: ComponentPlan


@dataclass(frozen=True)
class AgentPlan:
    """A whole agent, all lists in the order of the configuration."""

    name: str
    channels: tuple[ComponentPlan, ...]
    sources: tuple[SourcePlan, ...]
    sinks: tuple[SinkPlan, ...]
    groups: tuple[GroupPlan, ...]
    problems: tuple[Problem, ...]
    """Warnings: what was found and does not keep the agent from running."""
