"""Logs change hands between our taildir and the real one, with one position file: no line is lost or repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agent_process import PATIENCE, flume, rolled, run_flume
from tests.support.java_flume import JavaFlume, require_java_flume

# Names with what the position file has to escape, or Java might read in another way.
NAMES = ("plain.log", "two words.log", "a=b&c<d>'e'.log", "übergrößé-日本.log", "back\\slash.log")

CONFIG = r"""
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = org.apache.flume.source.taildir.TaildirSource
a1.sources.r1.channels = c1
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = {work}/logs/.*\\.log
a1.sources.r1.positionFile = {work}/position.json
a1.sources.r1.writePosInterval = 100
a1.channels.c1.type = memory
a1.channels.c1.capacity = 1000
a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {out}
a1.sinks.k1.sink.rollInterval = 0
"""


@pytest.fixture(scope="module")
def java_flume() -> JavaFlume:
    return require_java_flume()


class Relay:
    """The logs, and runners that take turns with them."""

    def __init__(self, work: Path, java: JavaFlume) -> None:
        self.work = work
        self.java = java
        self.turns = 0
        self.pending: list[str] = []
        (work / "logs").mkdir()

    def write(self, count: int) -> None:
        """Add lines to each log, behind what a turn before left unfinished; leave a last one unfinished."""
        for index, name in enumerate(NAMES):
            lines = [f"turn {self.turns} log {index} line {number}" for number in range(count)]
            unfinished = f"turn {self.turns} log {index} last line"
            with (self.work / "logs" / name).open("a") as log:
                log.write("".join(f"{line}\n" for line in ["", *lines][self.turns == 0 :]))
                log.write(unfinished)
            self.expected.update({index: [*self.left.get(index, []), *lines]})
            self.left[index] = [unfinished]

    expected: dict[int, list[str]]
    left: dict[int, list[str]]

    def ours(self, count: int) -> None:
        out, config = self.turn(count)
        code, agent = run_flume("run", config, "--until-idle", work=self.work / "agent")
        assert code == 0, agent.log()
        self.check(out)

    def theirs(self, count: int) -> None:
        out, config = self.turn(count)
        with self.java.agent(config, self.work / f"java-{self.turns}") as agent:
            wait_until(lambda: delivered(out) == self.expected, lambda: agent.log_text()[-3000:])
        self.check(out)

    def turn(self, count: int) -> tuple[Path, Path]:
        self.write(count)
        self.turns += 1
        out = self.work / f"out-{self.turns}"
        out.mkdir()
        config = self.work / f"flume-{self.turns}.conf"
        config.write_text(CONFIG.format(work=self.work, out=out))
        return out, config

    def check(self, out: Path) -> None:
        assert delivered(out) == self.expected
        positions = {
            entry["file"]: (entry["inode"], entry["pos"])
            for entry in json.loads((self.work / "position.json").read_bytes())
        }
        logs = [self.work / "logs" / name for name in NAMES]
        unfinished = {log: len(self.left[index][0]) for index, log in enumerate(logs)}
        assert positions == {
            str(log): (log.stat().st_ino, log.stat().st_size - unfinished[log]) for log in logs
        }
