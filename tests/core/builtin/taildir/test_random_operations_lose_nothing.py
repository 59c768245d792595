"""Everything that can happen to files, at random, against a model that knows every line written."""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from flume_core.batch import EventBatch
from flume_core.errors import ChannelFull
from flume_core.source import Status
from flume_core.transaction import Progress
from tests.core.builtin.taildir.rig import Channel, Rig
from tests.support.scale import scaled

pytestmark = pytest.mark.torture

STEPS = 150
NAMES = ("a.log", "b.log", "c.log", "d.log")


class Killed(BaseException):
    """The end of the process in the middle of a commit."""


class RandomChannel(Channel):
    """Refuses at random; at some commits the process is killed, before or after them."""

    def __init__(self, chance: random.Random, *, keeps_progress: bool) -> None:
        super().__init__(keeps_progress=keeps_progress)
        self.chance = chance
        self.refusing = self.killing = False

    def emit(self, batch: EventBatch, progress: Progress | None = None) -> None:
        if self.refusing and self.chance.random() < 0.3:
            raise ChannelFull("no room")
        if self.killing and self.chance.random() < 0.1:
            raise Killed
        super().emit(batch, progress)
        if self.killing and self.chance.random() < 0.1:
            raise Killed


class Torture:
    """One random history. ``crashes``: whether the process may be killed in it."""

    def __init__(self, directory: Path, seed: int, *, keeps_progress: bool, crashes: bool) -> None:
        self.chance = random.Random(seed)
        self.crashes = crashes
        self.rig = Rig(
            directory,
            keeps_progress=keeps_progress,
            batchSize=str(self.chance.choice((1, 2, 3, 10, 100))),
            maxBatchCount=str(self.chance.choice((1, 3, 1000))),
            idleTimeout="1000000",
            fileHeader="true",
        )
        self.channel = RandomChannel(self.chance, keeps_progress=keeps_progress)
        self.rig.channel = self.channel
        self.rig.make()
        self.rig.start()
        self.written: list[str] = []
        self.unfinished: dict[str, str] = {}
        self.read_since_new: set[str] = set()
        self.rotated: list[str] = []
        self.contents: dict[str, str] = {}
        """What a file holds, by its name; stays with it when it is renamed."""
        self.numbers = count()

    def run(self) -> None:
        steps = (
            [self.append] * 6
            + [self.poll] * 6
            + [
                self.begin_line,
                self.rename,
                self.rotate,
                self.late_line,
                self.truncate,
                self.delete,
                self.restart,
                self.idle,
                self.save,
            ]
        )
        if self.crashes:
            steps += [self.crash] * 3
        for _ in range(STEPS):
            self.chance.choice(steps)()
        for name in tuple(self.unfinished):
            self.append(name)
        self.catch_up()

    # --- what the writer does

    def present(self) -> list[str]:
        return [name for name in NAMES if self.rig.path(name).exists()]

    def line(self, name: str) -> str:
        padding = "x" * self.chance.choice((0, 5, 50, 700))
        self.written.append(f"{len(self.written)} of {self.contents[name]} {padding}")
        return self.written[-1]

    def new_contents(self, name: str) -> None:
        self.contents[name] = f"contents {next(self.numbers)}"

    def append(self, name: str = "") -> None:
        name = name or self.chance.choice(NAMES)
        if not self.rig.path(name).exists():
            self.new_contents(name)
        text = self.unfinished.pop(name, "")
        text += "".join(self.line(name) + "\n" for _ in range(self.chance.randrange(8)))
        if text:
            self.rig.write(name, text)

    def begin_line(self) -> None:
        names = [name for name in self.present() if name not in self.unfinished]
        if names:
            name = self.chance.choice(names)
            line = self.line(name) + "\n"
            cut = self.chance.randrange(1, len(line))
            self.rig.write(name, line[:cut])
            self.unfinished[name] = line[cut:]

    def rename(self) -> None:
        names = self.present()
        free = [name for name in NAMES if name not in names]
        if names and free:
            old, new = self.chance.choice(names), self.chance.choice(free)
            self.rig.rename(old, new)
            self.contents[new] = self.contents.pop(old)
            if old in self.unfinished:
                self.unfinished[new] = self.unfinished.pop(old)
            if old in self.read_since_new:
                self.read_since_new.discard(old)
                self.read_since_new.add(new)

    def rotate(self) -> None:
        # A file that nothing on disk knows yet cannot be found under a name that does not match.
        known = [n for n in self.present() if n in self.read_since_new and n not in self.unfinished]
        if known:
            name = self.chance.choice(known)
            new = f"{name}.{len(self.rotated)}"
            self.rig.rename(name, new)
            self.rotated.append(new)
            self.contents[new] = self.contents.pop(name)
            self.read_since_new.discard(name)

    def late_line(self) -> None:
        if self.rotated:
            self.rig.write(self.rotated[-1], self.line(self.rotated[-1]) + "\n")

    def truncate(self) -> None:
        names = [name for name in self.present() if name not in self.unfinished]
        if names:
            self.catch_up()
            name = self.chance.choice(names)
            self.new_contents(name)
            text = "".join(self.line(name) + "\n" for _ in range(self.chance.randrange(12)))
            self.rig.rewrite(name, text)
            self.read_since_new.discard(name)

    def delete(self) -> None:
        names = [name for name in self.present() if name not in self.unfinished]
        if names:
            self.catch_up()
            name = self.chance.choice(names)
            self.rig.path(name).unlink()
            self.read_since_new.discard(name)

    # --- what the agent does

    def poll(self) -> None:
        self.channel.refusing, self.channel.killing = True, self.crashes
        try:
            for _ in range(self.chance.randrange(8)):
                with suppress(ChannelFull):
                    self.rig.source.poll()
        except Killed:
            self.channel.refusing = self.channel.killing = False
            self.rig.crash()
        self.channel.refusing = self.channel.killing = False

    def catch_up(self) -> None:
        quiet = 0
        while quiet < 2:
            quiet = quiet + 1 if self.rig.source.poll() is Status.BACKOFF else 0

    def save(self) -> None:
        self.catch_up()
        self.rig.clock.now += 5
        self.catch_up()
        self.read_since_new.update(
            name for name in self.present() if os.path.getsize(self.rig.path(name))
        )

    def idle(self) -> None:
        if not self.unfinished:
            self.catch_up()
            self.rig.clock.now += 2000
            self.catch_up()
            self.rotated.clear()  # these are forgotten now

    def restart(self) -> None:
        self.rig.restart()

    def crash(self) -> None:
        self.rig.crash()


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def history(directory: Path, seed: int, *, keeps_progress: bool, crashes: bool) -> Torture:
    torture = Torture(directory, seed, keeps_progress=keeps_progress, crashes=crashes)
    torture.run()
    torture.rig.source.stop()
    return torture


