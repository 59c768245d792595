"""How a file that is not followed yet comes to be: where reading of it begins."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Sequence

from flume_core._builtin.taildir.files import Tail, open_regular
from flume_core._builtin.taildir.following import Following
from flume_core._builtin.taildir.ledger import Ledger, Taken
from flume_core._builtin.taildir.matcher import FileGroup
from flume_core._builtin.taildir.troubles import Troubles

__all__ = ["Newcomers"]


class Newcomers:
    """Takes files into the `Following`, at the position that the `Ledger` knows. Used by one thread."""

    def __init__(
        self,
        following: Following,
        ledger: Ledger,
        troubles: Troubles,
        log: logging.Logger,
        header: str,
    ) -> None:
        self._following = following
        self._ledger = ledger
        self._troubles = troubles
        self._log = log
        self._header = header

    def meet(
        self, path: str, group: FileGroup, found: os.stat_result, *, at_end: bool
    ) -> Tail | None:
        """Follow the file at a path that matches; None if that is not possible now.

        A file of which nothing is known is read from its start, or only from its end.
        """
        if not stat.S_ISREG(found.st_mode):
            return None
        self._following.make_room()
        try:
            fd, found = open_regular(path)
        except FileNotFoundError:
            group.forget_listing()
            return None
        except OSError as error:
            self._ledger.still_there(found.st_ino)
            self._troubles.add(path, error)
            return None
        tail = Tail("", (found.st_dev, found.st_ino), path, group, self._header)
        taken = self._open(tail, fd, found)
        if taken is None:
            return None
        if taken.changed:
            self._log.info("%s is not what it was: reading it from its start", path)
        unknown = not taken.file
        self._follow(tail, taken.key, found.st_size if unknown and at_end else taken.pos, found)
        return tail

    def search(self, groups: Sequence[FileGroup]) -> list[tuple[Tail, os.stat_result]]:
        """Follow missing files that have a name now which does not match, to read their rest.

        They are looked for in the directories of the groups.
        """
        found = []
        for group in groups:
            try:
                paths = group.find(self._ledger.inodes()).values()
            except OSError as error:
                self._troubles.add(group.directory, error)
                continue
            for path in paths:
                # Where it kept its name, the pattern was changed in order to leave it out.
                if not any(known.mark.file == path for known in self._ledger):
                    found += self._follow_unlisted(path, group, groups)
        return found

    def _follow_unlisted(
        self, path: str, group: FileGroup, groups: Sequence[FileGroup]
    ) -> list[tuple[Tail, os.stat_result]]:
        self._following.make_room()
        try:
            fd, found = open_regular(path)
        except OSError:
            return []  # nobody asked for a file of this name
        tail = Tail("", (found.st_dev, found.st_ino), path, group, self._header)
        taken = self._open(tail, fd, found)
        if taken is None:
            return []
        if not taken.file or taken.changed:
            tail.close()
            return []
        self._follow(tail, taken.key, taken.pos, found)
        directory, name = os.path.split(taken.file)
        owners = (g for g in groups if g.directory == directory and g.matches(name))
        tail.name(taken.file, next(owners, group), self._header)
        tail.opened_as = path
        tail.lost = True
        self._log.info("%s is now %s: reading the rest of it", taken.file, path)
        return [(tail, found)]

    def _open(self, tail: Tail, fd: int, found: os.stat_result) -> Taken | None:
        """Give a new tail its handle, and find out what is known of it; None if it is of no use."""
        tail.fd = fd
        if tail.id in self._following:
            tail.close()
            return None
        try:
            tail.learn_head()
            taken = self._ledger.take(tail, found.st_size)
        except OSError as error:
            self._troubles.add(tail.path, error)
            tail.close()
            return None
        return taken or Taken("", "", 0, changed=False)

    def _follow(self, tail: Tail, key: str, pos: int, found: os.stat_result) -> None:
        tail.key = key
        tail.pos = tail.size = pos
        if pos == found.st_size:
            tail.mtime = found.st_mtime_ns  # nothing to read
        try:
            tail.learn_last()
        except OSError as error:
            self._troubles.add(tail.path, error)  # it is followed all the same, unchecked at first
        self._following.add(tail)
