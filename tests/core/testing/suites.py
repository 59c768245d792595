"""Runs a suite of the kit inside a test and tells what became of each of its tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from flume_core.testing import waiting

# The inner run is judged by its reports alone, and must leave the outer one's plugins as they are.
_OPTIONS = [
    "--assert=plain",
    "--import-mode=importlib",
    "--capture=no",
    "-Werror",
    *(f"-pno:{name}" for name in ("cacheprovider", "faulthandler", "logging", "terminal")),
]


class Outcomes:
    """A pytest plugin that keeps ``passed``, ``failed`` or ``skipped`` by test, and the messages."""

    def __init__(self) -> None:
        self.by_test: dict[str, str] = {}
        self.messages: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        if report.when == "call" or report.outcome != "passed":
            self.by_test[name] = report.outcome
            self.messages[name] = str(report.longrepr or "")

    def of(self, outcome: str) -> set[str]:
        """Return the tests with this outcome."""
        return {name for name, was in self.by_test.items() if was == outcome}


def run_suite(
    suite: type, folder: Path, tests: Sequence[str] = (), *, deadline: float = 1.0
) -> Outcomes:
    """Run a suite, or the tests named; waits that should be short are cut to ``deadline`` seconds."""
    # A name of its own: pytest would find a module of the same name loaded already, and two suites
    # of different kinds may have one name.
    file = folder / f"test_{suite.__module__.replace('.', '_')}_{suite.__qualname__}.py"
    file.write_text(f"from {suite.__module__} import {suite.__qualname__} as TestInner\n")
    outcomes = Outcomes()
    nodes = [f"{file}::TestInner::{name}" for name in tests] or [str(file)]
    # Settings of its own too: those of a folder above may need a plugin that is left out here.
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n")
    arguments = [
        *_OPTIONS,
        f"--config-file={settings}",
        f"--rootdir={folder}",
        f"--confcutdir={folder}",
        *nodes,
    ]
    with _undisturbed(), mock.patch.object(waiting, "DEADLINE", deadline):
        status = pytest.main(arguments, plugins=[outcomes])
    assert status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), status
    return outcomes


@contextmanager
def _undisturbed() -> Iterator[None]:
    trace = sys.gettrace()
    with mock.patch.dict(os.environ, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}):
        yield
    sys.settrace(trace)
