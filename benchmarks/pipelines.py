"""What is measured: a pipeline knows how to set itself up in a run's directory and which command runs it.

Ours move ``input/*.log`` through taildir, a channel and file_roll into ``output/``. Apache Flume gets
the very same configuration file (:mod:`benchmarks.peers`). The settings that matter for the comparison:

* the idle sleep of taildir is 5 ms, so that finding the load costs nobody a second;
* ``keep-alive`` is 60 s: Java's sink then waits on the channel instead of sleeping up to 5 s between polls,
  and Java's source waits for room instead of failing. It is the best setting for Java.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = [
    "APPENDERS",
    "OUR_NAMES",
    "Launch",
    "Missing",
    "Pipeline",
    "RunDirectory",
    "appenders",
    "copy_loop",
    "flume_properties",
    "our_pipelines",
]

Kind = Literal["limit", "ours", "peer"]
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One run's own directory."""

    path: Path

    @property
    def input(self) -> Path:
        """Where files appear that the pipeline must pick up."""
        return self.path / "input"

    @property
    def output(self) -> Path:
        """Where the pipeline writes, and nothing else does."""
        return self.path / "output"

    @property
    def state(self) -> Path:
        """Configuration, positions, logs."""
        return self.path / "state"

    def create(self) -> None:
        """Make it anew, empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        for directory in (self.input, self.output, self.state):
            directory.mkdir(parents=True)


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, and what to add to the environment."""

    argv: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Something that copies lines from ``input`` to ``output``."""

    name: str
    kind: Kind
    description: str
    prepare: Callable[[RunDirectory], Launch]


@dataclass(frozen=True, slots=True)
class Missing:
    """A pipeline that cannot run here, and why."""

    name: str
    reason: str


OUR_NAMES = (
    "flume-1000",
    "flume-100",
    "flume-interceptors",
    "flume-per-event",
    "file-1000",
    "file-1mib",
)
APPENDERS = {"appender-1000": 200_000, "appender-1mib": 1 << 20}
"""Name of a raw appender, and the bytes it commits at once: as much as ``file-...`` beside it."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    batch: int
    capacity: int
    transaction_capacity: int


GENEROUS = _Sizes(batch=1000, capacity=100_000, transaction_capacity=10_000)
DEFAULT_BATCH = _Sizes(batch=100, capacity=10_000, transaction_capacity=1000)
MEBIBYTE = _Sizes(batch=5243, capacity=1_000_000, transaction_capacity=10_000)
_SIZES = {"1000": GENEROUS, "100": DEFAULT_BATCH, "1mib": MEBIBYTE}

_PER_EVENT = {"severity": {"type": "benchmarks.interceptor:SeverityInterceptor"}}
_BUILT_IN = {
    "ts": {"type": "timestamp"},
    "host": {"type": "host"},
    "dc": {"type": "static", "key": "datacenter", "value": "eu-1"},
}


