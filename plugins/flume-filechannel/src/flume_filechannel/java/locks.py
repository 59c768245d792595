"""Keeps reader and Java agent apart.

A Java agent creates ``in_use.lock`` in each directory when it starts, locks it (a POSIX record lock over the
whole file, which ``lockf`` sees and ``flock`` does not), and deletes it when it ends; a killed one leaves it.
But the lock does not last: to find out whether the file system has locks, Flume opens the file a second time
and closes it again, and POSIX drops all record locks of a process when it closes *any* descriptor of a file.
(Seen with Flume 1.11: a running agent has no entry in ``/proc/locks``.) So this does both: it takes the
lock, which keeps a starting agent and other readers out, and looks whether a process has the file open.

Where there is no file there is nobody to keep out, and none is created. For the reason above nothing else in
this process may open the file while it is locked.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from flume_filechannel.java.errors import JavaChannelLocked
from flume_filechannel.java.findings import FindingKind, Findings

__all__ = ["DirectoryLocks"]

LOCK_FILE = "in_use.lock"
_PROCESSES = Path("/proc")


class DirectoryLocks:
    """The locks held for one reader. `release` (and the end of the process) gives them back."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []

    def take(self, directory: Path, findings: Findings) -> None:
        """Lock a directory, or raise `JavaChannelLocked` if a process holds or uses it.

        A lock file that may only be read gets a shared lock. Where it cannot be told whether anybody
        uses the directory, that is a finding.
        """
        path = directory / LOCK_FILE
        try:
            descriptor, how = _opened(path)
        except FileNotFoundError:
            return
        except OSError as e:
            findings.add(FindingKind.NOT_LOCKED, path, f"cannot be opened: {e.strerror}")
            return
        self._descriptors.append(descriptor)
        try:
            fcntl.lockf(descriptor, how | fcntl.LOCK_NB)
        except OSError as e:
            if e.errno in (errno.EACCES, errno.EAGAIN):
                raise _in_use(path, "another process holds the lock") from e
            findings.add(FindingKind.NOT_LOCKED, path, f"cannot be locked: {e.strerror}")
        try:
            for process in _users(descriptor):
                raise _in_use(path, f"process {process} has opened the lock file")
        except OSError as e:
            findings.add(
                FindingKind.NOT_LOCKED,
                path,
                "was left by a killed agent or belongs to a running one, and which cannot be seen from "
                f"here ({e.strerror}): make sure that no Java agent uses the directory",
            )

    def release(self) -> None:
        """Give all locks back."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def _opened(path: Path) -> tuple[int, int]:
    """Return a descriptor and the strongest lock that it allows."""
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_RDWR), fcntl.LOCK_EX
    except OSError as e:
        if e.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
    return os.open(path, flags | os.O_RDONLY), fcntl.LOCK_SH


def _in_use(path: Path, how: str) -> JavaChannelLocked:
    return JavaChannelLocked(
        f"{path.parent} is in use, most likely by a running Java agent: {how} ({path}). Stop that agent "
        "(its sinks may drain the channel first), then read the directory again"
    )


def _users(descriptor: int) -> Iterator[int]:
    """Give the other processes that have the same file open; OSError if that cannot be seen."""
    wanted = os.fstat(descriptor)
    own, hidden = os.getpid(), None
    for process in [int(name) for name in os.listdir(_PROCESSES) if name.isdecimal()]:
        if process == own:
            continue
        directory = _PROCESSES / str(process) / "fd"
        try:
            for name in os.listdir(directory):
                link = directory / name
                if _is_lock_file(link) and os.path.samestat(link.stat(), wanted):
                    yield process
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended, or closed the file, meanwhile
        except PermissionError as e:
            hidden = e
    if hidden is not None:
        raise hidden


def _is_lock_file(link: Path) -> bool:
    """Whether a descriptor is of a file with the right name: cheaper than the state of each file."""
    try:
        return os.readlink(link).endswith(LOCK_FILE)
    except FileNotFoundError:
        return False
