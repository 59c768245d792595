"""A disk in memory that knows what is safe: the power may fail, and any call may fail, at any time.

Written and not synced means: each sector of 512 bytes holds any of the versions it had since the last
sync of its file, whatever its neighbours hold. Names are as a journal keeps them: of what happened in
a directory since it was synced, the first few changes are there and the others are not.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from threading import RLock, current_thread, main_thread

from flume_filechannel.disk import Disk

SECTOR = 512
_Names = dict[str, "_File"]
_Change = Callable[[_Names], object]


class PowerFailed(BaseException):
    """The machine is off: whatever the process does from here on reaches nothing."""


class _File:
    def __init__(self, contents: bytes = b"") -> None:
        self.contents = bytearray(contents)
        self.safe = bytes(contents)
        self.writes: list[tuple[int, bytes]] = []
        self._doomed = False

    def write(self, data: bytes, offset: int) -> None:
        end = offset + len(data)
        if end > len(self.contents):
            self.contents.extend(bytes(end - len(self.contents)))
        self.contents[offset:end] = data
        self.writes.append((offset, data))

    def sync(self) -> None:
        if not self._doomed:
            self.safe, self.writes = bytes(self.contents), []
            return
        safe = bytearray(self.safe.ljust(len(self.contents), b"\0"))
        for offset, data in self.writes:
            begin, end = offset // SECTOR * SECTOR, offset + len(data)
            safe[begin:end] = self.contents[begin:end]
        self.safe, self.writes = bytes(safe), []

    def fail_sync(self) -> None:
        """What was to be synced never is, unless it is written again: the system forgets about it."""
        self._doomed, self.writes = True, []

    def surviving(self, random: Random) -> bytes:
        """Return what is found after the power failed."""
        how = random.choice(("drop", "keep", "tear", "tear"))
        if how == "keep":
            return bytes(self.contents)
        size = random.choice((len(self.safe), len(self.contents)))
        left = bytearray(self.safe.ljust(len(self.contents), b"\0"))
        if how == "tear":
            for sector, versions in self._versions().items():
                version = random.choice((None, *versions, versions[-1]))
                if version is not None:
                    left[sector * SECTOR : sector * SECTOR + len(version)] = version
        return bytes(left[:size])

    def _versions(self) -> dict[int, list[bytes]]:
        now = bytearray(self.safe.ljust(len(self.contents), b"\0"))
        versions: dict[int, list[bytes]] = {}
        for offset, data in self.writes:
            now[offset : offset + len(data)] = data
            for sector in range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1):
                held = bytes(now[sector * SECTOR : (sector + 1) * SECTOR])
                versions.setdefault(sector, []).append(held)
        return versions


class SimulatedDisk(Disk):
    """Every call that changes something counts; the one with the number asked for is the last."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.calls = 0
        self.last_call: int | None = None
        self.fault: Callable[[str], OSError | None] = lambda call: None
        self.dead = False
        """Whether the power failed."""
        self._lock = RLock()
        self._names: _Names = {}
        self._safe_names: _Names = {}
        self._changes: dict[str, list[_Change]] = {}
        self._open: dict[int, _File] = {}
        self._next_fd = 1 << 20

    # --- what the tests do

    def fail_after(self, calls: int | None) -> None:
        """Let the power fail in the call that comes after so many."""
        self.calls, self.last_call = 0, calls

    def restart(self, *, power_failed: bool) -> None:
        """Begin anew, after the power failed or only the process ended."""
        self.dead, self.last_call, self._open = False, None, {}
        if power_failed:
            for changes in self._changes.values():
                for change in changes[: self.random.randint(0, len(changes))]:
                    change(self._safe_names)
            found = {id(f): _File(f.surviving(self.random)) for f in self._safe_names.values()}
            self._names = {name: found[id(f)] for name, f in self._safe_names.items()}
            self._safe_names, self._changes = dict(self._names), {}

    def copy_to(self, old: Path, new: Path) -> None:
        """Write what a process that starts now would find below ``old`` into a real directory."""
        for path, file in self._names.items():
            to = new / os.path.relpath(path, old)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(file.contents)

    def paths(self) -> list[str]:
        """Return the names of all files."""
        return sorted(self._names)

    # --- how calls end

    def _call(self, name: str) -> None:
        """Count a call, which may fail and then has done nothing."""
        if self.dead:
            self._die()
        error = self.fault(name)
        if error is not None:
            raise error
        self.calls += 1

    def _done(self) -> None:
        """End a call, unless the power fails first: it counts as begun."""
        if self.last_call is not None and self.calls > self.last_call:
            self.dead = True
            self._die()

    def _die(self) -> None:
        if current_thread() is main_thread():
            raise PowerFailed
        raise OSError(errno.EIO, "the power failed")

    def _change(self, path: str, change: _Change) -> None:
        change(self._names)
        self._changes.setdefault(os.path.dirname(path), []).append(change)

    # --- Disk

    def create(self, path: str, size: int) -> int:
        with self._lock:
            self._call("create")
            if path in self._names:
                raise FileExistsError(errno.EEXIST, "there is one", path)
            file = _File()
            file.contents.extend(bytes(size))
            self._change(path, lambda names: names.update({path: file}))
            self._done()
            return self._descriptor(file)

    def _descriptor(self, file: _File) -> int:
        self._next_fd += 1
        self._open[self._next_fd] = file
        return self._next_fd

    def open(self, path: str) -> int:
        with self._lock:
            if path not in self._names:
                raise FileNotFoundError(errno.ENOENT, "there is none", path)
            return self._descriptor(self._names[path])

    def close(self, fd: int) -> None:
        with self._lock:
            if not self.dead:
                del self._open[fd]

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        with self._lock:
            file, data = self._open[fd], b"".join(buffers)
            try:
                self._call("pwritev")
            except OSError:
                if part := data[: self.random.randrange(len(data))]:
                    file.write(part, offset)
                raise
            if self.random.random() < 0.1 and self.last_call is None:
                data = data[: self.random.randint(1, len(data))]
            file.write(data, offset)
            self._done()
            return len(data)

    def read(self, fd: int, size: int, offset: int) -> bytes:
        with self._lock:
            error = self.fault("read")
            if error is not None:
                raise error
            return bytes(self._open[fd].contents[offset : offset + size])

    def sync(self, fd: int) -> None:
        with self._lock:
            try:
                self._call("sync")
            except OSError:
                self._open[fd].fail_sync()
                raise
            self._done()
            self._open[fd].sync()

    def size(self, fd: int) -> int:
        return len(self._open[fd].contents)

    def rename(self, path: str, new: str) -> None:
        with self._lock:
            self._call("rename")
            if path not in self._names:
                raise FileNotFoundError(errno.ENOENT, "there is none", path)
            self._change(path, lambda names: names.update({new: names.pop(path)}))
            self._done()

    def remove(self, path: str) -> None:
        with self._lock:
            self._call("remove")
            if path not in self._names:
                raise FileNotFoundError(errno.ENOENT, "there is none", path)
            self._change(path, lambda names: names.pop(path))
            self._done()

    def write_file(self, path: str, data: bytes) -> None:
        with self._lock:
            temporary = f"{path}.tmp"
            if temporary in self._names:
                self.remove(temporary)
            fd = self.create(temporary, 0)
            self.write(fd, [data], 0)
            self.sync(fd)
            self.close(fd)
            self.rename(temporary, path)

    def read_file(self, path: str, most: int) -> bytes | None:
        file = self._names.get(path)
        return None if file is None else bytes(file.contents[:most])

    def sync_directory(self, path: str) -> None:
        with self._lock:
            self._call("sync_directory")
            self._done()
            for change in self._changes.pop(path, []):
                change(self._safe_names)

    def names(self, directory: str) -> list[str]:
        return [
            os.path.basename(path) for path in self._names if os.path.dirname(path) == directory
        ]

    def free(self, directory: str) -> int:
        return 1 << 40
