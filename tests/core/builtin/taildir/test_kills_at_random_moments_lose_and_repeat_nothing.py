from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.core.builtin.taildir.agent_to_be_killed import records
from tests.support.scale import scaled

ROOT = Path(__file__).parents[4]


class Writer:
    """Writes numbered lines to one log and rotates it away under names that do not match."""

    def __init__(self, logs: Path) -> None:
        self.log = logs / "a.log"
        self.count = 0
        self.first = 0
        """The number of the first line in the log."""
        self.rotations = 0

    def write(self, count: int) -> None:
        with open(self.log, "a") as file:
            for _ in range(count):
                file.write(f"line {self.count}\n")
                self.count += 1

    def rotate(self) -> None:
        self.rotations += 1
        os.rename(self.log, f"{self.log}.{self.rotations}")
        self.first = self.count


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_source_that_is_killed_again_and_again_delivers_every_line_once(tmp_path: Path) -> None:
    chance = random.Random(7)
    channel = tmp_path / "channel"
    (tmp_path / "logs").mkdir()
    writer = Writer(tmp_path / "logs")
    for _ in range(scaled(50)):
        agent = start(tmp_path, channel)
        try:
            writer.write(chance.randrange(1, 500))
            wait_for_growth(channel, agent)
            deadline = time.monotonic() + chance.random() * 0.1
            while time.monotonic() < deadline:
                writer.write(chance.randrange(200))
                # A file of which nothing was delivered is not known under another name after a kill.
                if chance.random() < 0.05 and b'"line %d"' % writer.first in channel.read_bytes():
                    writer.write(chance.randrange(200))
                    writer.rotate()
        finally:
            agent.send_signal(signal.SIGKILL)
            agent.wait()
    (tmp_path / "stop").touch()
    last = start(tmp_path, channel)
    assert last.wait(60) == 0
    assert writer.rotations
    got = delivered(channel)
    assert sorted(got) == sorted(f"line {number}" for number in range(writer.count))


def start(directory: Path, channel: Path) -> subprocess.Popen[bytes]:
    module = "tests.core.builtin.taildir.agent_to_be_killed"
    return subprocess.Popen([sys.executable, "-m", module, str(directory), str(channel)], cwd=ROOT)


def wait_for_growth(channel: Path, agent: subprocess.Popen[bytes]) -> None:
    before = channel.stat().st_size if channel.exists() else 0
    deadline = time.monotonic() + 60
    while not channel.exists() or channel.stat().st_size == before:
        assert agent.poll() is None, "the agent ended by itself"
        assert time.monotonic() < deadline, "the agent delivers nothing"


def delivered(channel: Path) -> list[str]:
    lines: list[str] = []
    for record in records(channel):
        lines += record["lines"]
    return lines
