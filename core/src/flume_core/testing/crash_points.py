"""Points at which a process can be killed, counted so that a test can try every one of them.

A scenario is run once with a `CrashPoints` that never strikes, to count its points; then once for each
point (or a sample), with a `CrashPoints` that strikes there. Striking means: the outside world as the
kill would leave it is kept, and `Crashed` leaves the code under test. What that code does on its way
out (``finally``, ``with``) is undone by `CrashPoints.bury`, because a killed process does none of it.

Points are operations of a `CrashableChannel`, whatever calls `CrashPoints.point`, and, inside
`CrashPoints.at_every_line`, each line of the modules named.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import FrameType
from typing import Any, TypeAlias

__all__ = [
    "CrashPoints",
    "Crashed",
    "Restore",
    "Snapshot",
    "package_of",
    "sample",
    "snapshot_directory",
]

Restore: TypeAlias = Callable[[], object]
Snapshot: TypeAlias = Callable[[], Restore]
"""Remembers what is outside the process now; what it returns brings that back."""


class Crashed(BaseException):
    """The process was killed here, as far as the code under test can tell.

    Not an `Exception`, so that no error handling of a component takes it for an error.
    """


class CrashPoints:
    """Counts the points passed, and strikes at one of them: the ``strike_at``-th, from 1."""

    def __init__(self, strike_at: int | None = None, *snapshots: Snapshot) -> None:
        self.strike_at = strike_at
        self.passed = 0
        """How many points were passed so far."""
        self.struck: str | None = None
        """Where it struck; None as long as it has not."""
        self._snapshots = list(snapshots)
        self._restores: list[Restore] = []
        self._victims: list[Callable[[], object]] = []
        self._leftovers: list[Callable[[], object]] = []
        self._lock = Lock()
        self._paused = 0

    def on_strike(self, victim: Callable[[], object]) -> None:
        """Call ``victim`` when it strikes: what is only in memory is lost there."""
        self._victims.append(victim)

    def keep(self, snapshot: Snapshot) -> None:
        """Let ``snapshot`` decide what of the outside world survives."""
        self._snapshots.append(snapshot)

    def point(self, what: str) -> None:
        """Pass a point; raises `Crashed` if this is the one. After that nothing is counted."""
        with self._lock:
            if self.struck is not None or self._paused:
                return
            self.passed += 1
            if self.passed != self.strike_at:
                return
        self.strike(what)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Count nothing meanwhile: for what other processes do."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    def strike(self, what: str = "by hand") -> None:
        """Kill now: keep the outside world, lose what is in memory, raise `Crashed`."""
        self.struck = what
        self._restores = [snapshot() for snapshot in self._snapshots]
        for victim in self._victims:
            victim()
        raise Crashed(f"killed at point {self.passed}: {what}")

    def leftover(self, end: Callable[[], object]) -> None:
        """Call ``end`` when the killed process is buried: it closes files and ends threads (``stop``).

        What it raises, and what it changes outside, counts for nothing.
        """
        self._leftovers.append(end)

    def bury(self) -> None:
        """End what is left of the killed process, then bring the outside world back to the kill."""
        while self._leftovers:
            with suppress(BaseException):
                self._leftovers.pop()()
        for restore in self._restores:
            restore()
        self._restores = []

    def kill(
        self, modules: Sequence[str], live: Callable[[], object], recover: Callable[[], object]
    ) -> None:
        """Run ``live()`` with each line of ``modules`` a point; if it is killed there, ``recover()``."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a killed process closes nothing
            with suppress(Crashed), self.at_every_line(*modules):
                live()
            if self.struck is not None:
                self.bury()
                recover()
            self._leftovers.clear()
            gc.collect(1)

    @contextmanager
    def at_every_line(self, *modules: str) -> Iterator[None]:
        """Make each line executed in these modules (and what is below them) a point.

        Only for code that this thread runs. A debugger or a coverage tool sees nothing meanwhile.
        """
        prefixes = tuple(f"{module}." for module in modules)

        def trace(frame: FrameType, event: str, _arg: Any) -> Any:
            name = frame.f_globals.get("__name__", "")
            if not (name in modules or name.startswith(prefixes)):
                return None
            if event == "line":
                self.point(f"{name}:{frame.f_lineno}, in {frame.f_code.co_qualname}")
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(before)


def package_of(cls: type) -> str:
    """Return the package that a class is defined in, or its module if that is in none."""
    return cls.__module__.rpartition(".")[0] or cls.__module__


def sample(points: int, most: int) -> Sequence[int]:
    """Return at most ``most`` of the points 1 to ``points``, evenly spread, both ends included."""
    if points <= most:
        return range(1, points + 1)
    if most < 2:
        return [points][:most]
    return sorted({1 + round(i * (points - 1) / (most - 1)) for i in range(most)})


def snapshot_directory(directory: Path) -> Snapshot:
    """Return a `Snapshot` of all files below a directory: contents and modes.

    A file that still exists is restored in place and keeps its inode.
    """

    def snapshot() -> Restore:
        held = {
            path: (path.stat().st_mode, None if path.is_dir() else path.read_bytes())
            for path in sorted(directory.rglob("*"))
        }

        def restore() -> None:
            for path in sorted(directory.rglob("*"), reverse=True):
                if path not in held:
                    path.rmdir() if path.is_dir() else path.unlink()
            for path, (mode, contents) in held.items():
                if contents is None:
                    path.mkdir(exist_ok=True)
                elif not path.exists() or path.read_bytes() != contents:
                    path.write_bytes(contents)
                path.chmod(mode & 0o7777)

        return restore

    return snapshot
