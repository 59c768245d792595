"""Elsewhere a test without Java is skipped; CI, which promises the comparison, does not accept that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

IN_A_FIXTURE = """
import pytest

@pytest.fixture
def java():
    pytest.skip("skipped: no Java or Maven: no mvn on the PATH")

def test_it(java):
    pass
"""
BY_A_MARK = """
import pytest

@pytest.mark.skipif(True, reason="no Java or Maven")
def test_it():
    pass
"""
A_WHOLE_MODULE = """
import pytest

pytest.skip("no Java or Maven", allow_module_level=True)
"""
FOR_ANOTHER_REASON = """
import pytest

def test_it():
    pytest.skip("needs a second network card")
"""


def run_pytest(tmp_path: Path, test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_skipping.py").write_text(test)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CI", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.ci_skips"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env=inherited | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("test", [IN_A_FIXTURE, BY_A_MARK, A_WHOLE_MODULE])
def test_under_ci_a_test_skipped_for_want_of_java_fails_the_run(tmp_path: Path, test: str) -> None:
    outcome = run_pytest(tmp_path, test, CI="true")

    assert outcome.returncode not in (0, 5), outcome.stdout
    assert "no Java or Maven" in outcome.stdout
    assert "install Java and Maven" in outcome.stdout


@pytest.mark.parametrize("test", [IN_A_FIXTURE, BY_A_MARK])
def test_elsewhere_it_is_only_skipped(tmp_path: Path, test: str) -> None:
    outcome = run_pytest(tmp_path, test)

    assert outcome.returncode == 0, outcome.stdout
    assert "1 skipped" in outcome.stdout


def test_under_ci_a_test_may_still_be_skipped_for_another_reason(tmp_path: Path) -> None:
    outcome = run_pytest(tmp_path, FOR_ANOTHER_REASON, CI="true")

    assert outcome.returncode == 0, outcome.stdout
    assert "1 skipped" in outcome.stdout
