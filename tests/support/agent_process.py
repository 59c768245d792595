"""An agent as a user runs it: the installed ``flume`` and ``flume-ng`` commands, in a process of their own.

    with flume("run", config, work=tmp_path) as agent:
        agent.wait_until(lambda: rolled(out), "output")
        assert agent.terminate() == 0
    assert "events" in agent.log()

Leaving the ``with`` block kills what still runs. A wait fails at once when the agent ends, and every
failure shows the end of its log.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["PATIENCE", "AgentProcess", "flume", "flume_ng", "rolled", "rolled_files", "run_flume"]

PATIENCE = 30.0
"""Seconds after which something that takes well under one counts as not happening."""

_PAUSE = 0.005
_SCRIPTS = Path(sysconfig.get_path("scripts"))
_ROLLED = re.compile(r".*?(\d+)-(\d+)(?:\.[^.]*)?")
_numbers = count()


class AgentProcess:
    """A started process; its standard error and output go to files in ``work``."""

    def __init__(
        self, command: list[str], work: Path, env: Mapping[str, str] | None = None
    ) -> None:
        work.mkdir(parents=True, exist_ok=True)
        stem = f"agent-{os.getpid()}-{next(_numbers)}"
        self._err, self._out = work / f"{stem}.err", work / f"{stem}.out"
        with self._err.open("wb") as err, self._out.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(env or {})},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        """What the agent has written to standard error so far."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    def output(self) -> str:
        """What the agent has written to standard output so far."""
        return self._out.read_text(encoding="utf-8", errors="replace")

    def wait_until(
        self, condition: Callable[[], object], what: str, seconds: float = PATIENCE
    ) -> None:
        """Return as soon as ``condition()`` is true; fail when the agent ends or time runs out."""
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.running and not condition():
                raise AssertionError(self._with_log(f"the agent ended before there was {what}"))
            if time.monotonic() > deadline:
                raise AssertionError(self._with_log(f"no {what} within {seconds:g} s"))
            time.sleep(_PAUSE)

    def wait_for_log(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Return the first match of a regular expression in the log."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            match = re.search(pattern, self.log())
            found.extend([match] if match else [])
            return match is not None

        self.wait_until(look, f"{pattern!r} in the log", seconds)
        return found[0]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return the exit code once the agent has ended by itself."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                self._with_log(f"the agent did not end within {seconds:g} s")
            ) from None

    def terminate(self, seconds: float = PATIENCE) -> int:
        """SIGTERM; return the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """SIGKILL, as in a crash; return when the process is gone."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            self.kill()

    def _with_log(self, what: str) -> str:
        return f"{what}; the end of its log:\n" + "\n".join(self.log().splitlines()[-30:])


def flume(*arguments: str | Path, work: Path, env: Mapping[str, str] | None = None) -> AgentProcess:
    """Start ``flume`` with these arguments in the directory ``work``."""
    return AgentProcess([str(_SCRIPTS / "flume"), *map(str, arguments)], work, env)


def flume_ng(
    *arguments: str | Path, work: Path, env: Mapping[str, str] | None = None
) -> AgentProcess:
    """Start ``flume-ng`` with these arguments in the directory ``work``."""
    return AgentProcess([str(_SCRIPTS / "flume-ng"), *map(str, arguments)], work, env)


def run_flume(
    *arguments: str | Path,
    work: Path,
    env: Mapping[str, str] | None = None,
    seconds: float = 2 * PATIENCE,
) -> tuple[int, AgentProcess]:
    """Run ``flume`` to its end; return its exit code and the ended process, for its log."""
    with flume(*arguments, work=work, env=env) as agent:
        return agent.wait(seconds), agent


def rolled_files(directory: Path) -> list[Path]:
    """The files of a file_roll sink, in the order in which they were begun."""
    return [path for _, path in sorted(_numbered(directory))]


def rolled(directory: Path) -> bytes:
    """What a file_roll sink has written, all files one after another."""
    return b"".join(path.read_bytes() for path in rolled_files(directory))


def _numbered(directory: Path) -> Iterator[tuple[tuple[int, int], Path]]:
    for path in directory.iterdir() if directory.exists() else ():
        match = _ROLLED.fullmatch(path.name)
        if match is not None:
            yield (int(match[1]), int(match[2])), path
