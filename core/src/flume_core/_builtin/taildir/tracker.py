"""Which of the files have something to read, and whose turn it is."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence

from flume_core._builtin.taildir.files import Tail
from flume_core._builtin.taildir.following import Following
from flume_core._builtin.taildir.identity import decode
from flume_core._builtin.taildir.ledger import Known, Ledger
from flume_core._builtin.taildir.matcher import FileGroup
from flume_core._builtin.taildir.newcomers import Newcomers
from flume_core._builtin.taildir.troubles import Troubles

__all__ = ["Tracker"]

_SCAN_EVERY = 0.25  # seconds between two looks at all files while some of them keep us busy
_RETRY_AFTER = 5.0  # seconds for which a file is left alone after it could not be read


class Tracker:
    """Looks at all files from time to time, and queues those that have something to read.

    Used by one thread. A file stays in the queue until it was read up to the size it had when it
    joined, so that one that grows faster than it is read does not starve the others.

    ``header`` is for the path of a file (empty: none); ``patience`` is how long (seconds) a file may
    be without a change until it is closed, or forgotten if it is gone.
    """

    def __init__(
        self,
        groups: Sequence[FileGroup],
        ledger: Ledger,
        following: Following,
        troubles: Troubles,
        log: logging.Logger,
        *,
        header: str,
        skip_to_end: bool,
        patience: float,
    ) -> None:
        self.queue: deque[Tail] = deque()
        self._groups = groups
        self._ledger = ledger
        self._following = following
        self._troubles = troubles
        self._log = log
        self._header = header
        self._skip_to_end = skip_to_end
        self._patience = patience
        self.met = False
        """Whether files were found that the saved positions do not name yet."""
        self._newcomers = Newcomers(following, ledger, troubles, log, header)
        self._round = 0
        self._next_scan = 0.0
        self._lost_one = True

    # --- the queue

    def next(self, now: float) -> Tail | None:
        """Return the file whose turn it is; None if everything is read."""
        if not self.queue or now >= self._next_scan:
            self.scan(now)
        return self.queue[0] if self.queue else None

    def turn_over(self, tail: Tail, *, yields: bool) -> None:
        """Take note that the first file of the queue had its turn.

        If it has more to read, it stays the first, or becomes the last one if it ``yields``.
        """
        if not tail.queued:
            self.queue.popleft()
            if tail.final:
                tail.final = False
                self._release(tail)
        elif yields:
            self.queue.rotate(-1)

    def failed(self, tail: Tail, error: OSError, now: float) -> None:
        """Take note that the first file of the queue could not be opened or read."""
        self.queue.popleft()
        tail.queued = tail.final = False
        tail.mtime = -1
        if not tail.lost:
            self._following.close(tail)
        if isinstance(error, FileNotFoundError):
            tail.group.forget_listing()
        else:
            tail.retry_at = now + _RETRY_AFTER
            self._troubles.add(tail.path, error)

    def start_over(self, tail: Tail, why: str) -> None:
        """Read a file from its start, because its contents are new."""
        self._log.info("%s %s (%d bytes): reading it from its start", tail.path, why, tail.pos)
        if tail.held_back:
            self._log.warning(
                "%s: the last %d bytes of its old contents were not read: they had no newline yet",
                tail.path,
                tail.held_back,
            )
        tail.start_over()

    # --- looking at all files

    def scan(self, now: float) -> None:
        """Look at every file, and queue those that changed, group by group, the oldest first."""
        self._round += 1
        self._next_scan = now + _SCAN_EVERY
        changed: list[Tail] = []
        unlisted: set[str] = set()
        for group in self._groups:
            try:
                paths, anew = group.paths()
            except OSError as error:
                unlisted.add(group.directory)
                self._troubles.add(group.directory, error)
                continue
            self._lost_one = self._lost_one or anew
            for path in paths:
                self._look(path, group, now, changed)
        for tail in [tail for tail in self._following if tail.round != self._round]:
            self._unseen(tail, now, changed, unlisted)
        if len(self._ledger):
            self._look_for_missing(now, changed, unlisted)
        # The rest of a file that was rotated away comes before its successor.
        changed.sort(key=lambda tail: (not tail.lost, tail.group.rank, tail.mtime))
        self.queue.extend(changed)
        self._troubles.end_round()

    def _look(self, path: str, group: FileGroup, now: float, changed: list[Tail]) -> None:
        try:
            found = os.stat(path)
        except FileNotFoundError:
            group.forget_listing()
            return
        except OSError as error:
            self._troubles.add(path, error)
            return
        tail = self._following.get((found.st_dev, found.st_ino))
        if tail is None:
            at_end = self._skip_to_end and self._round == 1
            tail = self._newcomers.meet(path, group, found, at_end=at_end)
            if tail is None:
                return
            tail.changed = now
            self.met = True
        elif tail.round == self._round:
            return  # a second name, or a second group: the first one counts
        tail.round = self._round
        if tail.path != path or tail.lost or tail.group is not group:
            if tail.path != path:
                self._log.info("%s is now %s: going on at %d", tail.path, path, tail.pos)
            tail.lost = False
            tail.name(path, group, self._header)
        self._notice(tail, found, now, changed)

    def _notice(self, tail: Tail, found: os.stat_result, now: float, changed: list[Tail]) -> None:
        if tail.queued:
            return
        if found.st_mtime_ns == tail.mtime and found.st_size == tail.size:
            if now - tail.changed >= self._patience and (tail.fd >= 0 or tail.held_back):
                self._idle(tail, changed)
            return
        if tail.retry_at:
            self._troubles.lasts(tail.path)
            if now < tail.retry_at:
                return
            tail.retry_at = 0.0
        tail.mtime = found.st_mtime_ns
        tail.changed = now
        if found.st_size < tail.pos:
            self.start_over(tail, "is shorter than what was read of it")
        tail.size = found.st_size
        tail.queued = True
        changed.append(tail)

    def _idle(self, tail: Tail, changed: list[Tail]) -> None:
        if tail.held_back:
            tail.final = tail.queued = True
            changed.append(tail)
        else:
            self._release(tail)

    def _release(self, tail: Tail) -> None:
        self._following.close(tail)
        if tail.lost:
            self._log.info("%s was read to its end and is gone: forgetting it", tail.path)
            self._following.remove(tail)
            self._ledger.obsolete.append(tail.key)

    def _unseen(self, tail: Tail, now: float, changed: list[Tail], unlisted: set[str]) -> None:
        if tail.group.directory not in unlisted:
            if tail.fd < 0 and not tail.queued:
                self._following.remove(tail)
                self._ledger.add(Known(decode(tail.full_mark()), in_channel=True))
                self._lost_one = True
            elif not tail.lost and tail.fd >= 0:
                tail.lost = True
                self._log.info("%s was renamed or deleted: reading the rest of it", tail.path)
        if tail.fd < 0:
            return
        try:
            self._notice(tail, os.fstat(tail.fd), now, changed)
        except OSError as error:
            self._troubles.add(tail.path, error)
            self._following.close(tail)
            tail.lost = False

    def _look_for_missing(self, now: float, changed: list[Tail], unlisted: set[str]) -> None:
        if self._lost_one:
            self._lost_one = False
            groups = [group for group in self._groups if group.directory not in unlisted]
            for tail, found in self._newcomers.search(groups):
                tail.round = self._round
                tail.changed = now
                self._notice(tail, found, now, changed)
        self._ledger.expire(now, self._patience, unlisted)
