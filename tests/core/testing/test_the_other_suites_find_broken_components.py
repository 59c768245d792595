"""Defects of the life cycle, of the configuration model and of interceptors are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flume_core.component import Component
from tests.core.testing.broken_components import (
    CAUGHT_BY,
    SUITES,
    BrokenInterceptorContract,
    GoodEventInterceptorContract,
)
from tests.core.testing.suites import run_suite


@pytest.mark.parametrize("defect", CAUGHT_BY, ids=lambda defect: defect.__name__)
def test_a_defect_is_found(tmp_path: Path, defect: type[Component[Any]]) -> None:
    wanted = CAUGHT_BY[defect]
    outcomes = run_suite(SUITES[defect], tmp_path, wanted)
    assert outcomes.of("failed") == set(wanted), outcomes.messages


@pytest.mark.parametrize("suite", [BrokenInterceptorContract, GoodEventInterceptorContract])
def test_an_interceptor_without_defect_passes(
    tmp_path: Path, suite: type[BrokenInterceptorContract]
) -> None:
    outcomes = run_suite(suite, tmp_path, deadline=15)
    assert not outcomes.of("failed"), outcomes.messages
    assert outcomes.of("skipped") == {"test_its_type_leads_to_the_class"}
    assert "no type" in outcomes.messages["test_its_type_leads_to_the_class"]
