"""Small files that are replaced as a whole, so that a crash leaves the old or the new one."""

from __future__ import annotations

import contextlib
import os

__all__ = ["make_private_directory", "replace_file"]


def make_private_directory(path: str) -> None:
    """Create a directory and its missing parents with mode 0700; leave alone what exists.

    Raises OSError.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_private_directory(parent)
    with contextlib.suppress(FileExistsError):  # another process was faster
        os.mkdir(path, 0o700)


def replace_file(path: str, data: bytes) -> None:
    """Write ``data`` to a temporary file beside ``path``, sync it, and rename it there; mode 0600.

    Raises OSError; ``path`` is then as it was.
    """
    temporary = path + ".tmp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # left by a crash, perhaps with another mode
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
