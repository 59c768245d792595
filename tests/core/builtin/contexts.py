"""Contexts made by hand, so that built-in components can be tested without an agent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from flume_core.batch import EventBatch
from flume_core.component import Component, ComponentContext, SystemClock
from flume_core.config.model import ComponentConfig
from flume_core.errors import ChannelFull
from flume_core.metrics import ComponentMetrics
from flume_core.selector import SelectorContext
from flume_core.sink import SinkContext
from flume_core.sink_processor import ProcessorContext
from flume_core.source import SourceContext
from flume_core.ticket import Ticket

LOG = "flume.test"


class ManualClock:
    """Time that stands still until `advance` is called; waiting returns at once."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.waits: list[float] = []

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, flag: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return flag.is_set()


class RecordingEmitter:
    """Keeps what a source emits; refuses while ``refusing`` holds an exception."""

    keeps_progress = False

    def __init__(self) -> None:
        self.batches: list[EventBatch] = []
        self.refused: list[EventBatch] = []
        self.refusing: Exception | None = None
        self.transaction_capacity: int | None = None
        self._lock = threading.Lock()

    def emit(self, batch: EventBatch, progress: Mapping[str, bytes | None] | None = None) -> None:
        with self._lock:
            if self.refusing is not None:
                self.refused.append(batch)
                raise self.refusing
            self.batches.append(batch)

    def emit_async(
        self, batch: EventBatch, progress: Mapping[str, bytes | None] | None = None
    ) -> Ticket:
        self.emit(batch, progress)
        return Ticket.completed()

    def rewind(self) -> None:
        """Nothing to go back to."""

    def progress(self) -> Mapping[str, bytes]:
        return {}

    def refuse(self, reason: str = "channel c1 is full") -> None:
        self.refusing = ChannelFull(reason)

    def bodies(self) -> list[bytes]:
        with self._lock:
            return [body for batch in self.batches for body in batch.bodies()]


def _no_factory(kind: str, type_: str, settings: Mapping[str, str]) -> Component[ComponentConfig]:
    raise AssertionError(f"nothing asks for {kind} {type_} here")


def _common(name: str, clock: Any) -> dict[str, Any]:
    return {
        "agent": "a1",
        "name": name,
        "log": logging.getLogger(LOG),
        "clock": clock or SystemClock(),
        "metrics": ComponentMetrics(f"TEST.{name}"),
        "create": _no_factory,
        "stopping": threading.Event(),
    }


def component_context(name: str = "x1", clock: Any = None) -> ComponentContext:
    return ComponentContext(**_common(name, clock))


def selector_context(*channels: str) -> SelectorContext:
    return SelectorContext(**_common("r1", None), channels=channels)


def processor_context(sinks: Any, clock: Any = None) -> ProcessorContext:
    return ProcessorContext(**_common("g1", clock), sinks=sinks)


def source_context(emitter: Any, name: str = "r1", clock: Any = None) -> SourceContext:
    return SourceContext(**_common(name, clock), emitter=emitter)


def sink_context(channel: Any, name: str = "k1") -> SinkContext:
    return SinkContext(**_common(name, None), channel=channel)
