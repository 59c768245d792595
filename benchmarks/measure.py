"""How one run of a pipeline is timed. The same for ours, for every peer and for the copy loop.

1. The pipeline is started on an input directory that holds one small file, the probe.
2. Once the probe has come out at the other end the pipeline is known to be up, whatever its log says or
   does not say. The time since the start of the process is its start-up time; it counts nowhere else.
3. Once it uses no more CPU its memory is read: that is what it holds when idle.
4. The load is renamed into the input directory, which makes it appear whole in an instant. The clock runs
   from just before that until the output directory holds the last byte, looked at every half millisecond.
   Finding the file is in it, for everybody; idle sleeps and flush sizes are set so that nobody waits long.
5. CPU is what the process and its descendants used between those two instants; peak memory is that of the
   whole life. The pipeline is stopped by SIGTERM, and the output is compared with the input, byte by byte.
   Only then does the figure count.

Why not time whole processes: Java and Python start in different times, and an agent starts once a month. Why
not from the first output byte: a pipeline that gathers before it writes would look faster than it is.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.input import LINE_BYTES, Input
from benchmarks.pipelines import Pipeline, RunDirectory
from benchmarks.process import MeasuredProcess
from benchmarks.verify import difference, output_files

__all__ = ["Run", "RunFailed", "measure"]

_LOOK_EVERY = 0.0005
_START_TIMEOUT = 120.0
_QUIET_TIMEOUT = 5.0
_STALL_TIMEOUT = 60.0
GIB = 1 << 30


class RunFailed(Exception):
    """The run gives no figure: the output is wrong or incomplete, or the process failed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One verified run. Sizes in bytes, times in seconds."""

    pipeline: str
    round: int
    bytes: int
    seconds: float
    cpu_seconds: float
    peak_memory: int
    startup_seconds: float
    idle_memory: int

    @property
    def events_per_second(self) -> float:
        return self.bytes / LINE_BYTES / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        """10**6 bytes per second."""
        return self.bytes / self.seconds / 1e6

    @property
    def cpu_seconds_per_gib(self) -> float:
        return self.cpu_seconds / self.bytes * GIB

    def as_dict(self) -> dict[str, str | int | float]:
        return {
            **asdict(self),
            "events_per_second": self.events_per_second,
            "megabytes_per_second": self.megabytes_per_second,
            "cpu_seconds_per_gib": self.cpu_seconds_per_gib,
        }


def measure(pipeline: Pipeline, data: Input, work: Path, round_: int, timeout: float) -> Run:
    """Run ``pipeline`` once on ``data`` in a directory below ``work``, which is removed afterwards.

    Args:
        timeout: seconds for the load to get through; 60 s without progress end the run as well.

    Raises:
        RunFailed: see there.
    """
    run = RunDirectory(work / f"run-{pipeline.name}")
    run.create()
    os.link(data.probe, run.input / "probe.log")
    os.link(data.load, run.path / "load")
    launch = pipeline.prepare(run)
    started = time.monotonic()
    process = MeasuredProcess(launch.argv, launch.environment, run.path, run.state / "console.log")
    try:
        _wait_for(run, process, data.probe_bytes, _START_TIMEOUT, "start")
        startup = time.monotonic() - started
        _wait_until_quiet(process)
        idle_memory, cpu = process.memory_bytes(), process.cpu_seconds()
        began = time.monotonic()
        os.rename(run.path / "load", run.input / "load.log")
        _wait_for(run, process, data.total_bytes, timeout, "move the load")
        seconds = time.monotonic() - began
        cpu, peak = process.cpu_seconds() - cpu, process.peak_memory_bytes()
        code = process.stop()
        if code != 0 and pipeline.kind == "ours":
            raise RunFailed(f"exit code {code} after SIGTERM\n{process.tail()}")
        if wrong := difference((data.probe, data.load), output_files(run.output)):
            raise RunFailed(wrong)
    finally:
        process.stop(timeout=5.0)
        shutil.rmtree(run.path, ignore_errors=True)
    return Run(pipeline.name, round_, data.bytes, seconds, cpu, peak, startup, idle_memory)


def _wait_for(
    run: RunDirectory, process: MeasuredProcess, size: int, timeout: float, doing: str
) -> None:
    deadline = time.monotonic() + timeout
    done, grew = -1, 0.0
    while (now := _size(run.output)) < size:
        if now != done:
            done, grew = now, time.monotonic()
        if process.ended:
            raise RunFailed(f"the process ended before it could {doing}\n{process.tail()}")
        if time.monotonic() > min(deadline, grew + _STALL_TIMEOUT):
            raise RunFailed(
                f"did not {doing} in time: {done} of {size} bytes are there, and the last came "
                f"{time.monotonic() - grew:.0f} s ago\n{process.tail()}"
            )
        time.sleep(_LOOK_EVERY)


def _size(directory: Path) -> int:
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue  # renamed when complete, between the listing and this
    return total


def _wait_until_quiet(process: MeasuredProcess) -> None:
    """Until it used at most one clock tick of CPU in 0.3 s; not longer than 5 s, as some never are."""
    deadline = time.monotonic() + _QUIET_TIMEOUT
    before = process.cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(0.3)
        now = process.cpu_seconds()
        if now - before < 0.015:
            return
        before = now
