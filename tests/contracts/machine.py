"""A machine that moves log files through a crashable channel, and dies again and again."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.sink import FileRollSink
from flume_core._builtin.selectors import ReplicatingSelector
from flume_core._builtin.taildir.source import TaildirSource
from flume_core._runtime.channel_processor import ChannelProcessor
from flume_core.channel import Channel
from flume_core.metrics import ComponentMetrics
from flume_core.selector import ChannelSelector
from flume_core.source import Status
from flume_core.testing import (
    CrashableStore,
    CrashPoints,
    ManualClock,
    assert_exactly,
    make_component,
    make_sink,
    make_source,
    numbered,
    snapshot_directory,
    store_channel,
)
from flume_core.testing.crash_points import Snapshot
from tests.contracts.test_file_roll_sink_meets_the_contract import lines_below

OURS = ["flume_core._builtin.taildir", "flume_core._builtin.file_roll", "flume_core._runtime"]


class Machine:
    """taildir, the channel processor, a `CrashableChannel` and file_roll, run by one thread.

    `run` boots it until everything that happens to the log files has happened, and all is written.
    """

    def __init__(
        self,
        directory: Path,
        store: CrashableStore,
        disk: Disk | None = None,
        suffix: str = ".tmp",
    ) -> None:
        self.logs, self.state, self.out = (directory / name for name in ("logs", "state", "out"))
        for folder in (self.logs, self.state, self.out):
            folder.mkdir(parents=True)
        self.store = store
        self.clock = ManualClock()
        self.boots = 0
        self._written = {"old": 0, "new": 0}
        self._half = 0
        self._happenings: list[Callable[[], object]] = [
            lambda: self._append("app.log", "old", 20),
            lambda: self._append("app.log", "old", 7, unfinished=True),
            lambda: self._append("app.log", "old", 13),
            self._rotate,
            lambda: self._append("app.log.1", "old", 4),
            lambda: self._append("app.log", "new", 25),
        ]

        class OnThatDisk(FileRollSink):
            pass

        OnThatDisk.disk = disk or FileRollSink.disk
        self._sink_class = OnThatDisk
        self._suffix = suffix

    def snapshots(self) -> list[Snapshot]:
        """What survives a kill beside the channel: the position files and the output."""
        return [snapshot_directory(self.state), snapshot_directory(self.out)]

    def run(self, crash_points: Iterator[CrashPoints], *, at_every_line: bool) -> list[str]:
        """Boot until the work is done, each time with the next crash points; return where they struck."""
        struck = []
        for points in crash_points:
            self.store.use(points)
            points.kill(OURS if at_every_line else [], partial(self._live, points), lambda: None)
            if points.struck is None:
                break
            struck.append(points.struck)
        return struck

    def assert_moved_exactly_once(self) -> None:
        """Assert that every line is in the output, once, those of one file in order; no loose ends."""
        lines = lines_below(self.out)
        for log, count in self._written.items():
            mine = [line for line in lines if line.startswith(log.encode())]
            assert_exactly(mine, numbered(count, producer=log))
        assert len(lines) == sum(self._written.values())
        loose = [path.name for path in self.out.iterdir() if path.name.endswith(".tmp")]
        assert not loose, f"not renamed: {loose}"
        assert len(self.store.events()) == 0

    # --- one life

    def _live(self, points: CrashPoints) -> None:
        self.boots += 1
        channel = store_channel(self.store)
        config = {
            "sink.directory": str(self.out),
            "sink.inUseSuffix": self._suffix,
            "sink.batchSize": "10",
        }
        sink = make_sink(self._sink_class, config, channel, clock=self.clock)
        source = self._source(channel)
        points.leftover(sink.stop)
        points.leftover(source.stop)
        sink.start()
        source.start()
        while self._happenings:
            with points.paused():
                self._happenings.pop(0)()
            _work(source, sink)
            self.clock.advance(31)
        _work(source, sink)
        source.stop()
        while sink.process() is not Status.BACKOFF:
            pass
        sink.stop()
        channel.stop()

    def _source(self, channel: Channel[Any]) -> TaildirSource:
        selector: ChannelSelector[Any] = make_component(
            ReplicatingSelector, {}, context={"channels": ("c1",)}
        )
        log = logging.getLogger("flume.test.machine")
        emitter = ChannelProcessor(
            "r1", {"c1": channel}, selector, ComponentMetrics("SOURCE.r1"), log
        )
        config = {
            "filegroups": "g",
            "filegroups.g": f"{self.logs}/app\\.log.*",
            "positionFile": str(self.state / "positions.json"),
            "batchSize": "8",
        }
        return make_source(TaildirSource, config, emitter, clock=self.clock)

    # --- what happens to the logs

    def _append(self, name: str, log: str, count: int, *, unfinished: bool = False) -> None:
        """Append lines; with ``unfinished`` also half of the line that the next call begins with."""
        events = numbered(count + 1, self._written[log], producer=log)
        text = events[:count].joined()[self._half :]
        last = events.bodies()[count]
        self._half = len(last) // 2 if unfinished else 0
        with (self.logs / name).open("ab") as file:
            file.write(text + last[: self._half])
        self._written[log] += count

    def _rotate(self) -> None:
        (self.logs / "app.log").rename(self.logs / "app.log.1")
        self._append("app.log", "new", 11)


def _work(source: TaildirSource, sink: FileRollSink) -> None:
    """Let source and sink take turns until both have nothing to do."""
    idle = 0
    while idle < 2:
        statuses = [source.poll(), sink.process()]
        idle = idle + 1 if Status.READY not in statuses else 0


def at(points: list[int], machine: Machine, *more: Snapshot) -> Iterator[CrashPoints]:
    """Crash points that strike at these, one in each life; then lives without."""
    for point in points:
        yield CrashPoints(point, *more, *machine.snapshots())
    while True:
        yield CrashPoints(None)


def random_lives(seed: int) -> list[int]:
    """How many lines each of eight lives lasts: from hardly a start to nearly all the work."""
    rnd = random.Random(seed)
    return [int(10 ** rnd.uniform(1.5, 3.8)) for _ in range(8)]
