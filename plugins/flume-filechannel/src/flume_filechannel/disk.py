"""Every call to the file system that the file channel makes. Tests put a failing disk in its place."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

__all__ = ["IOV_MAX", "Disk"]

IOV_MAX = 1024
_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class Disk:
    """The real file system. Everything raises OSError; only short writes are completed here."""

    def create(self, path: str, size: int) -> int:
        """Create a file of ``size`` bytes, all of them reserved on the disk; return its descriptor."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self.reserve(fd, size)
        except BaseException:
            os.close(fd)
            os.unlink(path)
            raise
        return fd

    def reserve(self, fd: int, size: int) -> None:
        """Make sure that the first ``size`` bytes of a file can be written later."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            os.ftruncate(fd, size)

    def open(self, path: str) -> int:
        """Open a file for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> None:
        """Write all buffers one behind the other at ``offset``; on an error some of it may be there."""
        for start in range(0, len(buffers), IOV_MAX):
            some = buffers[start : start + IOV_MAX]
            size = sum(map(len, some))
            done = self.pwritev(fd, some, offset)
            if done != size:
                self._complete(fd, some, offset, done)
            offset += size

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        """Write buffers at ``offset``; return how many bytes of them, perhaps not all."""
        return os.pwritev(fd, buffers, offset)

    def _complete(self, fd: int, buffers: Sequence[bytes], offset: int, done: int) -> None:
        left = memoryview(b"".join(buffers))[done:]
        offset += done
        while left:
            wrote = self.pwritev(fd, [bytes(left)], offset)
            if wrote <= 0:
                raise OSError(errno.EIO, "the file takes no more bytes")
            left = left[wrote:]
            offset += wrote

    def read(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``; fewer only at the end of the file."""
        data = os.pread(fd, size, offset)
        while len(data) < size:
            more = os.pread(fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def sync(self, fd: int) -> None:
        """Return when the contents of a file are on disk."""
        _fdatasync(fd)

    def size(self, fd: int) -> int:
        """Return the length of an open file in bytes."""
        return os.fstat(fd).st_size

    def rename(self, path: str, new: str) -> None:
        """Give a file another name in the same directory; one of that name is replaced."""
        os.rename(path, new)

    def remove(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def write_file(self, path: str, data: bytes) -> None:
        """Replace a small file as a whole: after a crash it is the old one or the new one."""
        temporary = f"{path}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self.write(fd, [data], 0)
            self.sync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)

    def read_file(self, path: str, most: int) -> bytes | None:
        """Return the first ``most`` bytes of a file, None if there is none."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return self.read(fd, most, 0)
        finally:
            os.close(fd)

    def sync_directory(self, path: str) -> None:
        """Return when the names in a directory are on disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory."""
        return os.listdir(directory)

    def free(self, directory: str) -> int:
        """Return the bytes that may still be written to the file system of a directory."""
        figures = os.statvfs(directory)
        return figures.f_bavail * figures.f_frsize
