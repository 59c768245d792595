"""One output file while it is open: bytes go in batch by batch, and out again if a batch failed."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass

from flume_core._builtin.file_roll.disk import Disk
from flume_core.batch import Buffer, EventBatch
from flume_core.config.model import ComponentConfig
from flume_core.errors import RetryableError
from flume_core.serializer import EventSerializer

__all__ = ["ClosedFile", "Output", "explain"]

IOV_MAX = 1024
"""The most buffers that one writev takes on Linux and macOS."""


def explain(error: OSError) -> str:
    """Return what the operating system said, without the path that the message has already."""
    return error.strerror or str(error)


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A file that nobody writes any more, and what is left to do with it."""

    path: str
    final: str
    """The name it gets when complete; the same as ``path`` where there is no in-use suffix."""
    length: int
    """The bytes of committed transactions."""
    cut: bool = False
    """Whether the file may hold more than that."""
    ours: bool = True
    """False while it is only known that we wanted to create it."""
    trouble: str = ""
    """What went wrong when it was closed."""


class Output:
    """An open file. ``length`` counts the bytes of finished transactions, which are never cut.

    `write` and `sync` raise `RetryableError`; then, and when the transaction fails for another
    reason, `cut_back` removes what the transaction wrote. `settle` ends a transaction that committed.
    """

    __slots__ = (
        "_dirty",
        "_disk",
        "_fd",
        "_head",
        "_reached",
        "_serializer",
        "final",
        "length",
        "path",
        "sound",
    )

    def __init__(
        self,
        disk: Disk,
        fd: int,
        path: str,
        final: str,
        serializer: EventSerializer[ComponentConfig],
    ) -> None:
        self._disk = disk
        self._fd = fd
        self._serializer = serializer
        self._head = serializer.begin()
        self._reached = 0
        self._dirty = False
        self.path = path
        self.final = final
        self.length = 0
        self.sound = True
        """False after a failed sync: what a later sync says about this file means nothing."""

    def write_all(self, batches: Sequence[EventBatch]) -> list[int]:
        """Hand several batches to the operating system at once; return the bytes of each.

        `settle_next` keeps them one by one, as their transactions are committed.
        """
        buffers: list[Buffer] = []
        sizes: list[int] = []
        if not self.length:
            buffers += self._head
        for batch in batches:
            before = len(buffers) if sizes else 0
            buffers += self._serializer.serialize(batch)
            sizes.append(sum(map(len, buffers[before:])))
        self._append(buffers)
        return sizes

    def settle_next(self, size: int) -> None:
        """Keep the next ``size`` bytes, because their transaction is committed."""
        self.length += size
        self._dirty = self.length != self._reached

    def sync(self) -> None:
        """Return when everything written so far is on disk."""
        try:
            self._disk.sync(self._fd)
        except OSError as e:
            self.sound = False
            raise RetryableError(f"cannot sync {self.path}: {explain(e)}") from e

    def settle(self) -> int:
        """Keep what was written, because its transaction is committed; return how many bytes."""
        grown = self._reached - self.length
        self.length = self._reached
        self._dirty = False
        return grown

    def cut_back(self) -> bool:
        """Remove what the open transaction wrote; return whether the file may be continued."""
        if self._dirty:
            try:
                self._disk.truncate(self._fd, self.length)
            except OSError:
                return False
            self._reached = self.length
            self._dirty = False
        return self.sound

    def close(self, *, sync: bool) -> ClosedFile:
        """Write what the serializer puts at the end, and close; raises nothing.

        Where that end cannot be written it is cut off again: the file has its events, and ``trouble``
        says what is missing.
        """
        troubles = []
        clean = False
        try:
            if self.sound and not self._dirty:
                self._end(sync=sync)
                clean = True
            self._serializer.stop()
        except Exception as e:  # noqa: BLE001 - the serializer may be anybody's, and the file must be closed
            troubles.append(str(e))
        try:
            self._disk.close(self._fd)
        except OSError as e:
            troubles.append(f"cannot close {self.path}: {explain(e)}")
        return ClosedFile(
            self.path, self.final, self.length, not clean, trouble="; ".join(troubles)
        )

    def _end(self, *, sync: bool) -> None:
        end = self._serializer.end() if self.length else ()
        if end:
            self._append(end)
        if sync:
            self.sync()  # also without an end: what was cut off must not come back
        self.settle()

    def _append(self, buffers: Sequence[Buffer]) -> None:
        try:
            if len(buffers) == 1:
                size = len(buffers[0])
                if size:
                    self._dirty = True
                    done = self._disk.write(self._fd, buffers[0])
                    if done != size:
                        self._complete(buffers, done)
            else:
                size = self._append_many(buffers)
        except OSError as e:
            raise RetryableError(f"cannot write to {self.path}: {explain(e)}") from e
        self._reached = self.length + size

    def _append_many(self, buffers: Sequence[Buffer]) -> int:
        total = 0
        for start in range(0, len(buffers), IOV_MAX):
            some = buffers[start : start + IOV_MAX]
            size = sum(map(len, some))
            if size:
                self._dirty = True
                done = self._disk.writev(self._fd, some)
                if done != size:
                    self._complete(some, done)
            total += size
        return total

    def _complete(self, buffers: Sequence[Buffer], done: int) -> None:
        """Write what a short write left of these buffers."""
        for buffer in buffers:
            size = len(buffer)
            if done >= size:
                done -= size
                continue
            rest = memoryview(buffer)[done:]
            done = 0
            while rest:
                wrote = self._disk.write(self._fd, rest)
                if wrote <= 0:
                    raise OSError(errno.EIO, "the file takes no more bytes")
                rest = rest[wrote:]
