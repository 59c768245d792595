"""A small agent around the component under test: source, channel and sink, each given or made up.

::

    with running_flow(source={"type": MySource, "port": "0"}) as flow:
        send_to(flow.source.bound_port, b"hello\\n")
        assert flow.wait_for(1).bodies() == [b"hello"]

    with running_flow(sink={"type": "mine", "path": str(path)}) as flow:
        flow.put(numbered(10))
        flow.wait_until_idle()
    assert path.read_bytes() == numbered(10).joined()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from flume_core._plugins.catalog import Catalog
from flume_core.agent import Agent
from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.component import Component
from flume_core.sink import Sink
from flume_core.source import Source
from flume_core.testing.fakes import RecordingSink
from flume_core.testing.waiting import wait_until

__all__ = ["Flow", "Part", "running_flow"]

Part: TypeAlias = Mapping[str, object]
"""A component's properties and its ``type``: a name, an import path, or the class itself."""

_SOURCE: Part = {"type": "embedded"}
_CHANNEL: Part = {"type": "memory", "capacity": "10000", "transactionCapacity": "1000"}
_SINK: Part = {"type": RecordingSink, "batchSize": "100"}


class Flow:
    """A running agent with source ``r1``, channel ``c1`` and sink ``k1``."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.source: Source[Any] = agent.source("r1")
        self.channel: Channel[Any] = agent.channel("c1")
        self.sink: Sink[Any] = agent.sink("k1")

    def put(self, *batches: EventBatch) -> None:
        """Hand batches to the embedded source; return when they are in the channel."""
        for batch in batches:
            self.source.put(batch)  # type: ignore[attr-defined]  # where it is the embedded one

    @property
    def events(self) -> EventBatch:
        """What arrived so far, where the sink is a `RecordingSink`."""
        assert isinstance(self.sink, RecordingSink), "only a RecordingSink keeps what it gets"
        return self.sink.events

    def wait_for(self, count: int) -> EventBatch:
        """Wait until ``count`` events have arrived, and return all that have."""
        wait_until(lambda: len(self.events) >= count, f"the arrival of {count} events")
        return self.events

    def wait_until_idle(self) -> None:
        """Wait until the source is caught up and the channel is empty."""
        wait_until(self.agent.is_idle, "an idle agent")


@contextmanager
def running_flow(
    *,
    source: Part | None = None,
    interceptors: Sequence[Part] = (),
    channel: Part | None = None,
    sink: Part | None = None,
) -> Iterator[Flow]:
    """Run an agent for the ``with`` block; it is drained and stopped at the end.

    What is left out is an ``embedded`` source, a memory channel for 10000 events, a `RecordingSink`.
    Raises `ConfigurationError` with every problem of the properties, as for a configuration file.
    """
    classes: dict[tuple[str, str], type[Component[Any]]] = {}
    mapping: dict[str, object] = {"sources": "r1", "channels": "c1", "sinks": "k1"}

    def add(prefix: str, kind: str, part: Part) -> None:
        for key, value in part.items():
            if key == "type" and isinstance(value, type):
                value = f"under test {len(classes)}"
                classes[kind, value] = part["type"]  # type: ignore[assignment]  # a component class
            mapping[f"{prefix}.{key}"] = value

    add("sources.r1", "source", {**(source or _SOURCE), "channels": "c1"})
    add("channels.c1", "channel", channel or _CHANNEL)
    add("sinks.k1", "sink", {**(sink or _SINK), "channel": "c1"})
    names = [f"i{number}" for number in range(1, len(interceptors) + 1)]
    if names:
        mapping["sources.r1.interceptors"] = " ".join(names)
    for name, part in zip(names, interceptors, strict=True):
        add(f"sources.r1.interceptors.{name}", "interceptor", part)
    catalog = Catalog.installed().with_(classes)
    with Agent.from_mapping(mapping, "a1", catalog=catalog) as agent:
        yield Flow(agent)
