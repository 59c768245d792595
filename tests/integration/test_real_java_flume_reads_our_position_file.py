"""Logs change hands between our taildir and the real one; both use one position file.

No line is lost or repeated.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.agent_process import PATIENCE, rolled, run_flume
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
    """The logs, and the two runners that take turns with them."""

    def __init__(self, work: Path, java: JavaFlume) -> None:
        self._work = work
        self._java = java
        self._turn = 0
        self._unfinished = [""] * len(NAMES)
        self._expected: list[list[str]] = [[] for _ in NAMES]
        (work / "logs").mkdir()

    def ours(self) -> None:
        """Let our agent have the next lines."""
        out, config = self._begin()
        code, agent = run_flume("run", config, "--until-idle", work=self._work / "agent")
        assert code == 0, agent.log()
        self._check(out)

    def theirs(self) -> None:
        """Let the real Flume have the next lines."""
        out, config = self._begin()
        with self._java.agent(config, self._work / f"java-{self._turn}") as agent:
            deadline = time.monotonic() + PATIENCE
            while len(rolled(out).splitlines()) < sum(map(len, self._expected)):
                assert time.monotonic() < deadline, agent.log_text()[-3000:]
                time.sleep(0.02)
        self._check(out)

    def _begin(self) -> tuple[Path, Path]:
        """Write lines to all logs, the last one unfinished; a turn begins with the rest of that."""
        self._turn += 1
        for index, name in enumerate(NAMES):
            start = f"turn {self._turn} log {index}"
            lines = [f"{start} line {number}" for number in range(250)]
            rest = self._unfinished[index]
            ending = f"{start} last line"
            with (self._work / "logs" / name).open("a") as log:
                log.write("".join([*["\n"] * bool(rest), *(f"{line}\n" for line in lines), ending]))
            self._expected[index] = [*[rest] * bool(rest), *lines]
            self._unfinished[index] = ending
        out = self._work / f"out-{self._turn}"
        out.mkdir()
        config = self._work / f"flume-{self._turn}.conf"
        config.write_text(CONFIG.format(work=self._work, out=out))
        return out, config

    def _check(self, out: Path) -> None:
        got: list[list[str]] = [[] for _ in NAMES]
        for line in rolled(out).decode().splitlines():
            got[int(line.split()[3])].append(line)
        assert got == self._expected
        entries = json.loads((self._work / "position.json").read_bytes())
        positions = {entry["file"]: (entry["inode"], entry["pos"]) for entry in entries}
        expected = {}
        for log, unfinished in zip(self._logs(), self._unfinished, strict=True):
            found = log.stat()
            expected[str(log)] = (found.st_ino, found.st_size - len(unfinished))
        assert positions == expected

    def _logs(self) -> list[Path]:
        return [self._work / "logs" / name for name in NAMES]


def test_the_real_flume_goes_on_where_ours_stopped_and_ours_where_that_did(
    java_flume: JavaFlume, tmp_path: Path
) -> None:
    relay = Relay(tmp_path, java_flume)
    relay.ours()
    relay.theirs()
    relay.ours()


def test_ours_goes_on_where_the_real_flume_began(java_flume: JavaFlume, tmp_path: Path) -> None:
    relay = Relay(tmp_path, java_flume)
    relay.theirs()
    relay.ours()
    relay.ours()
    relay.theirs()