def by_contents(lines: list[str]) -> dict[str, list[str]]:
    """Return the lines of each file in their order; between files there is none."""
    files: dict[str, list[str]] = {}
    for line in lines:
        files.setdefault(line.split(" of ")[1].rstrip("x "), []).append(line)
    return files


@pytest.mark.parametrize("seed", range(scaled(200)))
@pytest.mark.parametrize("keeps_progress", [False, True])
def test_without_a_crash_every_line_comes_exactly_once_and_in_order(
    tmp_path: Path, seed: int, keeps_progress: bool
) -> None:
    torture = history(tmp_path, seed, keeps_progress=keeps_progress, crashes=False)
    assert Counter(torture.channel.lines) == Counter(torture.written)
    assert by_contents(torture.channel.lines) == by_contents(torture.written)


@pytest.mark.parametrize("seed", range(scaled(200)))
def test_with_crashes_and_kept_progress_every_line_comes_exactly_once_and_in_order(
    tmp_path: Path, seed: int
) -> None:
    torture = history(tmp_path, seed, keeps_progress=True, crashes=True)
    assert Counter(torture.channel.lines) == Counter(torture.written)
    assert by_contents(torture.channel.lines) == by_contents(torture.written)


@pytest.mark.parametrize("seed", range(scaled(200)))
def test_with_crashes_and_a_position_file_alone_every_line_comes_at_least_once(
    tmp_path: Path, seed: int
) -> None:
    torture = history(tmp_path, seed, keeps_progress=False, crashes=True)
    assert set(torture.channel.lines) == set(torture.written)