def flume_properties(
    run: RunDirectory,
    sizes: str,
    interceptors: Mapping[str, Mapping[str, str]] | None = None,
    channel: str = "memory",
) -> Path:
    """Write the configuration of agent ``a1`` for batches of ``sizes`` ("1000", "100" or "1mib")."""
    size = _SIZES[sizes]
    lines = [
        "a1.sources = r1",
        "a1.channels = c1",
        "a1.sinks = k1",
        "a1.sources.r1.type = TAILDIR",
        "a1.sources.r1.channels = c1",
        "a1.sources.r1.filegroups = f1",
        f"a1.sources.r1.filegroups.f1 = {run.input}/.*[.]log",
        f"a1.sources.r1.positionFile = {run.state}/position.json",
        f"a1.sources.r1.batchSize = {size.batch}",
        "a1.sources.r1.backoffSleepIncrement = 5",
        "a1.sources.r1.maxBackoffSleep = 5",
        f"a1.channels.c1.type = {channel}",
        f"a1.channels.c1.capacity = {size.capacity}",
        f"a1.channels.c1.transactionCapacity = {size.transaction_capacity}",
        "a1.channels.c1.keep-alive = 60",
        "a1.sinks.k1.type = file_roll",
        "a1.sinks.k1.channel = c1",
        f"a1.sinks.k1.sink.directory = {run.output}",
        "a1.sinks.k1.sink.rollInterval = 0",
        f"a1.sinks.k1.sink.batchSize = {size.batch}",
    ]
    if channel == "file":
        lines += [
            f"a1.channels.c1.checkpointDir = {run.state}/checkpoint",
            f"a1.channels.c1.dataDirs = {run.state}/data",
        ]
    if interceptors:
        lines.append(f"a1.sources.r1.interceptors = {' '.join(interceptors)}")
        for name, settings in interceptors.items():
            for key, value in settings.items():
                lines.append(f"a1.sources.r1.interceptors.{name}.{key} = {value}")
    file = run.state / "flume.properties"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def copy_loop() -> Pipeline:
    """The physical limit: read 1 MiB, write it, until the end."""
    script = Path(__file__).with_name("copyloop.py")

    def prepare(run: RunDirectory) -> Launch:
        return Launch([sys.executable, "-I", str(script), str(run.input), str(run.output / "copy")])

    return Pipeline("copy", "limit", "a plain read-and-write loop of 1 MiB in Python", prepare)


def appenders() -> list[Pipeline]:
    """What a durable channel is held against: the same bytes, synced in the same portions."""
    script = Path(__file__).with_name("appender.py")

    def prepare(size: int) -> Callable[[RunDirectory], Launch]:
        def launch(run: RunDirectory) -> Launch:
            output = run.output / "appended"
            return Launch(
                [sys.executable, "-I", str(script), str(run.input), str(output), str(size)]
            )

        return launch

    text = "a raw appender: pwritev and fdatasync of each"
    return [
        Pipeline(name, "peer", f"{text} {size} bytes", prepare(size))
        for name, size in APPENDERS.items()
    ]


def our_pipelines(command: str | None) -> list[Pipeline | Missing]:
    """The pipelines of Flume for Python.

    Args:
        command: the ``flume-ng`` to run; by default the one beside this interpreter, else that on the path.
    """
    beside = Path(sys.executable).with_name("flume-ng")
    found = command or (str(beside) if beside.exists() else shutil.which("flume-ng"))
    flow = "taildir, memory, file_roll; batches of"
    described = (
        ("flume-1000", "1000", None, f"{flow} 1000"),
        ("flume-100", "100", None, f"{flow} 100"),
        ("flume-interceptors", "1000", _BUILT_IN, f"{flow} 1000; timestamp, host, static"),
        ("flume-per-event", "1000", _PER_EVENT, f"{flow} 1000; a 15-line per-event interceptor"),
    )
    durable = "taildir, file channel, file_roll; commits of"
    on_disk = (("file-1000", "1000", f"{durable} 1000"), ("file-1mib", "1mib", f"{durable} 1 MiB"))
    if found is None:
        reason = "there is no flume-ng beside this Python nor on the path: pip install flume-core"
        return [Missing(name, reason) for name, *_ in (*described, *on_disk)]
    found_all: list[Pipeline | Missing] = [
        Pipeline(name, "ours", text, _flume_ng(found, sizes, interceptors))
        for name, sizes, interceptors, text in described
    ]
    found_all += [
        Pipeline(name, "ours", text, _flume_ng(found, sizes, None, "file"))
        for name, sizes, text in on_disk
    ]
    return found_all


def _flume_ng(
    command: str,
    sizes: str,
    interceptors: Mapping[str, Mapping[str, str]] | None,
    channel: str = "memory",
) -> Callable[[RunDirectory], Launch]:
    def prepare(run: RunDirectory) -> Launch:
        file = flume_properties(run, sizes, interceptors, channel)
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        return Launch([command, "agent", "-n", "a1", "-f", str(file)], {"PYTHONPATH": path})

    return prepare
