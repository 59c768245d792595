"""Every defect a channel can have is found, by the test that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.testing.crashable_channel import CrashableChannel
from flume_core.testing.crashable_store import CrashableStore
from tests.core.testing.broken_channels import CAUGHT_BY, SUITES, BrokenChannelContract
from tests.core.testing.suites import run_suite


@pytest.mark.parametrize("defect", CAUGHT_BY, ids=lambda defect: defect.__name__)
def test_a_defect_is_found(tmp_path: Path, defect: type[CrashableChannel | CrashableStore]) -> None:
    wanted = CAUGHT_BY[defect]
    outcomes = run_suite(SUITES[defect], tmp_path, wanted)
    assert outcomes.of("failed") == set(wanted), outcomes.messages


def test_the_tests_that_find_them_pass_a_channel_without_defect(tmp_path: Path) -> None:
    tests = sorted({test for tests in CAUGHT_BY.values() for test in tests})
    outcomes = run_suite(BrokenChannelContract, tmp_path, tests, deadline=15)
    assert outcomes.of("passed") == set(tests), outcomes.messages
