"""A pytest plugin: under CI, a test that was skipped because Java or Maven is missing has failed.

Elsewhere it is a skip. CI promises the comparison with the real Apache Flume; without it a green run
would mean less than it seems to.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

MISSING = "no Java or Maven"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _judged(report: Report) -> Report:
    if report.outcome == "skipped" and os.environ.get("CI") and MISSING in str(report.longrepr):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\nCI is set, where this is a failure: install Java and Maven."
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judged((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judged((yield))
