"""The raw appender, as a process of its own: ``appender.py INPUT_DIRECTORY OUTPUT_FILE BYTES``.

What a durable channel cannot do without: each ``BYTES`` of the input are appended and synced
(`fdatasync`) before the next ones are read. Like the pipelines it is up before its input is there.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def main(directory: Path, output: Path, size: int) -> None:
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    sync = getattr(os, "fdatasync", os.fsync)
    offset = 0
    for name in ("probe.log", "load.log"):
        path = directory / name
        while not path.exists():
            time.sleep(0.001)
        with path.open("rb", buffering=0) as source:
            while block := source.read(size):
                os.pwritev(target, [block], offset)
                sync(target)
                offset += len(block)
    signal.pause()


main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
