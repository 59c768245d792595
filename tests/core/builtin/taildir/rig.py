"""A taildir source without an agent: an emitter that remembers, and a clock that is turned by hand."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flume_core._builtin.taildir.config import TaildirConfig
from flume_core._builtin.taildir.source import TaildirSource
from flume_core.batch import EventBatch
from flume_core.errors import ChannelFull
from flume_core.event import Event
from flume_core.metrics import ComponentMetrics
from flume_core.source import SourceContext, Status
from flume_core.ticket import Ticket
from flume_core.transaction import Progress

LONG = 3600.0  # seconds; longer than any time-out


class HandClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, flag: threading.Event, seconds: float) -> bool:
        self.now += seconds
        return flag.is_set()


class Channel:
    """What outlives a source: the events that were committed, and the progress stored with them."""

    def __init__(self, *, keeps_progress: bool = False) -> None:
        self.keeps_progress = keeps_progress
        self.batches: list[EventBatch] = []
        self.refused: list[EventBatch] = []
        self.stored: dict[str, bytes] = {}
        self.refuses: Callable[[], bool] = lambda: False
        self.error: Exception = ChannelFull("no room")

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        if self.refuses():
            self.refused.append(batch)
            raise self.error
        if len(batch):
            self.batches.append(batch)
        if not self.keeps_progress:
            assert progress is None
            return
        for key, value in (progress or {}).items():
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value

    def emit_async(self, batch: EventBatch, progress: Progress | None = None) -> Ticket:
        self.emit(batch, progress)
        return Ticket.completed()

    def rewind(self) -> None:
        pass

    def progress(self) -> Mapping[str, bytes]:
        return dict(self.stored)

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    @property
    def lines(self) -> list[str]:
        return [event.body.decode() for event in self.events]

    def drain(self) -> list[str]:
        """Return the lines that came since the last call."""
        lines = self.lines
        self.batches.clear()
        return lines


class Rig:
    """A directory of logs, a channel, and one source after the other on them."""

    def __init__(self, directory: Path, *, keeps_progress: bool = False, **settings: str) -> None:
        self.logs = directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.position_file = directory / "state" / "positions.json"
        self.channel = Channel(keeps_progress=keeps_progress)
        self.clock = HandClock()
        self.settings = {
            "filegroups": "g",
            "filegroups.g": str(self.logs / r".*\.log"),
            "positionFile": str(self.position_file),
            **settings,
        }
        self.source = self.make()

    def make(self, **settings: str) -> TaildirSource:
        self.settings.update(settings)
        config: Any = TaildirConfig.model_validate(self.settings)
        self.stopping = threading.Event()
        self.metrics = ComponentMetrics("SOURCE.r1")
        self.source = TaildirSource(
            config,
            SourceContext(
                agent="a1",
                name="r1",
                log=logging.getLogger("test.taildir"),
                clock=self.clock,
                metrics=self.metrics,
                create=_no_factory,
                stopping=self.stopping,
                emitter=self.channel,
            ),
        )
        return self.source

    def start(self) -> Rig:
        self.source.start()
        return self

    def catch_up(self) -> list[str]:
        """Poll until the source is caught up, and return the lines that came."""
        for _ in range(100_000):
            if self.source.poll() is Status.BACKOFF:
                return self.channel.drain()
        raise AssertionError("the source never says that it is caught up")

    def pass_time(self, seconds: float) -> list[str]:
        self.clock.now += seconds
        return self.catch_up()

    def restart(self, **settings: str) -> Rig:
        """Stop cleanly and start another source."""
        self.source.stop()
        self.make(**settings)
        return self.start()

    def crash(self, **settings: str) -> Rig:
        """Start another source without a stop of the first one, as after a kill."""
        self.source._following.close_all()  # what the system does with the handles of a dead process
        self.make(**settings)
        return self.start()

    # --- files

    def path(self, name: str) -> Path:
        return self.logs / name

    def write(self, name: str, text: str) -> Path:
        """Append to a file."""
        with open(self.path(name), "ab") as file:
            file.write(text.encode())
        return self.path(name)

    def rewrite(self, name: str, text: str) -> Path:
        """Truncate a file and fill it again: the same inode, other contents."""
        with open(self.path(name), "r+b") as file:
            file.truncate(0)
            file.write(text.encode())
        # Within one tick of the kernel's clock the time of the change would not differ.
        found = os.stat(self.path(name))
        os.utime(self.path(name), ns=(found.st_atime_ns, found.st_mtime_ns + 10_000_000))
        return self.path(name)

    def rename(self, old: str, new: str) -> None:
        os.rename(self.path(old), self.path(new))

    def positions(self) -> dict[str, int]:
        """Return what the position file says, by name of file."""
        text = self.position_file.read_bytes()
        return {Path(e["file"]).name: e["pos"] for e in json.loads(text)} if text else {}

    def save(self) -> dict[str, int]:
        """Let the time for saving come, and return what is saved."""
        self.pass_time(10)
        return self.positions()


def _no_factory(kind: str, type_: str, settings: Mapping[str, str]) -> Any:
    raise AssertionError("taildir uses no other component")


def lines(first: int, last: int) -> str:
    """Return numbered lines, each its own."""
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def bodies(first: int, last: int) -> list[str]:
    return [f"line {number}" for number in range(first, last + 1)]
