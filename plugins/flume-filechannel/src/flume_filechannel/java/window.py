"""Reads of a file through a bounded buffer, by position."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.protobuf import MalformedMessage

__all__ = ["Window"]

_SIZE = 1 << 20


class Window:
    """One open file and the last part of it that was read. Not for several threads at once.

    The size is that at opening: what is appended later is not seen.

    Args:
        path: the file; opened read-only.
        size: bytes read at once, unless a single record is longer.
    """

    def __init__(self, path: Path, size: int = _SIZE) -> None:
        self.path = path
        self._window = size
        self._data = b""
        self._base = 0
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            self.size = os.fstat(self._fd).st_size
        except OSError as e:
            self.close()
            raise JavaChannelError(f"cannot read {path}: {e.strerror}") from e

    def load(self, position: int) -> bytes:
        """Return a window of bytes that begins at ``position``; shorter only at the end of the file."""
        self._fill(position, self._window)
        return self._data if self._base == position else self._data[position - self._base :]

    def read(self, position: int, length: int) -> bytes:
        """Return ``length`` bytes from ``position``; MalformedMessage if the file has not so many."""
        if position < 0 or length < 0 or length > self.size - position:
            raise MalformedMessage(
                f"{length} bytes are said to be at byte {position} of a file of {self.size} bytes"
            )
        start = position - self._base
        if start < 0 or start + length > len(self._data):
            self._fill(position, max(length, self._window))
            start = 0
            if len(self._data) < length:
                raise MalformedMessage(f"the file ends at byte {position + len(self._data)}")
        return self._data[start : start + length]

    def _fill(self, position: int, length: int) -> None:
        parts: list[bytes] = []
        length = min(length, max(0, self.size - position))
        self._base, start = position, position
        try:
            while start < position + length:
                part = os.pread(self._fd, position + length - start, start)
                if not part:
                    break
                parts.append(part)
                start += len(part)
        except OSError as e:
            self._data = b""
            raise JavaChannelError(f"cannot read {self.path} at byte {start}: {e.strerror}") from e
        self._data = parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file; once is enough, twice does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
