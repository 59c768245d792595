"""Every call to the file system that the file_roll sink makes. Tests put a failing disk in its place."""

from __future__ import annotations

import os
from collections.abc import Sequence

from flume_core.batch import Buffer

__all__ = ["Disk"]

_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class Disk:
    """The real file system. Everything raises OSError; nothing is retried or completed here."""

    def create(self, path: str) -> int:
        """Create a file for appending, under the umask; FileExistsError if the name is in use."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        return os.open(path, flags, 0o666)

    def write(self, fd: int, buffer: Buffer) -> int:
        """Append a buffer; return how many bytes of it, perhaps not all."""
        return os.write(fd, buffer)

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:
        """Append up to `IOV_MAX` buffers; return how many bytes of them, perhaps not all."""
        return os.writev(fd, buffers)

    def truncate(self, fd: int, length: int) -> None:
        """Cut an open file to a length in bytes."""
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:
        """Return when the contents and the length of an open file are on disk."""
        _fdatasync(fd)

    def close(self, fd: int) -> None:
        """Close an open file. It counts as closed even if this raises."""
        os.close(fd)

    def size(self, path: str) -> int | None:
        """Return the length of a file in bytes; None if there is none of that name."""
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            return None

    def exists(self, path: str) -> bool:
        """Return whether a name is in use, be it by a dangling link."""
        return os.path.lexists(path)

    def cut(self, path: str, length: int, *, sync: bool) -> None:
        """Cut a file that is not open to a length in bytes; with ``sync``, on disk on return."""
        fd = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(fd, length)
            if sync:
                _fdatasync(fd)
        finally:
            os.close(fd)

    def rename(self, path: str, new: str) -> None:
        """Give a file another name in the same directory."""
        os.rename(path, new)

    def remove(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

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
