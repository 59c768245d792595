"""taildir -> a channel that keeps progress -> file_roll loses nothing and repeats nothing.

Killed at every operation on the channel, at random lines of source, runtime and sink, and again and
again while it recovers; with the disk as a kill leaves it, and as a power failure does.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from flume_core._builtin.file_roll.files import Files
from flume_core._builtin.file_roll.ledger import Ledger
from flume_core.testing import CrashableChannel, CrashableStore, CrashPoints, sample
from tests.contracts.lossy_disk import LossyDisk, TornDisk
from tests.contracts.machine import Machine, at, random_lives
from tests.support import scale

pytestmark = pytest.mark.crash

MakeStore = Callable[[int], CrashableStore]
STORES: dict[str, MakeStore] = {
    "takes synced at once": lambda _: CrashableStore(),
    "takes synced late": lambda _: CrashableStore(lazy=True),
    "takes synced in part": lambda seed: CrashableStore(lazy=True, seed=seed),
}
stores = pytest.mark.parametrize("make_store", STORES.values(), ids=STORES)


@pytest.fixture
def seed() -> int:
    """A new seed, shown when the test fails; ``FLUME_TEST_SEED`` repeats one."""
    seed = int(os.environ.get("FLUME_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed = {seed}")  # noqa: T201 - pytest shows it with a failure
    return seed


def count_points(directory: Path, *, at_every_line: bool) -> int:
    machine, points = Machine(directory, CrashableStore()), CrashPoints()
    machine.run(iter([points]), at_every_line=at_every_line)
    machine.assert_moved_exactly_once()
    return points.passed


@pytest.mark.parametrize("kind", STORES)
def test_killed_at_every_operation_of_the_channel(tmp_path: Path, kind: str) -> None:
    operations = count_points(tmp_path / "count", at_every_line=False)
    assert operations > 100
    # Where time is short, each operation is tried with one of the stores instead of with all.
    step = 1 if scale.SCALE == "full" else len(STORES)
    for point in range(1 + list(STORES).index(kind) % step, operations + 1, step):
        machine = Machine(tmp_path / str(point), STORES[kind](point))
        struck = machine.run(at([point], machine), at_every_line=False)
        _check(machine, struck)
        assert machine.boots == 2


@stores
def test_killed_at_any_line(
    tmp_path: Path, make_store: MakeStore, seed: int, scaled: Callable[[int], int]
) -> None:
    lines = count_points(tmp_path / "count", at_every_line=True)
    offsets = random.Random(seed)
    for number, point in enumerate(sample(lines, scaled(200))):
        machine = Machine(tmp_path / str(number), make_store(seed + number))
        chosen = max(1, point - offsets.randrange(10))
        struck = machine.run(at([chosen], machine), at_every_line=True)
        _check(machine, struck)


@stores
@pytest.mark.parametrize("suffix", ["", ".tmp"])
def test_killed_again_and_again(
    tmp_path: Path, make_store: MakeStore, suffix: str, seed: int, scaled: Callable[[int], int]
) -> None:
    for number in range(scaled(60)):
        machine = Machine(tmp_path / str(number), make_store(seed + number), suffix=suffix)
        lives = random_lives(seed + number)
        struck = machine.run(at(lives, machine), at_every_line=True)
        _check(machine, struck, f"lives of {lives} lines, seed {seed + number}")


@stores
@pytest.mark.parametrize("disk_class", [LossyDisk, TornDisk])
def test_the_power_fails_again_and_again(
    tmp_path: Path,
    make_store: MakeStore,
    disk_class: type[LossyDisk],
    seed: int,
    scaled: Callable[[int], int],
) -> None:
    for number in range(scaled(60)):
        directory = tmp_path / str(number)
        disk = disk_class(directory / "out")
        machine = Machine(directory, make_store(seed + number), disk)
        lives = random_lives(seed + number)
        struck = machine.run(at(lives, machine, disk.power_fails), at_every_line=True)
        _check(machine, struck, f"lives of {lives} lines, seed {seed + number}")


def _sync_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LossyDisk, "sync", lambda disk, fd: None)


def _take_progress_for_none(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CrashableChannel, "progress", lambda channel, owner: {})


def _cut_nothing_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Files, "_cut", lambda *_: None)


def _commit_without_progress(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "ride", lambda ledger, *_: tuple(ledger._pending))


def _sync_no_commits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CrashableChannel, "sync", lambda channel: None)


@pytest.mark.parametrize(
    "spoil",
    [
        _sync_nothing,
        _take_progress_for_none,
        _cut_nothing_back,
        _commit_without_progress,
        _sync_no_commits,
    ],
)
def test_a_step_left_out_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], None]
) -> None:
    spoil(monkeypatch)

    def try_often() -> None:
        for seed in range(50):
            directory = tmp_path / str(seed)
            disk = LossyDisk(directory / "out")
            machine = Machine(directory, CrashableStore(lazy=True, seed=seed), disk)
            lives = random_lives(seed)
            _check(machine, machine.run(at(lives, machine, disk.power_fails), at_every_line=True))

    with pytest.raises(AssertionError, match="killed at"):
        try_often()


def test_the_disk_really_loses_what_is_not_synced(tmp_path: Path) -> None:
    disk = LossyDisk(tmp_path)
    kept, lost = (str(tmp_path / name) for name in ("kept", "lost"))
    fd = disk.create(kept)
    disk.write(fd, b"safe")
    disk.sync(fd)
    disk.sync_directory(str(tmp_path))
    disk.write(fd, b" not safe")
    disk.close(fd)
    disk.close(disk.create(lost))
    disk.rename(kept, kept + "2")
    disk.power_fails()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"kept": b"safe"}


def _check(machine: Machine, struck: list[str], about: str = "") -> None:
    try:
        machine.assert_moved_exactly_once()
    except AssertionError as error:
        where = "\n  ".join(itertools.chain(struck, [about]))
        raise AssertionError(f"killed at\n  {where}\n{error}") from None
