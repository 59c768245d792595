"""The two commands as processes, and small configurations for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

PATIENCE = 60.0
_ENTRY = {"flume": "flume", "flume-ng": "flume_ng"}

FLOW = r"""
a1.sources = r1
a1.channels = c1
a1.sinks = k1

a1.sources.r1.type = taildir
a1.sources.r1.channels = c1
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = {dir}/in/.*\\.log
a1.sources.r1.positionFile = {dir}/position.json

a1.channels.c1.type = memory
a1.channels.c1.capacity = 10000
a1.channels.c1.transactionCapacity = 1000

a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {dir}/out
"""
"""A flow from the files in ``in`` to files in ``out``."""

PARTS = """
import time

from flume_core import (
    BatchSink,
    Channel,
    ChannelConfig,
    ConfigurationError,
    RetryableError,
    SinkConfig,
)


class AwaySink(BatchSink[SinkConfig]):
    def write(self, batch):
        raise RetryableError("the store is away")


class HangingSink(BatchSink[SinkConfig]):
    def write(self, batch):
        self.log.warning("hanging")
        time.sleep(3600)


class DeafSink(BatchSink[SinkConfig]):
    def start(self):
        raise RuntimeError("nobody listens")

    def write(self, batch):
        pass


class RefusedSink(BatchSink[SinkConfig]):
    def start(self):
        raise ConfigurationError("the store knows no such table")

    def write(self, batch):
        pass


class LockedChannel(Channel[ChannelConfig]):
    capacity = None

    def start(self):
        raise RetryableError("somebody else has the lock")

    def transaction(self):
        raise RetryableError("not started")

    def wait(self, timeout):
        return False

    def wake(self):
        pass

    def size(self):
        return 0
"""
"""A module of components that cause trouble."""


def parts(directory: Path) -> dict[str, str]:
    """Write the module ``parts``; return the environment in which it is found."""
    (directory / "parts.py").write_text(PARTS)
    return {"PYTHONPATH": str(directory)}


def command(program: str) -> list[str]:
    """Return what starts a program with this Python, warnings being errors."""
    name = _ENTRY[program]
    start = f"import sys; from flume_core._cli.main import {name}; sys.exit({name}())"
    return [sys.executable, "-W", "error", "-c", start]


def run(
    program: str, *arguments: object, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*command(program), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Running:
    """A command at work, with what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, text: str) -> None:
        """Wait until a line on stderr contains a text."""
        deadline = monotonic() + PATIENCE
        while not any(text in line for line in self.lines):
            assert self.process.poll() is None or self._reader.is_alive(), self.lines
            assert monotonic() < deadline, self.lines
            sleep(0.01)

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@contextmanager
def started(
    program: str, *arguments: object, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start a command; kill it at the end if it is still there."""
    process = subprocess.Popen(
        [*command(program), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Running(process)
    try:
        yield running
    finally:
        process.kill()
        running.end()
        assert process.stderr is not None
        process.stderr.close()


def flow(directory: Path, **changed: str) -> Path:
    """Write a flow into a directory, with ``in`` and ``out``; return its configuration.

    ``changed`` are keys behind the agent's name with ``__`` for dots, to add or replace; "" removes.
    """
    for name in ("in", "out"):
        (directory / name).mkdir(exist_ok=True)
    lines = FLOW.format(dir=directory).splitlines()
    for key, value in changed.items():
        full = "a1." + key.replace("__", ".")
        lines = [line for line in lines if not line.startswith(full + " =")]
        lines += [f"{full} = {value}"] if value else []
    file = directory / "flume.conf"
    file.write_text("\n".join(lines) + "\n")
    return file


def written(directory: Path) -> bytes:
    """Return what a flow has written, of all files in order."""
    files = sorted((directory / "out").iterdir(), key=lambda file: int(file.name.split("-")[1]))
    return b"".join(file.read_bytes() for file in files)


def wait_until_written(directory: Path, content: bytes) -> None:
    """Wait until a flow has written just this."""
    deadline = monotonic() + PATIENCE
    while written(directory) != content:
        assert monotonic() < deadline, written(directory)[-200:]
        sleep(0.01)
