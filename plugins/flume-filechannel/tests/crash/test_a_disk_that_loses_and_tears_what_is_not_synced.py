"""Nothing that was acknowledged is lost, whenever the power fails; see `simulated_disk`."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from filechannel_workload import SMALL, TINY, Workload, crash

from tests.support.scale import scaled

POINTS = 100
ONCE_FAILED = {9}
"""Seeds that found something; run in every scale."""


@pytest.mark.parametrize("seed", sorted({*range(scaled(20)), *ONCE_FAILED}))
def test_what_was_acknowledged_is_there_after_any_crash(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    workload = Workload(tmp_path, random, SMALL if seed % 4 == 3 else TINY)
    _crash_often(workload, random, f"seed {seed}")


@pytest.mark.parametrize("seed", range(scaled(5)))
def test_without_fsync_the_newest_commits_may_be_lost_and_nothing_else(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    workload = Workload(tmp_path, random, TINY, fsyncPerTransaction="false", fsyncInterval="3600")
    _crash_often(workload, random, f"seed {seed}")


def _crash_often(workload: Workload, random: Random, seed: str) -> None:
    for point in range(POINTS):
        calls = random.choice((3, 10, 30, 100))
        power_failed = random.random() < 0.75
        try:
            crash(workload, random.randrange(calls), power_failed=power_failed)
        except AssertionError as e:
            ended = "the power failed" if power_failed else "the process was killed"
            raise AssertionError(f"{seed}, crash point {point}, {ended}: {e}") from e
