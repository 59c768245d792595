"""A measured process: started in a session of its own, read through /proc, ended by its group.

CPU and memory are those of the process and all its descendants. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["MeasuredProcess"]

_TICKS = os.sysconf("SC_CLK_TCK")
_TAIL_LINES = 15


class MeasuredProcess:
    """Starts ``argv`` in ``directory``, with what it prints in ``console``."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], directory: Path, console: Path
    ) -> None:
        self._console = console
        with console.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                cwd=directory,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """It has ended, of itself or stopped."""
        return self._process.poll() is not None

    def cpu_seconds(self) -> float:
        """User and system time so far, in steps of a clock tick (10 ms on most machines)."""
        total = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text()
                total += sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])
        return total / _TICKS

    def memory_bytes(self) -> int:
        """Resident memory now."""
        return self._status("VmRSS")

    def peak_memory_bytes(self) -> int:
        """The highest resident memory since the start (the sum of each process's own peak)."""
        return self._status("VmHWM")

    def stop(self, timeout: float = 20.0) -> int:
        """SIGTERM, after ``timeout`` seconds SIGKILL to the whole group; the exit code."""
        if not self.ended:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait(timeout)

    def tail(self) -> str:
        """The last lines it printed."""
        text = self._console.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def _status(self, field: str) -> int:
        total = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(field + ":"):
                        total += int(line.split()[1]) * 1024
        return total

    def _tree(self) -> list[int]:
        pids = [self._process.pid]
        for pid in pids:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    pids += [int(child) for child in children.read_text().split()]
        return pids
