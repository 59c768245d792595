"""The generated input: 200-byte lines that carry their own number, so that loss and order show.

A line is 12 digits, a blank, a log-like text and a newline. The first block is the *probe*, with which a
run finds out that a pipeline is up; the rest is the *load* that is timed. Together they are numbered from 0
without a gap. Both hold a whole number of blocks of 1000 lines, because Apache Flume's file sink flushes
only at the end of a full batch or after seconds of silence.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["LINES_PER_BLOCK", "LINE_BYTES", "Input", "block", "make_input", "parse_size"]

LINE_BYTES = 200
LINES_PER_BLOCK = 1000
BLOCK_BYTES = LINE_BYTES * LINES_PER_BLOCK

_PLACEHOLDER = b"#########"
_SEVERITIES = (b"DEBUG", b"INFO ", b"INFO ", b"INFO ", b"WARN ", b"ERROR")
_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class Input:
    """The two input files; ``bytes`` and ``events`` are those of the load, which is what is timed."""

    probe: Path
    load: Path
    probe_bytes: int
    bytes: int

    @property
    def events(self) -> int:
        """Lines in the load."""
        return self.bytes // LINE_BYTES

    @property
    def total_bytes(self) -> int:
        """What must have arrived in the output at the end, in bytes."""
        return self.probe_bytes + self.bytes


def parse_size(text: str) -> int:
    """``1GiB``, ``8 MiB``, ``200kB`` or plain bytes, as a number of bytes.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b?)\s*", text, re.IGNORECASE)
    unit = found.group(2).upper() if found else "?"
    if found is None or unit not in _UNITS:
        raise ValueError(f"{text!r} is not a size; write 1GiB, 8MiB, 500MB or a number of bytes")
    return int(float(found.group(1)) * _UNITS[unit])


def make_input(directory: Path, size: int) -> Input:
    """Write the input files into ``directory``, or take those an earlier call left there.

    ``size`` (bytes of the load) is rounded up to whole blocks. The files are synced, so that writing them
    back to the disk does not fall into a measurement.
    """
    blocks = max(1, -(-size // BLOCK_BYTES))
    probe = _make(directory / "probe.log", 0, 1)
    load = _make(directory / f"load-{blocks}.log", 1, blocks)
    return Input(probe, load, BLOCK_BYTES, blocks * BLOCK_BYTES)


def _make(path: Path, first_block: int, blocks: int) -> Path:
    if path.exists() and path.stat().st_size == blocks * BLOCK_BYTES:
        return path
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb", buffering=0) as file:
        for number in range(first_block, first_block + blocks):
            file.write(block(number))
        os.fsync(file.fileno())
    unfinished.rename(path)
    return path


def block(number: int) -> bytes:
    """The lines of one block; its number begins every line of it."""
    return _template().replace(_PLACEHOLDER, b"%09d" % number)


@cache
def _template() -> bytes:
    lines = []
    for number in range(LINES_PER_BLOCK):
        severity = _SEVERITIES[number * 7 % len(_SEVERITIES)]
        text = b"%s%03d %s shop.checkout worker-%02d order=%06d customer=%06d ms=%04d " % (
            _PLACEHOLDER,
            number,
            severity,
            number % 16,
            number * 7919 % 1_000_000,
            number * 104_729 % 1_000_000,
            number * 31 % 5000,
        )
        filler = b"the quick brown fox jumps over the lazy dog " * 4
        lines.append((text + filler)[: LINE_BYTES - 1] + b"\n")
    return b"".join(lines)
