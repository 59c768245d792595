"""A disk and a durable channel in memory that fail, or lose what was not synced, at any step.

The disk keeps, for each file and for the directory, what is on it for certain (since the last sync)
and what happened since. A crash of the process keeps everything; a power failure keeps an arbitrary
part of what happened since. The channel keeps its log up to the last sync for certain, and any number
of commits after that. The two know nothing of each other.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from flume_core._builtin.file_roll.disk import Disk
from flume_core.batch import EMPTY_BATCH, Buffer, EventBatch
from flume_core.channel import Channel
from flume_core.config.model import ChannelConfig
from flume_core.errors import ChannelError
from flume_core.transaction import Transaction
from tests.core.builtin.file_roll.support import context


class Crash(BaseException):
    """The process is dead; nothing it does has an effect any more."""


@dataclass
class Plan:
    """What goes wrong at which step. Steps are counted over disk and channel together."""

    crash_at: int | None = None
    fail: frozenset[int] = frozenset()
    short_writes: bool = False
    step: int = 0
    trace: list[str] = field(default_factory=list)

    def heal(self) -> None:
        self.fail = frozenset()

    def break_down(self, after: int) -> None:
        """Let every step fail, after so many more."""
        self.fail = frozenset(range(self.step + after, self.step + after + 1000))

    def next(self, what: str) -> None:
        self.step += 1
        self.trace.append(what)
        if self.crash_at is not None and self.step >= self.crash_at:
            raise Crash(what)
        if self.step in self.fail:
            if what.startswith("channel"):
                raise ChannelError(f"step {self.step} was to fail")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), what)


class Inode:
    def __init__(self, data: bytes = b"") -> None:
        self.versions = [data]
        """The contents on disk for certain, then each later state."""
        self.spoiled = False
        """Whether a sync failed: the system then forgets what it had to write, and says no more of it."""

    @property
    def data(self) -> bytes:
        return self.versions[-1]

    def change(self, data: bytes) -> None:
        self.versions.append(data)

    def sync(self) -> None:
        if not self.spoiled or self.versions[0].startswith(self.data):
            del self.versions[:-1]

    def after_power_failure(self, keep: str, chance: Random) -> Inode:
        if keep != "some":
            return Inode(self.versions[-1 if keep == "all" else 0])
        at = chance.randrange(len(self.versions))
        data, before = self.versions[at], self.versions[max(at - 1, 0)]
        if len(data) > len(before):
            torn = chance.randint(len(before), len(data))
            return Inode(data[:torn] + b"\0" * chance.choice([0, len(data) - torn]))
        return Inode(data)


class SimulatedDisk(Disk):
    """One directory, ``/out``, and its files."""

    def __init__(self, plan: Plan, files: Mapping[str, Inode] | None = None) -> None:
        self.plan = plan
        self.files = dict(files or {})
        self._stable = dict(self.files)
        self._changes: list[tuple[str, str, Inode | None]] = []
        self._open: dict[int, Inode] = {}
        self._last_fd = 1000
        self.intruder: bytes | None = None
        """What somebody else puts under the next name that is created, just before."""
        self.intruded = False

    def create(self, path: str) -> int:
        self.plan.next(f"create {path}")
        if self.intruder is not None:
            self.files[path] = self._stable[path] = Inode(self.intruder)
            self.intruder, self.intruded = None, True
        if path in self.files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        self._last_fd += 1
        inode = self.files[path] = self._open[self._last_fd] = Inode()
        self._changes.append(("create", path, inode))
        return self._last_fd

    def write(self, fd: int, buffer: Buffer) -> int:
        return self._write(fd, bytes(buffer))

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:
        return self._write(fd, b"".join(buffers))

    def _write(self, fd: int, data: bytes) -> int:
        inode = self._open[fd]
        try:
            self.plan.next(f"write {len(data)}")
        except BaseException:
            inode.change(inode.data + data[: len(data) // 2])
            raise
        if self.plan.short_writes and len(data) > 1:
            data = data[: (len(data) + 1) // 2]
        inode.change(inode.data + data)
        return len(data)

    def truncate(self, fd: int, length: int) -> None:
        self.plan.next(f"truncate {length}")
        inode = self._open[fd]
        inode.change(inode.data[:length].ljust(length, b"\0"))

    def sync(self, fd: int) -> None:
        inode = self._open[fd]
        try:
            self.plan.next("sync")
        except OSError:
            inode.spoiled = True
            raise
        inode.sync()

    def close(self, fd: int) -> None:
        del self._open[fd]
        self.plan.next("close")

    def size(self, path: str) -> int | None:
        self.plan.next(f"size {path}")
        return len(self.files[path].data) if path in self.files else None

    def exists(self, path: str) -> bool:
        return path == "/out" or path in self.files

    def cut(self, path: str, length: int, *, sync: bool) -> None:
        self.plan.next(f"cut {path} {length}")
        inode = self.files[path]
        inode.change(inode.data[:length].ljust(length, b"\0"))
        if sync:
            self.plan.next(f"sync cut {path}")
            inode.sync()

    def rename(self, path: str, new: str) -> None:
        self.plan.next(f"rename {path}")
        assert new not in self.files, "a rename that overwrites"
        self.files[new] = self.files.pop(path)
        self._changes.append((f"rename {new}", path, None))

    def remove(self, path: str) -> None:
        self.plan.next(f"remove {path}")
        del self.files[path]
        self._changes.append(("remove", path, None))

    def sync_directory(self, path: str) -> None:
        assert path == "/out"
        self.plan.next("sync directory")
        self._stable = dict(self.files)
        self._changes.clear()

    def names(self, directory: str) -> list[str]:
        return [os.path.basename(path) for path in self.files]

    def after_crash(self, plan: Plan) -> SimulatedDisk:
        """Return the disk as the next process finds it when this one was killed."""
        disk = SimulatedDisk(plan, self.files)
        disk._stable, disk._changes = self._stable, self._changes
        return disk

    def after_power_failure(self, plan: Plan, keep: str, chance: Random) -> SimulatedDisk:
        """Return the disk after a power failure that kept ``all``, ``none`` or ``some`` of the rest."""
        files = dict(self._stable)
        for change, path, inode in self._changes:
            if keep == "none" or (keep == "some" and chance.random() < 0.5):
                continue
            if change == "create" and inode is not None:
                files[path] = inode
            elif change == "remove":
                files.pop(path, None)
            elif path in files:
                files[change.removeprefix("rename ")] = files.pop(path)
        kept = {path: inode.after_power_failure(keep, chance) for path, inode in files.items()}
        return SimulatedDisk(plan, kept)


@dataclass(frozen=True)
class Commit:
    taken: int
    progress: Mapping[str, Mapping[str, bytes | None]]


class SimulatedChannel(Channel[ChannelConfig]):
    """Durable, with lazily synced take-commits; everything that will ever be put is in it already."""

    def __init__(self, bodies: Sequence[bytes], plan: Plan, commits: Sequence[Commit] = ()) -> None:
        super().__init__(ChannelConfig(), context())
        self.bodies = list(bodies)
        self.plan = plan
        self.commits = list(commits)
        self.synced = len(self.commits)
        self.head = sum(commit.taken for commit in self.commits)

    @property
    def capacity(self) -> None:
        return None

    @property
    def keeps_progress(self) -> bool:
        return True

    def transaction(self) -> Transaction:
        return _SimulatedTransaction(self)

    def wait(self, timeout: float) -> bool:
        return self.size() > 0

    def wake(self) -> None:
        pass

    def size(self) -> int:
        return len(self.bodies) - self.head

    def progress(self, owner: str) -> Mapping[str, bytes]:
        entries: dict[str, bytes | None] = {}
        for commit in self.commits:
            entries.update(commit.progress.get(owner, {}))
        return {key: value for key, value in entries.items() if value is not None}

    def sync(self) -> None:
        self.plan.next("channel sync")
        self.synced = len(self.commits)

    def after_crash(self, plan: Plan, commits: int) -> SimulatedChannel:
        """Return the channel as the next process finds it, with so many commits of the log."""
        assert self.synced <= commits <= len(self.commits)
        return SimulatedChannel(self.bodies, plan, self.commits[:commits])


class _SimulatedTransaction(Transaction):
    def __init__(self, channel: SimulatedChannel) -> None:
        super().__init__(channel.name)
        self._channel = channel
        self._count = 0

    def _do_put(self, batch: EventBatch) -> None:
        raise NotImplementedError

    def _do_take(self, max_events: int) -> EventBatch:
        channel = self._channel
        bodies = channel.bodies[channel.head : channel.head + max_events]
        channel.head += len(bodies)
        self._count += len(bodies)
        return EventBatch.from_bodies(bodies) if bodies else EMPTY_BATCH

    def _do_commit(self) -> None:
        if self._count or self._progress:
            self._channel.plan.next("channel commit")
            self._channel.commits.append(Commit(self._count, dict(self._progress or {})))

    def _do_rollback(self) -> None:
        self._channel.head -= self._count


class Forgetful(SimulatedChannel):
    """The same, without progress."""

    @property
    def keeps_progress(self) -> bool:
        return False

    def progress(self, owner: str) -> Mapping[str, bytes]:
        return {}
