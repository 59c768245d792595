"""The plain copy loop, as a process of its own: ``copyloop.py INPUT_DIRECTORY OUTPUT_FILE``.

Like the pipelines it stands beside, it is up before its input is there: it copies ``probe.log`` when that
appears, then ``load.log``, and then waits to be stopped.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path


def main(directory: Path, output: Path) -> None:
    with output.open("wb", buffering=0) as target:
        for name in ("probe.log", "load.log"):
            path = directory / name
            while not path.exists():
                time.sleep(0.001)
            with path.open("rb", buffering=0) as source:
                while block := source.read(1 << 20):
                    target.write(block)
    signal.pause()


main(Path(sys.argv[1]), Path(sys.argv[2]))
