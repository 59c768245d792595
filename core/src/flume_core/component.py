"""Components: what sources, channels, sinks and all other kinds have in common.

Life cycle: a component is constructed with everything it needs, started, stopped. ``start`` returns
soon and raises `ConfigurationError` for what will never work, `RetryableError` (or anything else) for
what may work later: it is then tried again with back-off. ``stop`` may be called twice, and without a
start or after one that failed. Nothing is called after ``stop``; to run again, a new object is made.
"""

from __future__ import annotations

import logging
import time
from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from threading import Event as Flag
from typing import ClassVar, Generic, Protocol, TypeVar, get_args, get_origin

from flume_core.config.model import ComponentConfig
from flume_core.metrics import ComponentMetrics

__all__ = ["C", "Clock", "Component", "ComponentContext", "Factory", "Status", "SystemClock"]

C = TypeVar("C", bound=ComponentConfig)


class Status(Enum):
    """What one round of a source or sink came to."""

    READY = "ready"
    """There was work, and there may be more: call again at once."""
    BACKOFF = "backoff"
    """Nothing to do now: wait a little longer each time."""


class Clock(Protocol):
    """Time, so that tests can turn it by hand. All values are seconds."""

    def time(self) -> float:
        """Return seconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""

    def wait(self, flag: Flag, seconds: float) -> bool:
        """Wait until ``flag`` is set, at most ``seconds``; return whether it is."""


class SystemClock:
    """The real clock."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()

    def wait(self, flag: Flag, seconds: float) -> bool:
        """Wait until ``flag`` is set, at most ``seconds``; return whether it is."""
        return flag.wait(seconds)


class Factory(Protocol):
    """Makes components that other components use."""

    def __call__(
        self, kind: str, type_: str, settings: Mapping[str, str], /
    ) -> Component[ComponentConfig]:
        """Return a component of ``kind`` (``event_serializer``) and type, checked and constructed.

        Raises `PluginError` if no installed package provides it, `ConfigurationError` for bad settings.
        """


@dataclass(frozen=True, kw_only=True)
class ComponentContext:
    """What the agent gives a component besides its configuration."""

    agent: str
    name: str
    log: logging.Logger
    clock: Clock
    metrics: ComponentMetrics
    create: Factory
    stopping: Flag
    """Set when the component is about to be stopped; whoever waits must watch it."""


class Component(ABC, Generic[C]):
    """The base of every kind. Subclasses name their model: ``class Mine(EventSink[MineConfig])``."""

    kind: ClassVar[str] = "component"
    config_model: ClassVar[type[ComponentConfig]] = ComponentConfig

    def __init__(self, config: C, context: ComponentContext) -> None:
        self.config = config
        self.context = context

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            if isinstance(get_origin(base), type) and issubclass(get_origin(base), Component):
                for argument in get_args(base):
                    if isinstance(argument, type) and issubclass(argument, ComponentConfig):
                        cls.config_model = argument

    @property
    def name(self) -> str:
        """The name that the configuration gives the component."""
        return self.context.name

    @property
    def log(self) -> logging.Logger:
        """The component's own logger. Never log per event."""
        return self.context.log

    @property
    def metrics(self) -> ComponentMetrics:
        """The component's figures."""
        return self.context.metrics

    @classmethod
    def claims(cls, config: C) -> Iterable[str]:
        """Return what no second component of an agent may also use (a port, a directory), described.

        Two components with an equal claim are a configuration error, found before anything starts.
        """
        return ()

    def start(self) -> None:
        """Open what is needed. Called once more after it raised, until it succeeds."""

    def stop(self) -> None:
        """Close everything; see the module for when this is called."""

    def summary(self) -> Sequence[str]:
        """Return what an operator should know when the agent has stopped; one line each."""
        return ()
