"""Turns results into tables for people and a document for programs. Ratios come first, seconds nowhere."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median
from typing import TypeAlias

from benchmarks.input import LINE_BYTES
from benchmarks.measure import Run
from benchmarks.rounds import Results

__all__ = [
    "Target",
    "end_to_end_document",
    "end_to_end_tables",
    "machine",
    "machine_line",
    "table",
    "targets",
]

Document: TypeAlias = dict[str, object]
LIMIT = "copy"
SMALL = 256 << 20
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """What a pipeline is meant to reach, and what it did reach. Missing one fails nothing."""

    what: str
    at_least: bool
    bound: float
    value: float

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def targets(results: Results) -> list[Target]:
    """The targets that these results can be held against."""
    found: list[Target] = []

    def rate(pipeline: str, other: str, bound: float) -> None:
        if ratios := results.ratios(pipeline, other):
            found.append(
                Target(f"{pipeline}: times the rate of {other}", True, bound, median(ratios))
            )

    rate("flume-1000", LIMIT, 0.6)
    rate("flume-100", LIMIT, 0.25)
    rate("flume-1000", "java-1000", 10)
    rate("flume-1000", "java-100", 10)
    rate("flume-1000", "rsyslog", 10)
    rate("file-1000", "appender-1000", 0.6)
    rate("file-1mib", "appender-1mib", 0.35)
    rate("file-1000", "java-file-1000", 25)
    rate("flume-per-event", "java-1000", 1)
    rate("flume-per-event", "java-100", 1)
    for pipeline in results.pipelines:
        runs = results.of(pipeline.name)
        if pipeline.kind == "ours" and runs:
            peak = max(run.peak_memory for run in runs) / 1e6
            found.append(Target(f"{pipeline.name}: peak memory, MB", False, 100, peak))
    if runs := results.of("flume-1000"):
        startup = median(run.startup_seconds for run in runs)
        found.append(Target("flume-1000: start until lines come out, s", False, 0.5, startup))
        idle = median(run.idle_memory for run in runs) / 1e6
        found.append(Target("flume-1000: memory when idle, MB", False, 50, idle))
    return found


def end_to_end_tables(results: Results) -> str:
    """The tables as Markdown."""
    data = results.data
    parts = [
        f"{data.events:,} lines of {LINE_BYTES} bytes ({data.bytes / MIB:,.0f} MiB), "
        f"interleaved rounds: {results.rounds}; start-up excluded; medians, lowest and highest in brackets. "
        "A figure is there only where the output was the input, byte for byte.",
        _rates(results),
    ]
    if ratios := _ratios(results):
        parts += ["Times the rate of each peer:", ratios]
    if results.missing:
        parts.append(
            "\n".join(f"* {each.name}: not measured: {each.reason}" for each in results.missing)
        )
    if results.failures:
        parts.append(
            "\n".join(
                f"* {each.pipeline}, round {each.round}: no figure: {each.reason.splitlines()[0]}"
                for each in results.failures
            )
        )
    if data.bytes < SMALL:
        parts.append(
            "The input is too small for the figures to mean much, so they are not held against the targets."
        )
    elif reached := targets(results):
        parts += ["Targets:", _targets(reached)]
    return "\n\n".join(parts)


def end_to_end_document(results: Results) -> Document:
    """The results with every single run, for programs."""
    return {
        "input": {
            "bytes": results.data.bytes,
            "events": results.data.events,
            "line_bytes": LINE_BYTES,
        },
        "rounds": results.rounds,
        "pipelines": [_pipeline_document(results, each.name) for each in results.pipelines],
        "missing": [asdict(each) for each in results.missing],
        "failures": [asdict(each) for each in results.failures],
        "targets": [{**asdict(each), "met": each.met} for each in targets(results)],
    }


def machine() -> Document:
    """Where and when this was measured."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "memory_bytes": pages,
        "load_average": os.getloadavg(),
    }


def machine_line() -> str:
    """One sentence about the machine, for the head of the tables."""
    here = machine()
    return (
        f"Measured on {here['finished_at']} with Python {here['python']} on {here['system']}, "
        f"{here['cpus']} CPUs."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def _rates(results: Results) -> str:
    head = ["pipeline", "of the plain copy", "M events/s", "MB/s", "CPU s/GiB", "peak MiB"]
    head += ["start s", "idle MiB"]
    rows = []
    for pipeline in results.pipelines:
        runs = results.of(pipeline.name)
        if runs:
            rows.append(
                [
                    f"{pipeline.name} ({pipeline.description})",
                    _spread(results.ratios(pipeline.name, LIMIT), 2),
                    _middle(runs, lambda run: run.events_per_second / 1e6, 2),
                    _spread([run.megabytes_per_second for run in runs], 0),
                    _middle(runs, lambda run: run.cpu_seconds_per_gib, 2),
                    _middle(runs, lambda run: run.peak_memory / MIB, 0),
                    _middle(runs, lambda run: run.startup_seconds, 2),
                    _middle(runs, lambda run: run.idle_memory / MIB, 0),
                ]
            )
    return table(head, rows)


def _ratios(results: Results) -> str:
    measured = [each for each in results.pipelines if results.of(each.name)]
    peers = [each.name for each in measured if each.kind == "peer"]
    ours = [each.name for each in measured if each.kind == "ours"]
    if not peers or not ours:
        return ""
    rows = [[own, *(_spread(results.ratios(own, peer), 1) for peer in peers)] for own in ours]
    return table(["pipeline", *peers], rows)


def _targets(reached: Sequence[Target]) -> str:
    rows = [
        [
            each.what,
            f"{'at least' if each.at_least else 'at most'} {each.bound:g}",
            f"{each.value:.2f}",
            "yes" if each.met else "no",
        ]
        for each in reached
    ]
    return table(["target", "bound", "value", "met"], rows)


def _pipeline_document(results: Results, name: str) -> Document:
    (pipeline,) = (each for each in results.pipelines if each.name == name)
    runs = results.of(name)
    others = [each.name for each in results.pipelines if each.kind != "ours" and each.name != name]
    ratios = {other: values for other in others if (values := results.ratios(name, other))}
    figures = [run.as_dict() for run in runs]
    numbers = [key for key in figures[0] if key not in ("pipeline", "round")] if figures else []
    return {
        "name": name,
        "kind": pipeline.kind,
        "description": pipeline.description,
        "ratios": {
            other: {"median": median(each), "rounds": each} for other, each in ratios.items()
        },
        "medians": {key: median(float(each[key]) for each in figures) for key in numbers},
        "runs": figures,
    }


def _middle(runs: Sequence[Run], value: Callable[[Run], float], digits: int) -> str:
    return f"{median(value(run) for run in runs):.{digits}f}"


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    middle = f"{median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"
