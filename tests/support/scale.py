"""How much a test repeats: a fifth where time is short, everything when it is asked for.

``FLUME_TEST_SCALE`` is ``ci`` (a fifth; what applies without it) or ``full``.
"""

from __future__ import annotations

import os

SCALE = os.environ.get("FLUME_TEST_SCALE", "ci")
if SCALE not in ("ci", "full"):
    raise ValueError(f"FLUME_TEST_SCALE={SCALE!r}: ci or full")


def scaled(full: int) -> int:
    """What ``full`` repetitions are at this scale; never less than one."""
    return full if SCALE == "full" else max(1, full // 5)
