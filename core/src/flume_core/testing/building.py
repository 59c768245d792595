"""Making components outside an agent: checked configuration, hand-made context."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from threading import Event as Flag
from typing import Any, TypeAlias, TypeVar

from flume_core._plugins.catalog import Catalog
from flume_core.channel import Channel
from flume_core.component import Clock, Component, ComponentContext, SystemClock
from flume_core.config.model import ComponentConfig
from flume_core.metrics import ComponentMetrics
from flume_core.selector import ChannelSelector, SelectorContext
from flume_core.sink import Sink, SinkContext
from flume_core.sink_processor import ProcessorContext, SinkProcessor
from flume_core.source import Emitter, Source, SourceContext
from flume_core.testing.crashable_channel import CrashableChannel
from flume_core.testing.crashable_store import CrashableStore

__all__ = [
    "Settings",
    "create",
    "make_channel",
    "make_component",
    "make_sink",
    "make_source",
    "store_channel",
]

Settings: TypeAlias = Mapping[str, object]
"""A component's own properties: text as in a properties file, or values of the right type."""

AnyChannel: TypeAlias = Channel[Any]
T = TypeVar("T", bound=Component[Any])
ChannelT = TypeVar("ChannelT", bound=Channel[Any])
SinkT = TypeVar("SinkT", bound=Sink[Any])
SourceT = TypeVar("SourceT", bound=Source[Any])


def create(kind: str, type_: str, settings: Mapping[str, str]) -> Component[ComponentConfig]:
    """Make a component by its type from what is installed, as ``ComponentContext.create`` does.

    Raises `PluginError` where no installed package provides it.
    """
    return make_component(_installed().resolve(kind, type_), settings)


def make_channel(
    cls: type[ChannelT], config: Settings, name: str = "c1", *, clock: Clock | None = None
) -> ChannelT:
    """Return a channel, not started."""
    return cls(cls.config_model.model_validate(dict(config)), _common(cls, name, clock, None))


def make_source(
    cls: type[SourceT],
    config: Settings,
    emitter: Emitter,
    name: str = "r1",
    *,
    clock: Clock | None = None,
    stopping: Flag | None = None,
) -> SourceT:
    """Return a source that hands over to ``emitter``, not started."""
    common = _common(cls, name, clock, stopping)
    context = SourceContext(**vars(common), emitter=emitter)
    return cls(cls.config_model.model_validate(dict(config)), context)


def make_sink(
    cls: type[SinkT],
    config: Settings,
    channel: AnyChannel,
    name: str = "k1",
    *,
    clock: Clock | None = None,
    stopping: Flag | None = None,
    grouped: bool = False,
) -> SinkT:
    """Return a sink that takes from ``channel``, not started."""
    common = _common(cls, name, clock, stopping)
    context = SinkContext(**vars(common), channel=channel, grouped=grouped)
    return cls(cls.config_model.model_validate(dict(config)), context)


def make_component(
    cls: type[T],
    config: Settings,
    name: str = "x1",
    *,
    clock: Clock | None = None,
    context: Mapping[str, object] | None = None,
) -> T:
    """Return a component of any kind, not started.

    ``context`` holds what its kind needs beside the common things (``emitter``, ``channel``,
    ``channels``, ``sinks``); what is missing is made up: nothing is received, sent or chosen.
    """
    common: dict[str, Any] = vars(_common(cls, name, clock, None))
    extra: dict[str, Any] = dict(context or {})
    made: ComponentContext
    if issubclass(cls, Source):
        made = SourceContext(**common, emitter=extra.get("emitter") or _Nowhere())
    elif issubclass(cls, Sink):
        made = SinkContext(**common, channel=extra.get("channel") or _channel())
    elif issubclass(cls, ChannelSelector):
        made = SelectorContext(**common, channels=extra.get("channels", ("c1", "c2")))
    elif issubclass(cls, SinkProcessor):
        made = ProcessorContext(**common, sinks=extra.get("sinks", ()))
    else:
        made = ComponentContext(**common)
    return cls(cls.config_model.model_validate(dict(config)), made)


def store_channel(
    store: CrashableStore,
    *,
    capacity: int = 10_000,
    transaction_capacity: int | None = None,
    keep_alive: int = 0,
    name: str = "c1",
) -> CrashableChannel:
    """Return a started `CrashableChannel` over a store."""
    config = {
        "store": store.name,
        "capacity": capacity,
        "transactionCapacity": transaction_capacity or capacity,
        "keep-alive": keep_alive,
    }
    channel = make_channel(CrashableChannel, config, name)
    channel.start()
    return channel


def _channel() -> AnyChannel:
    return store_channel(CrashableStore())


def _common(
    cls: type[Component[Any]], name: str, clock: Clock | None, stopping: Flag | None
) -> ComponentContext:
    return ComponentContext(
        agent="a1",
        name=name,
        log=logging.getLogger(f"flume.test.{name}"),
        clock=clock or SystemClock(),
        metrics=ComponentMetrics(f"{cls.kind.upper()}.{name}"),
        create=create,
        stopping=stopping or Flag(),
    )


@cache
def _installed() -> Catalog:
    return Catalog.installed()


class _Nowhere:
    """An emitter for components that only start and stop."""

    keeps_progress = False
    transaction_capacity = None

    def emit(self, *_: object) -> None:
        raise AssertionError("nothing was fed to the source, and it emitted something")

    emit_async: Any = emit

    def rewind(self) -> None:
        """Nothing can have failed."""

    def progress(self) -> Mapping[str, bytes]:
        """Return that there is none."""
        return {}
