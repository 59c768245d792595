"""The import contracts of the root pyproject hold, and each of them catches a violation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.distributions import CORE, ROOT

PACKAGE = CORE / "src" / "flume_core"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the core's sources, with an empty module wherever a layer is still to come."""
    copy = tmp_path / "flume_core"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_builtin", "_cli", "_plugins", "_runtime", "testing"):
        (copy / name).mkdir(exist_ok=True)
        (copy / name / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return copy


def lint(sources: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    return subprocess.run(
        [*command, "--no-cache"],
        cwd=sources.parent,
        env=os.environ | {"PYTHONPATH": str(sources.parent), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_core_keeps_its_import_contracts(sources: Path) -> None:
    outcome = lint(sources)

    assert outcome.returncode == 0, outcome.stdout


VIOLATIONS = [
    ("event.py", "import flume_core.batch", "Modules import only from the layers below"),
    ("channel.py", "import flume_core._runtime", "Modules import only from the layers below"),
    ("_cli/intruder.py", "import flume_core.testing", "Modules import only from the layers below"),
    ("surprise.py", "", "Modules import only from the layers below"),
    ("_runtime/intruder.py", "import flume_core._builtin", "The machinery finds built-in"),
    ("_builtin/intruder.py", "import flume_core._plugins", "Built-in components use"),
    ("metrics.py", "from flume_core import Event", "Our own modules import from where"),
    ("_runtime/intruder.py", "import fastavro", "The core imports no plugin"),
]


@pytest.mark.parametrize(("module", "code", "contract"), VIOLATIONS)
def test_a_violation_breaks_its_contract(
    sources: Path, module: str, code: str, contract: str
) -> None:
    with (sources / module).open("a") as file:
        file.write(f"\n{code}\n")

    outcome = lint(sources)

    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    broken = [line for line in outcome.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), outcome.stdout
