"""A disk for file_roll that forgets, when the power fails, whatever was not synced."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from flume_core._builtin.file_roll.disk import Disk
from flume_core.batch import Buffer
from flume_core.testing.crash_points import Restore


class LossyDisk(Disk):
    """Loses bytes behind the last sync of their file, and names since the last sync of the directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._safe: dict[int, bytes] = {}
        self._undo: list[Callable[[], object]] = []

    def power_fails(self) -> Restore:
        """Do it. A snapshot for `CrashPoints`: what is left is what the next process finds."""
        while self._undo:
            self._undo.pop()()
        for path in self._directory.iterdir():
            safe = self._safe.get(path.stat().st_ino)
            if safe is not None and path.read_bytes() != safe:
                path.write_bytes(safe)
        safe_now = dict(self._safe)

        def restore() -> None:
            """Forget what the dead process did on its way out."""
            self._safe, self._undo = safe_now, []

        return restore

    def create(self, path: str) -> int:
        fd = super().create(path)
        self._safe[os.fstat(fd).st_ino] = b""
        self._undo.append(lambda: os.unlink(path))
        return fd

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._remember(f"/proc/self/fd/{fd}")

    def cut(self, path: str, length: int, *, sync: bool) -> None:
        super().cut(path, length, sync=sync)
        if sync:
            self._remember(path)

    def rename(self, path: str, new: str) -> None:
        super().rename(path, new)
        self._undo.append(lambda: os.rename(new, path))

    def remove(self, path: str) -> None:
        contents = Path(path).read_bytes()
        super().remove(path)
        self._undo.append(lambda: Path(path).write_bytes(contents))

    def sync_directory(self, path: str) -> None:
        super().sync_directory(path)
        self._undo.clear()

    def _remember(self, path: str) -> None:
        with open(path, "rb") as file:
            self._safe[os.fstat(file.fileno()).st_ino] = file.read()


class TornDisk(LossyDisk):
    """Writes only a part of what it is given, as the system may; what is lost is lost as above."""

    def write(self, fd: int, buffer: Buffer) -> int:
        return super().write(fd, memoryview(buffer)[: max(1, len(buffer) // 2)])

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:
        return self.write(fd, next(b for b in buffers if len(b)))
