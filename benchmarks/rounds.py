"""Runs all pipelines in interleaved rounds, and keeps what came of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.input import Input
from benchmarks.measure import Run, RunFailed, measure
from benchmarks.pipelines import Missing, Pipeline

__all__ = ["Failure", "Results", "run_rounds", "say"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A run without a figure. ``counts`` if it is ours to answer for; a peer's own is only told."""

    pipeline: str
    round: int
    reason: str
    counts: bool


@dataclass(slots=True)
class Results:
    """Everything a report needs. All figures are of verified runs."""

    data: Input
    rounds: int
    pipelines: list[Pipeline]
    missing: list[Missing]
    runs: list[Run] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def of(self, pipeline: str) -> list[Run]:
        """The runs of one pipeline."""
        return [run for run in self.runs if run.pipeline == pipeline]

    def ratios(self, pipeline: str, other: str) -> list[float]:
        """How many times the other's rate it moves, one value for each round that has both."""
        mine, theirs = self._seconds(pipeline), self._seconds(other)
        return [theirs[number] / mine[number] for number in sorted(mine.keys() & theirs.keys())]

    def _seconds(self, pipeline: str) -> dict[int, float]:
        runs = self.of(pipeline)
        return {
            number: median(run.seconds for run in runs if run.round == number)
            for number in {run.round for run in runs}
        }


def run_rounds(
    found: Sequence[Pipeline | Missing], data: Input, work: Path, rounds: int, timeout: float
) -> Results:
    """Run every pipeline once in each round; the limit before each of ours.

    A first run of the limit is thrown away: whoever writes first after much page cache was freed pays for
    getting the memory back.
    """
    results = Results(
        data,
        rounds,
        [each for each in found if isinstance(each, Pipeline)],
        [each for each in found if isinstance(each, Missing)],
    )
    for missing in results.missing:
        say(f"{missing.name}: not measured: {missing.reason}")
    order = _order(results.pipelines)
    if order:
        _warm_up(order[0], data, work, timeout)
    for number in range(1, rounds + 1):
        for pipeline in order:
            _run(pipeline, results, work, number, timeout)
    return results


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def _order(pipelines: list[Pipeline]) -> list[Pipeline]:
    limits = [each for each in pipelines if each.kind == "limit"]
    ours = [each for each in pipelines if each.kind == "ours"]
    peers = [each for each in pipelines if each.kind == "peer"]
    beside = [each for own in ours for each in (*limits, own)] or limits
    return beside + peers


def _warm_up(pipeline: Pipeline, data: Input, work: Path, timeout: float) -> None:
    try:
        measure(pipeline, data, work, 0, timeout)
    except RunFailed as failed:
        say(f"warm-up, {pipeline.name}: {failed}")


def _run(pipeline: Pipeline, results: Results, work: Path, number: int, timeout: float) -> None:
    begin = f"round {number} of {results.rounds}, {pipeline.name}:"
    try:
        run = measure(pipeline, results.data, work, number, timeout)
    except RunFailed as failed:
        say(f"{begin} FAILED: {failed}")
        counts = pipeline.kind != "peer"
        results.failures.append(Failure(pipeline.name, number, str(failed), counts))
        return
    results.runs.append(run)
    say(
        f"{begin} {run.seconds:.3f} s, {run.megabytes_per_second:.0f} MB/s, "
        f"{run.cpu_seconds_per_gib:.2f} CPU s/GiB, peak {run.peak_memory / 2**20:.0f} MiB"
    )
