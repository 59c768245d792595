"""Compression of records with zstd. Nothing here is imported from the library until it is used."""

from __future__ import annotations

from flume_core.batch import Buffer
from flume_core.errors import ChannelError, ConfigurationError
from flume_filechannel.errors import DamagedRecord

__all__ = ["LEVELS", "Compressor"]

LEVELS = range(1, 20)
"""Those of zstd without the three that need up to 128 MiB to read a record."""
_GIB = 1 << 30


class Compressor:
    """Compresses and decompresses whole records. Has no state: any number of threads may use one.

    Each result is one zstd frame, which the ``zstd`` program reads too. The work is done without the
    interpreter's lock.
    """

    def __init__(self, level: int = 3, *, limit: int = _GIB) -> None:
        """``level``: 1 (fast) to 19 (small). ``limit``: the largest record, in bytes before compression.

        Raises `ConfigurationError` for another level, or without the library (cramjam).
        """
        if level not in LEVELS:
            raise ConfigurationError(
                f"there is no compression level {level}: choose one from {LEVELS[0]} to {LEVELS[-1]}"
            )
        try:
            from cramjam import DecompressionError, zstd
        except ImportError as e:
            raise ConfigurationError(
                "zstd compression needs the package cramjam: pip install 'flume-filechannel[zstd]'"
            ) from e
        self.level = level
        self.limit = limit
        self._zstd = zstd
        self._failure = DecompressionError

    def compress(self, payload: Buffer) -> bytes:
        """Return the payload compressed. Raises `ChannelError` if it is larger than the limit."""
        size = memoryview(payload).nbytes
        if size > self.limit:
            raise ChannelError(f"a record of {size} bytes is larger than the limit, {self.limit}")
        return bytes(self._zstd.compress(payload, level=self.level))

    def decompress(self, data: Buffer, size: int) -> bytes:
        """Return what was compressed; ``size`` is its length in bytes as the record declares it.

        Never uses more memory than ``size`` and what the library needs for itself. Raises
        `DamagedRecord` if the limit does not allow that size, or the data are anything else than one
        payload of exactly that size.
        """
        if not 0 <= size <= self.limit:
            raise DamagedRecord(
                f"a compressed record declares {size} bytes; the limit is {self.limit}"
            )
        payload = bytearray(size)
        try:
            made = self._zstd.decompress_into(data, payload)
        except self._failure as e:
            raise DamagedRecord(f"a compressed record of {size} bytes is damaged: {e}") from e
        if made != size:
            raise DamagedRecord(f"a compressed record declares {size} bytes and holds {made}")
        return bytes(payload)
