"""Every step of the sink is a crash point: with a durable channel each event ends up in one file, once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import pytest

from flume_core._builtin.file_roll.sink import FileRollSink
from flume_core.errors import RetryableError
from flume_core.sink import Status
from tests.core.builtin.file_roll.simulation import (
    Crash,
    Forgetful,
    Inode,
    Plan,
    SimulatedChannel,
    SimulatedDisk,
)
from tests.core.builtin.file_roll.support import LOG, ManualClock, file_roll
from tests.support.scale import scaled

BODIES = [b"event-%03d" % n for n in range(20)]
FOREIGN = {"/out/1700000000123-2": b"not ours\n", "/out/1700000000123-2.open": b"not ours either\n"}

INTRUDER = b"an intruder\n"


@dataclass(frozen=True)
class Case:
    suffix: str = ""
    serializer: str = "text"
    intruder: bool = False

    def __str__(self) -> str:
        return f"{self.suffix or 'final'}-{self.serializer}{'-intruder' * self.intruder}"


CASES = [
    Case(),
    Case(suffix=".open"),
    Case(serializer="framed"),
    Case(suffix=".open", serializer="framed"),
    Case(intruder=True),
    Case(suffix=".open", intruder=True),
]

LOSSES = [
    ("killed", "all"),
    ("killed", "synced"),
    ("none", "synced"),
    ("none", "all"),
    ("all", "synced"),
    ("some", "some"),
]
"""What survives of the files, and of the commits in the channel."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOG, "disabled", True)  # thousands of runs, most with a failure


@dataclass
class World:
    """What outlives a process."""

    case: Case
    disk: SimulatedDisk
    channel: SimulatedChannel
    clock: ManualClock
    intruded: bool = False

    @classmethod
    def new(
        cls, case: Case, plan: Plan, channel: type[SimulatedChannel] = SimulatedChannel
    ) -> World:
        files = {path: Inode(data) for path, data in FOREIGN.items()}
        disk = SimulatedDisk(plan, files)
        disk.intruder = INTRUDER if case.intruder else None
        return cls(case, disk, channel(BODIES, plan), ManualClock())

    def sink(self) -> FileRollSink:
        settings = {"batchSize": "3", "serializer": self.case.serializer}
        settings["inUseSuffix"] = self.case.suffix
        return file_roll("/out", self.channel, settings, clock=self.clock, disk=self.disk)

    def run(self, *, before_stop: Callable[[], None] = lambda: None) -> None:
        """Let a sink write everything, rolling after each second batch; failures are retried."""
        sink = self.sink()
        batches = 0
        self._retry(sink.start)
        while self._retry(sink.process) is Status.READY:
            batches += 1
            self.clock.now += 20
        self.clock.now += 20
        self._retry(sink.process)
        before_stop()
        sink.stop()

    def _retry(self, call: Callable[[], Status | None]) -> Status | None:
        while True:
            try:
                return call()
            except RetryableError:
                self.clock.now += 5

    def after(self, failure: str, commits: str, plan: Plan, chance: Random) -> World:
        """Return what is left after a crash of the process or a power failure."""
        synced, written = self.channel.synced, len(self.channel.commits)
        kept = {"synced": synced, "all": written, "some": chance.randint(synced, written)}[commits]
        if failure == "killed":
            disk = self.disk.after_crash(plan)
        else:
            disk = self.disk.after_power_failure(plan, failure, chance)
        channel, clock = self.channel.after_crash(plan, kept), ManualClock(self.clock.now + 1)
        return World(self.case, disk, channel, clock, self.intruded or self.disk.intruded)

    def assert_exactly_once(self) -> None:
        foreign = dict(FOREIGN)
        delivered: list[bytes] = []
        intruders = 0
        for path in sorted(self.disk.files, key=_age):
            data = self.disk.files[path].data
            if path in foreign:
                assert data == foreign.pop(path), f"{path} is somebody else's and was changed"
            elif data == INTRUDER:
                intruders += 1
            else:
                assert not (self.case.suffix and path.endswith(self.case.suffix)), (
                    f"{path} is not renamed"
                )
                assert data, f"{path} is empty"
                delivered += self._events(data)
        assert delivered == BODIES
        assert not foreign, "a file of somebody else is gone"
        assert intruders == (self.intruded or self.disk.intruded), "an intruder is gone"
        assert self.channel.size() == 0
        assert self.channel.progress("sink.k1") == {}

    def _events(self, data: bytes) -> list[bytes]:
        if self.case.serializer == "framed":
            assert data.startswith(b"<\n")
            data = data.removeprefix(b"<\n").removesuffix(b">\n")
        assert data.endswith(b"\n")
        return data.split(b"\n")[:-1]


