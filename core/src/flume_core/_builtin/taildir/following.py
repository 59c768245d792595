"""The files that are followed, and how many of them are held open."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flume_core._builtin.taildir.files import FileId, Tail

__all__ = ["Following", "most_open_files"]


class Following:
    """The files that are followed, by device and inode. Used by one thread.

    A handle is what lets a file be read to its end after it was deleted or renamed, so as many are
    kept as is sensible. Beyond ``most_open`` those go that changed longest ago.
    """

    def __init__(self, most_open: int, keys: Collection[str]) -> None:
        self._most_open = most_open
        self._tails: dict[FileId, Tail] = {}
        self._keys = set(keys)
        self._open = 0
        self.get = self._tails.get

    def __len__(self) -> int:
        return len(self._tails)

    def __iter__(self) -> Iterator[Tail]:
        return iter(self._tails.values())

    def __contains__(self, file_id: FileId) -> bool:
        return file_id in self._tails

    def tails(self) -> Collection[Tail]:
        """Return the files in the order in which they were found."""
        return self._tails.values()

    def add(self, tail: Tail) -> None:
        """Follow a file, which is open."""
        if not tail.key:
            tail.key = self._new_key(tail.id[1])
        self._tails[tail.id] = tail
        self._open += 1

    def remove(self, tail: Tail) -> None:
        """Follow a file no longer; it must be closed. Its key stays in use until `free_key`."""
        del self._tails[tail.id]

    def free_key(self, key: str) -> None:
        """Let a key be used again: nothing is stored under it any more."""
        self._keys.discard(key)

    def _new_key(self, inode: int) -> str:
        # For people who look: the inode, unless a file on another device has the same.
        key, number = str(inode), 1
        while key in self._keys:
            number += 1
            key = f"{inode}.{number}"
        self._keys.add(key)
        return key

    def open(self, tail: Tail) -> None:
        """Open a file if it is closed. Raises OSError."""
        if tail.fd < 0:
            self.make_room()
            tail.open()
            self._open += 1

    def close(self, tail: Tail) -> None:
        """Close a file, which goes on being followed."""
        if tail.fd >= 0:
            tail.close()
            self._open -= 1

    def close_all(self) -> None:
        """Close all files."""
        for tail in self:
            self.close(tail)

    def make_room(self) -> None:
        """Close some files if too many are open; call it before one is opened."""
        if self._open < self._most_open:
            return
        # A file that no path leads to could not be opened again.
        closable = [tail for tail in self if tail.fd >= 0 and not tail.lost]
        closable.sort(key=lambda tail: (tail.queued, tail.changed))
        for tail in closable[: max(1, self._most_open // 4)]:
            self.close(tail)


def most_open_files() -> int:
    """Return how many handles a source may sensibly hold: half of what the process may have."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 256
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    return 4096 if unlimited else max(8, min(4096, soft // 2))
