"""The tutorial's package, configuration and tests, taken from the page and used as they stand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, flume

TUTORIAL = ROOT / "docs" / "authors" / "tutorial.md"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip would install it."""
    folder = tmp_path_factory.mktemp("flume-audit")
    (toml,) = blocks(TUTORIAL, "toml")
    (code,) = (b for b in blocks(TUTORIAL, "python") if "class AuditSink" in b.text)
    (folder / "pyproject.toml").write_text(toml.text)
    (folder / "flume_audit.py").write_text(code.text)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", str(folder))
    (wheel,) = (folder / "dist").glob("*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run(*command: str, cwd: Path | None = None, path: Path | None = None) -> str:
    environ = {**os.environ, "PYTHONPATH": str(path)} if path else None
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_agent_writes_the_events(site: Path, tmp_path: Path) -> None:
    (block,) = blocks(TUTORIAL, "properties")
    file = tmp_path / "flume.conf"
    file.write_text(block.text.replace("audit.jsonl", str(tmp_path / "audit.jsonl")))

    done = flume("run", file, "--until-idle", environ={**os.environ, "PYTHONPATH": str(site)})

    assert done.returncode == 0, done.stderr
    written = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [each["body"] for each in written] == ["0", "1", "2", "3", "4"]
    assert all(each["host"] for each in written)


def test_its_tests_pass(site: Path, tmp_path: Path) -> None:
    (block,) = (b for b in blocks(TUTORIAL, "python") if "class TestAuditSink" in b.text)
    (tmp_path / "test_flume_audit.py").write_text(block.text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    said = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
        cwd=tmp_path,
        path=site,
    )

    assert " passed" in said