def _age(path: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", path)))


def crash_points(case: Case) -> Iterator[int]:
    plan = Plan()
    World.new(case, plan).run()
    yield from range(1, plan.step + 1)


def crashed(world: World) -> World:
    with pytest.raises(Crash):
        world.run()
    return world


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_a_crash_every_event_is_in_one_file(case: Case) -> None:
    world = World.new(case, Plan())
    world.run()
    world.assert_exactly_once()


@pytest.mark.parametrize(("failure", "commits"), LOSSES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_a_crash_at_any_step(case: Case, failure: str, commits: str) -> None:
    for at in crash_points(case):
        for seed in range(4 if failure == "some" else 1):
            plan = Plan(crash_at=at)
            world = crashed(World.new(case, plan))
            world = world.after(failure, commits, Plan(), Random(f"{at} {seed}"))
            world.run()
            world.assert_exactly_once()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_a_second_crash_while_the_first_is_repaired(case: Case) -> None:
    for at in crash_points(case):
        chance = Random(at)
        for second in chance.sample(range(1, 14), scaled(13)):
            failure, commits = chance.choice(LOSSES)
            world = crashed(World.new(case, Plan(crash_at=at)))
            world = world.after(failure, commits, Plan(crash_at=second), chance)
            try:
                world.run()
            except Crash:
                failure, commits = chance.choice(LOSSES)
                world = world.after(failure, commits, Plan(), chance)
                world.run()
            world.assert_exactly_once()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_failures_while_a_crash_is_repaired(case: Case) -> None:
    for at in crash_points(case):
        chance = Random(at)
        for first in chance.sample(range(1, 9), scaled(8)):
            failure, commits = chance.choice(LOSSES)
            world = crashed(World.new(case, Plan(crash_at=at)))
            plan = Plan(fail=frozenset(range(first, first + chance.randint(1, 5))))
            world = world.after(failure, commits, plan, chance)
            world.run(before_stop=plan.heal)
            world.assert_exactly_once()


@pytest.mark.parametrize("channel", [SimulatedChannel, Forgetful])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_failures_that_pass(case: Case, channel: type[SimulatedChannel]) -> None:
    for at in crash_points(case):
        for length in (1, 2, 3, 6):
            plan = Plan(fail=frozenset(range(at, at + length)), short_writes=length % 2 == 0)
            world = World.new(case, plan, channel)
            world.run(before_stop=plan.heal)
            world.assert_exactly_once()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_failures_that_last_until_the_stop(case: Case) -> None:
    for steps in range(1, 12):
        plan = Plan()
        world = World.new(case, plan)
        world.run(before_stop=lambda plan=plan, steps=steps: plan.break_down(steps))
        world = world.after("killed", "all", Plan(), Random(steps))
        world.run()
        world.assert_exactly_once()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_after_a_crash_while_failures_are_handled(case: Case) -> None:
    for at in crash_points(case):
        chance = Random(at)
        for later in chance.sample(range(1, 9), scaled(8)):
            failing = range(at, at + chance.randint(1, later))
            plan = Plan(crash_at=at + later, fail=frozenset(failing))
            world = World.new(case, plan)
            try:
                world.run()
            except Crash:
                world = world.after(*chance.choice(LOSSES), Plan(), chance)
                world.run()
                world.assert_exactly_once()
