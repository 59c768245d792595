"""File groups: a directory, and a regular expression for the names in it."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from types import MappingProxyType

from flume_core._builtin.taildir.javaregex import compile_java

__all__ = ["FileGroup", "split_pattern"]

_SETTLED = 2_000_000_000  # ns; the coarsest time stamps of a file system (FAT) are 2 s


def split_pattern(pattern: str) -> tuple[str, str]:
    """Return the directory and the expression for file names of a group's ``filegroups.<g>``.

    Raises ValueError if there is no file name.
    """
    # Not abspath: it would take ".." and "." out of the expression.
    directory, _, name = os.path.expanduser(pattern).rstrip("/").rpartition("/")
    if not name:
        raise ValueError(f"{pattern!r} names no file; write /directory/regular expression")
    if not directory:
        directory = "/" if pattern.startswith("/") else "."
    return os.path.abspath(directory), name


class FileGroup:
    """The files of one group. Used by one thread."""

    def __init__(
        self, name: str, rank: int, pattern: str, headers: Mapping[str, str], *, cached: bool
    ) -> None:
        self.name = name
        self.rank = rank
        """Groups are visited in the order of the configuration; this is the place in it."""
        self.headers = MappingProxyType(dict(headers))
        self.directory, expression = split_pattern(pattern)
        self._matches = compile_java(expression).fullmatch
        self._base = self.directory.rstrip("/") + "/"
        self._cached = cached
        self._paths: list[str] = []
        self._listed: tuple[int, int] | None = None

    def matches(self, name: str) -> bool:
        """Tell whether a file name belongs to the group."""
        return self._matches(name) is not None

    def paths(self) -> tuple[list[str], bool]:
        """Return the paths that match, sorted, and whether the directory was listed anew.

        It is listed only if it changed since, or so recently that a change may not show in its time.
        Raises OSError.
        """
        found = os.stat(self.directory)
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self._listed:
            return self._paths, False
        self._listed = None
        # The time of the file system's clock is compared, so not with a clock that tests turn.
        settled = time.time_ns() - found.st_mtime_ns > _SETTLED
        with os.scandir(self.directory) as entries:
            names = [
                entry.name
                for entry in entries
                if self._matches(entry.name) and not entry.is_dir(follow_symlinks=False)
            ]
        names.sort()
        self._paths = [self._base + name for name in names]
        if settled and self._cached:
            self._listed = stamp
        return self._paths, True

    def forget_listing(self) -> None:
        """List the directory anew the next time."""
        self._listed = None

    def find(self, inodes: Collection[int]) -> dict[int, str]:
        """Return where in the directory files with these inodes are, whatever their names.

        Raises OSError.
        """
        with os.scandir(self.directory) as entries:
            return {
                entry.inode(): entry.path
                for entry in entries
                if entry.inode() in inodes and entry.is_file(follow_symlinks=False)
            }
