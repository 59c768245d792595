"""Directory locks, of the same kind that Java Flume takes: neither runs beside the other."""

from __future__ import annotations

import fcntl
import os
from threading import Lock

from flume_core.errors import ConfigurationError

__all__ = ["DirectoryLock"]

_NAME = "in_use.lock"
_held: set[str] = set()
_guard = Lock()


class DirectoryLock:
    """Holds a directory for one channel, against other processes and within this one."""

    def __init__(self, directory: str) -> None:
        """Raises `ConfigurationError` if somebody else has it, OSError if it cannot be locked."""
        self._directory = os.path.realpath(directory)
        path = f"{self._directory}/{_NAME}"
        with _guard:
            if self._directory in _held:
                raise ConfigurationError(
                    f"{directory} is in use by another file channel of this process; give each"
                    " channel directories of its own"
                )
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as e:
                os.close(self._fd)
                raise ConfigurationError(
                    f"{directory} is locked by another process (file {_NAME}): stop that agent, or"
                    " give this channel directories of its own"
                ) from e
            _held.add(self._directory)

    def release(self) -> None:
        """Let others have the directory; may be called twice."""
        with _guard:
            if self._directory in _held:
                _held.discard(self._directory)
                os.close(self._fd)
