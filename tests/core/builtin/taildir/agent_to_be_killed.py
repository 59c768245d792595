"""A process with one taildir source and a channel that is a file: run by a test, which kills it.

Arguments: the directory of the rig, and the file of the channel. A record of the channel is one line of
JSON: what was put, and the progress that came with it. The process ends by itself when a file named
``stop`` appears beside the channel and everything is read.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from flume_core.batch import EventBatch
from flume_core.source import Status
from flume_core.transaction import Progress
from tests.core.builtin.taildir.rig import Channel, Rig


class FileChannel(Channel):
    def __init__(self, path: Path) -> None:
        super().__init__(keeps_progress=True)
        if path.exists():
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # what a kill left of a record
        for record in records(path):
            for key, value in record["progress"].items():
                if value is None:
                    self.stored.pop(key, None)
                else:
                    self.stored[key] = value.encode()
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        record = {
            "lines": [event.body.decode() for event in batch],
            "progress": {k: v and v.decode() for k, v in (progress or {}).items()},
        }
        os.write(self.fd, json.dumps(record).encode() + b"\n")


def records(path: Path) -> list[dict[str, dict[str, str | None]]]:
    """Return the whole records of a channel."""
    raw = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in raw[: raw.rfind(b"\n") + 1].splitlines()]


def main(directory: Path, channel: Path) -> None:
    rig = Rig(directory, keeps_progress=True, batchSize="7", writePosInterval="20")
    rig.channel = FileChannel(channel)
    rig.clock.monotonic = time.monotonic  # type: ignore[method-assign]
    rig.make()
    rig.start()
    while True:
        if rig.source.poll() is Status.BACKOFF:
            if channel.with_name("stop").exists():
                break
            time.sleep(0.001)
    rig.source.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
