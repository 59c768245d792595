"""One tailed file: its handle, how far it was read, and the check that it is still the same file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from types import MappingProxyType

from flume_core._builtin.taildir.identity import HEAD, LAST, digest, prefix
from flume_core._builtin.taildir.matcher import FileGroup
from flume_core._builtin.taildir.positions import quote

__all__ = ["FileId", "Rewritten", "Tail", "open_regular"]

FileId = tuple[int, int]
"""Device and inode."""

# Non-blocking, so as not to hang on a FIFO that was put in the place of a file.
_HOW = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


class Rewritten(Exception):
    """The file does not begin as it did, or not what comes before the position: start it over."""


def open_regular(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading. Raises OSError; FileNotFoundError if it is not a regular one."""
    fd = os.open(path, _HOW)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
    except BaseException:
        os.close(fd)
        raise
    return fd, found


class Tail:
    """A file that is being followed. Used by one thread.

    ``pos`` is the offset (bytes) behind the last line that is committed. ``size`` is how far the file
    reached when it was last looked at; all of it that is not read is queued, or an unfinished line.
    """

    __slots__ = (
        "_full",
        "_head",
        "_last",
        "_last_at",
        "_prefix",
        "batch_bytes",
        "changed",
        "fd",
        "final",
        "group",
        "headers",
        "id",
        "key",
        "lost",
        "mtime",
        "opened_as",
        "path",
        "pos",
        "queued",
        "quoted",
        "retry_at",
        "round",
        "scanned",
        "size",
        "too_long",
    )

    def __init__(self, key: str, file_id: FileId, path: str, group: FileGroup, header: str) -> None:
        self.key = key
        self.id = file_id
        self.fd = -1
        self.pos = 0
        self.size = 0
        self.mtime = -1
        self.changed = 0.0
        """When something about the file was last seen to change (monotonic seconds)."""
        self.queued = False
        """Whether it waits for its turn to be read."""
        self.final = False
        """Whether it is idle: its unfinished last line is emitted in this turn, and it is closed."""
        self.lost = False
        """Whether no listed path leads to it: it is deleted, or renamed out of the pattern."""
        self.round = 0
        """The scan that last found it under a listed path."""
        self.retry_at = 0.0
        """After an error: leave it alone until then (monotonic seconds)."""
        self.scanned = 0
        """Up to here there is no LF behind ``pos``; for lines longer than a block."""
        self.too_long = False
        """Whether the line at ``pos`` is the rest of one that was cut."""
        self.batch_bytes = 0
        """What the last full batch took; 0 when not known. To guess sizes by."""
        self._head = b""
        self._last = b""
        self._last_at = -1
        self._prefix: bytes | None = None
        self._full = (-1, b"")
        self.name(path, group, header)

    # --- names

    def name(self, path: str, group: FileGroup, header: str) -> None:
        """Take a path (and the header, if its key is not empty, that tells it)."""
        self.path = path
        self.group = group
        self.opened_as = path
        self.quoted = quote(path)
        headers: Mapping[str, str] = group.headers
        if header:
            headers = MappingProxyType({**headers, header: path})
        self.headers = headers
        self._prefix = None

    def mark(self, pos: int) -> bytes:
        """Return the encoded `Mark` of this file at ``pos``; cheap, it is made for every batch."""
        if self._prefix is None:
            self._prefix = prefix(self.key, self.path, self.id[1], self._head)
        return b"%b%d}" % (self._prefix, pos)

    def full_mark(self) -> bytes:
        """Return the encoded `Mark` with the bytes before the position, where they are known."""
        if self._full[0] == self.pos and self._prefix is not None:
            return self._full[1]
        mark = self.mark(self.pos)
        if self._last_at != self.pos or not self._last:
            return mark
        ending = b',"last":"%b","measured":%d}' % (digest(self._last).encode(), len(self._last))
        self._full = (self.pos, mark[:-1] + ending)
        return self._full[1]

    # --- the handle

    def open(self) -> None:
        """Open the file if it is not. Raises OSError; FileNotFoundError if another is there now."""
        if self.fd >= 0:
            return
        fd, found = open_regular(self.opened_as)
        if (found.st_dev, found.st_ino) != self.id:
            os.close(fd)
            raise FileNotFoundError(errno.ENOENT, "replaced by another file", self.opened_as)
        self.fd = fd

    def learn_head(self) -> None:
        """Read what the file begins with. Raises OSError."""
        self._know(os.pread(self.fd, HEAD, 0))

    def close(self) -> None:
        """Close the handle; everything that is known stays."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    # --- reading

    def read(self, length: int, offset: int) -> bytes:
        """Return up to ``length`` bytes at ``offset``, all from the file that is known.

        The start of the file is compared *after* reading: a file is truncated and then written from
        its start, so bytes of a new one cannot be returned without the difference being seen.
        Raises Rewritten and OSError.
        """
        block = os.pread(self.fd, length, offset)
        head = os.pread(self.fd, HEAD, 0)
        if head != self._head:
            if not head.startswith(self._head):
                raise Rewritten
            self._know(head)
        return block

    def verify(self) -> None:
        """Check what comes before the position. Raises Rewritten and OSError."""
        if self._last_at == self.pos and self._last:
            start = self.pos - len(self._last)
            if os.pread(self.fd, len(self._last), start) != self._last:
                raise Rewritten

    def remember_last(self, before: bytes | memoryview, pos: int) -> None:
        """Keep the last of the bytes that come before ``pos``, for `verify`."""
        self._last = bytes(before[-LAST:])
        self._last_at = pos

    def learn_last(self) -> None:
        """Read the bytes before the position, when it was not reached by reading. Raises OSError."""
        start = max(0, self.pos - LAST)
        self.remember_last(os.pread(self.fd, self.pos - start, start), self.pos)

    @property
    def head(self) -> bytes:
        """What the file begins with, up to `HEAD` bytes."""
        return self._head

    def start_over(self) -> None:
        """Go back to the start: the contents are new."""
        self.pos = 0
        self.scanned = 0
        self.batch_bytes = 0
        self.too_long = False
        self.final = False
        self._know(b"")
        self._last_at = -1

    def _know(self, head: bytes) -> None:
        self._head = head
        self._prefix = None

    @property
    def held_back(self) -> int:
        """The bytes of the unfinished last line; 0 while anything else waits to be read."""
        return 0 if self.queued else max(0, self.size - self.pos)
