"""Every defect a source can have is found, by the test that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.testing.broken_sources import (
    CAUGHT_BY,
    SUITES,
    BrokenSourceContract,
    GoodSource,
)
from tests.core.testing.suites import run_suite

MAY_SKIP = {
    "test_its_type_leads_to_the_class",
    "test_a_stop_after_a_failed_start_is_harmless",
    "test_it_works_on_after_the_peer_was_told_of_a_refusal",
}


@pytest.mark.parametrize("defect", CAUGHT_BY, ids=lambda defect: defect.__name__)
def test_a_defect_is_found(tmp_path: Path, defect: type[GoodSource]) -> None:
    wanted = CAUGHT_BY[defect]
    outcomes = run_suite(SUITES[defect], tmp_path, wanted)
    assert outcomes.of("failed") == set(wanted), outcomes.messages


def test_a_source_without_defect_passes(tmp_path: Path) -> None:
    outcomes = run_suite(BrokenSourceContract, tmp_path, deadline=15)
    assert not outcomes.of("failed"), outcomes.messages
    assert outcomes.of("skipped") <= MAY_SKIP
