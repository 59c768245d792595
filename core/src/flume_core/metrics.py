"""Counters and gauges of components, under Flume's attribute names.

Counters are added once per batch, several at a time under one lock, so that sums that belong together
(accepted = filtered + unrouted + emitted) hold whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TypeAlias

__all__ = ["SOURCE_COUNTERS", "ComponentMetrics", "MetricValue"]

MetricValue: TypeAlias = int | float | bool | str

SOURCE_COUNTERS = (
    "EventReceivedCount",
    "EventAcceptedCount",
    "EventFilteredCount",
    "EventUnroutedCount",
    "EventEmittedCount",
)
"""What the runtime counts for every source, in events: accepted = filtered + unrouted + emitted."""


class ComponentMetrics:
    """The figures of one component. All methods may be called from any thread."""

    def __init__(self, component: str) -> None:
        self.component = component
        """``SOURCE.r1``, ``CHANNEL.c1``, ``SINK.k1``: the name that monitoring shows."""
        self._lock = Lock()
        self._counts: dict[str, int] = {}
        self._providers: list[Callable[[], Mapping[str, MetricValue]]] = []

    def add(self, **increments: int) -> None:
        """Add to several counters at once, atomically; a counter starts at 0 when first named."""
        counts = self._counts
        with self._lock:
            for name, increment in increments.items():
                counts[name] = counts.get(name, 0) + increment

    def declare(self, *names: str) -> None:
        """Make counters visible at 0 before anything is counted."""
        self.add(**dict.fromkeys(names, 0))

    def provide(self, provider: Callable[[], Mapping[str, MetricValue]]) -> None:
        """Add figures that are read when somebody looks, for gauges and counts kept elsewhere."""
        self._providers.append(provider)

    def get(self, name: str) -> MetricValue:
        """Return one figure; 0 if nothing was counted under that name."""
        return self.snapshot().get(name, 0)

    def snapshot(self) -> dict[str, MetricValue]:
        """Return all figures; the counters are of one moment."""
        with self._lock:
            figures: dict[str, MetricValue] = dict(self._counts)
        for provider in self._providers:
            figures.update(provider())
        return figures
