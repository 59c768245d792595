"""Settings of the process that make batches cheap; for the command line, never for embedding code."""

from __future__ import annotations

import contextlib
import ctypes
import gc

__all__ = ["before_start", "after_start"]

_MIB = 1 << 20
# glibc's mallopt. By default it gives freed megabytes back to the system at once, and the next batch
# pays for every page again.
_MALLOC = (
    (-3, 64 * _MIB),  # M_MMAP_THRESHOLD
    (-1, 512 * _MIB),  # M_TRIM_THRESHOLD
    (-2, 32 * _MIB),  # M_TOP_PAD
)


def before_start() -> None:
    """Let the C library keep the memory of batches. Does nothing where it is not glibc."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _MALLOC:
            mallopt(parameter, value)


def after_start() -> None:
    """Take what lives as long as the agent out of the garbage collector's rounds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, *gc.get_threshold()[1:])
