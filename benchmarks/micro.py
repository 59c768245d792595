"""What the core itself costs, in nanoseconds per event, without any input or output.

One thread, events of 200 bytes. *put and take* is two transactions on the memory channel with a batch that
is there already; *block through the channel* adds making the batch from a block that a source read
(counting its lines included) and asking for the buffers that a sink would write. Components come through
their entry points, as in an agent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from statistics import median
from threading import Event as Flag

from benchmarks.input import LINE_BYTES, block
from benchmarks.interceptor import SeverityConfig, SeverityInterceptor
from benchmarks.report import Document, table
from flume_core import (
    Channel,
    Component,
    ComponentConfig,
    ComponentContext,
    ComponentMetrics,
    EventBatch,
    Interceptor,
    SystemClock,
)

__all__ = ["Micro", "micro_document", "micro_tables", "run_micro"]

_REPEATS = 7
_BATCHES = (1000, 100, 1)
_BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "timestamp": {},
    "host": {},
    "static": {"key": "datacenter", "value": "eu-1"},
}


@dataclass(frozen=True, slots=True)
class Micro:
    """One figure: ``nanoseconds`` per event, the value of each repeat."""

    what: str
    batch: int
    nanoseconds: list[float]


def run_micro(seconds: float) -> list[Micro]:
    """Measure everything; each figure takes ``seconds`` in all."""
    found = []
    for size in _BATCHES:
        for what, work in _work(size):
            found.append(Micro(what, size, _measure(work, size, seconds / _REPEATS)))
    return found


def micro_tables(figures: list[Micro]) -> str:
    """The figures as a Markdown table; put and take of one batch is two transactions."""
    rows = []
    for what in dict.fromkeys(each.what for each in figures):
        medians = {each.batch: median(each.nanoseconds) for each in figures if each.what == what}
        rows.append([what, *(f"{medians[size]:,.1f}" for size in _BATCHES)])
    head = ["ns per event", *(f"batches of {size}" for size in _BATCHES)]
    return table(head, rows)


def micro_document(figures: list[Micro]) -> Document:
    """The figures for programs."""
    return {
        "event_bytes": LINE_BYTES,
        "figures": [
            {
                "what": each.what,
                "batch": each.batch,
                "nanoseconds_per_event": median(each.nanoseconds),
                "repeats": each.nanoseconds,
            }
            for each in figures
        ],
    }


def _work(size: int) -> list[tuple[str, Callable[[], object]]]:
    lines = block(0)[: LINE_BYTES * size]
    batch = EventBatch.from_block(lines)
    channel = _component(
        "channel", "memory", {"capacity": "100000", "transactionCapacity": "10000"}
    )
    if not isinstance(channel, Channel):
        raise TypeError(f"{channel} is not a channel")

    def put_and_take() -> None:
        with channel.transaction() as transaction:
            transaction.put(batch)
        with channel.transaction() as transaction:
            transaction.take(size)

    def block_through() -> None:
        with channel.transaction() as transaction:
            transaction.put(EventBatch.from_block(lines))
        with channel.transaction() as transaction:
            transaction.take(size).buffers()

    work: list[tuple[str, Callable[[], object]]] = [
        ("put and take", put_and_take),
        ("block through the channel", block_through),
    ]
    for type_, settings in _BUILT_IN.items():
        built_in = _component("interceptor", type_, settings)
        if not isinstance(built_in, Interceptor):
            raise TypeError(f"{built_in} is not an interceptor")
        work.append((f"interceptor {type_}", _applied(built_in.intercept, batch)))
    per_event = SeverityInterceptor(SeverityConfig(), _context("severity"))
    work.append(("per-event interceptor of 15 lines", _applied(per_event.intercept_batch, batch)))
    return work


def _applied(
    intercept: Callable[[EventBatch], EventBatch], batch: EventBatch
) -> Callable[[], object]:
    return lambda: intercept(batch)


def _measure(work: Callable[[], object], size: int, seconds: float) -> list[float]:
    work()
    loops = 1
    while (took := _time(work, loops)) < seconds / 4:
        loops *= 2
    loops = max(1, int(loops * seconds / took))
    return [_time(work, loops) / loops / size * 1e9 for _ in range(_REPEATS)]


def _time(work: Callable[[], object], loops: int) -> float:
    began = time.perf_counter()
    for _ in range(loops):
        work()
    return time.perf_counter() - began


def _component(kind: str, type_: str, settings: Mapping[str, str]) -> Component[ComponentConfig]:
    (found,) = entry_points(group=f"flume.{kind}", name=type_)
    made = found.load()
    component = made(made.config_model.model_validate(settings), _context(type_))
    if not isinstance(component, Component):
        raise TypeError(f"{found.value} is not a component")
    component.start()
    return component


def _context(name: str) -> ComponentContext:
    def create(kind: str, type_: str, settings: Mapping[str, str]) -> Component[ComponentConfig]:
        return _component(kind, type_, settings)

    return ComponentContext(
        agent="benchmark",
        name=name,
        log=logging.getLogger(f"benchmark.{name}"),
        clock=SystemClock(),
        metrics=ComponentMetrics(f"BENCHMARK.{name}"),
        create=create,
        stopping=Flag(),
    )
