"""Every defect a sink can have is found, by the test that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.config.model import SinkConfig
from flume_core.sink import Sink
from tests.core.testing.broken_sinks import (
    CAUGHT_BY,
    SUITES,
    BrokenSinkContract,
    GoodBatchSinkContract,
    GoodEventSinkContract,
)
from tests.core.testing.suites import run_suite

MAY_SKIP = {
    "test_its_type_leads_to_the_class",
    "test_a_stop_after_a_failed_start_is_harmless",
    "test_its_counters_say_what_was_delivered",
}


@pytest.mark.parametrize("defect", CAUGHT_BY, ids=lambda defect: defect.__name__)
def test_a_defect_is_found(tmp_path: Path, defect: type[Sink[SinkConfig]]) -> None:
    wanted = CAUGHT_BY[defect]
    outcomes = run_suite(SUITES[defect], tmp_path, wanted)
    assert outcomes.of("failed") == set(wanted), outcomes.messages


@pytest.mark.parametrize(
    "suite", [BrokenSinkContract, GoodBatchSinkContract, GoodEventSinkContract]
)
def test_a_sink_without_defect_passes(tmp_path: Path, suite: type[BrokenSinkContract]) -> None:
    outcomes = run_suite(suite, tmp_path, deadline=15)
    assert not outcomes.of("failed"), outcomes.messages
    assert outcomes.of("skipped") <= MAY_SKIP
