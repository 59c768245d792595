"""What a log may hold after a crash: what it held after some commit not before the last safe one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flume_core.transaction import Progress
from flume_filechannel.channel import FileChannel

OWNERS = ("source.r1", "sink.k1")


@dataclass
class Contents:
    """What a channel holds."""

    waiting: list[bytes] = field(default_factory=list)
    progress: dict[str, dict[str, bytes]] = field(default_factory=lambda: {o: {} for o in OWNERS})

    def after(self, commit: Commit) -> Contents:
        taken = set(commit.taken)
        waiting = [body for body in self.waiting if body not in taken] + commit.put
        progress = {owner: dict(entries) for owner, entries in self.progress.items()}
        for owner, changes in commit.progress.items():
            for key, value in changes.items():
                if value is None:
                    progress[owner].pop(key, None)
                else:
                    progress[owner][key] = value
        return Contents(waiting, progress)

    @classmethod
    def of(cls, channel: FileChannel) -> Contents:
        """Return what a channel gives, all of it; it is rolled back."""
        waiting: list[bytes] = []
        with channel.transaction() as tx:
            while batch := tx.take(97):
                waiting += batch.bodies()
            tx.rollback()
        assert channel.size() == len(waiting)
        return cls(waiting, {owner: dict(channel.progress(owner)) for owner in OWNERS})


class Commit(NamedTuple):
    """One that changed the contents."""

    put: list[bytes]
    taken: list[bytes]
    progress: Mapping[str, Progress]


class History:
    """The commits since the last moment that cannot be undone."""

    def __init__(self) -> None:
        self._base = Contents()
        self._commits: list[Commit] = []

    def begin(self, commit: Commit) -> None:
        """Note a commit, before it is tried."""
        self._commits.append(commit)

    def forget(self) -> None:
        """The last commit was refused."""
        self._commits.pop()

    def safe(self) -> None:
        """All commits so far are safe."""
        self._base, self._commits = self.now(), []

    def now(self) -> Contents:
        return self.possible()[-1]

    def possible(self) -> list[Contents]:
        """Return what may be found after a crash, the least first."""
        contents = [self._base]
        for commit in self._commits:
            contents.append(contents[-1].after(commit))
        return contents

    def settle(self, found: Contents) -> str | None:
        """Take what a crash left for what is there; return what is wrong with it."""
        possible = self.possible()
        for count in range(len(possible) - 1, -1, -1):
            if possible[count] == found:
                del self._commits[count:]
                return None
        return _difference(found, possible)


def _difference(found: Contents, possible: list[Contents]) -> str:
    must = [body for body in possible[0].waiting if all(body in p.waiting for p in possible)]
    may = {body for p in possible for body in p.waiting}
    lost = [body[:12] for body in must if body not in set(found.waiting)]
    extra = [body[:12] for body in found.waiting if body not in may]
    return (
        f"{len(found.waiting)} events and progress {found.progress} were found, which is none of the"
        f" {len(possible)} possible contents (from {len(possible[0].waiting)} events,"
        f" {possible[0].progress}, to {len(possible[-1].waiting)}, {possible[-1].progress});"
        f" lost: {lost}; should be gone: {extra}"
    )
