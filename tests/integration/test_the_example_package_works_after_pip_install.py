"""The example plugin, installed by pip beside the core and by nothing else, is found by its type."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "flume-example-sink"
CONSTRAINTS = ROOT / "constraints" / "dev.txt"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, status: int = 0) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == status, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheels of core and example, and what they ask for."""
    directory = tmp_path_factory.mktemp("environment")
    for folder in (ROOT / "core", EXAMPLE):
        build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
        run(*build, directory / "dist", folder)
    run(sys.executable, "-m", "venv", directory / "venv")
    commands = directory / "venv" / "bin"
    pip = [commands / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    core, example = sorted((directory / "dist").glob("*.whl"))
    run(*pip, "-c", CONSTRAINTS, core, example)
    run(*pip, "-c", CONSTRAINTS, f"{core}[testing]")
    return commands


def test_an_agent_finds_it_by_its_type_and_delivers_to_it(
    environment: Path, tmp_path: Path
) -> None:
    database, configuration = tmp_path / "events.db", tmp_path / "flume.conf"
    configuration.write_text(
        f"""
        a1.sources = r1
        a1.channels = c1
        a1.sinks = k1
        a1.sources.r1.type = seq
        a1.sources.r1.batchSize = 50
        a1.sources.r1.totalEvents = 1000
        a1.sources.r1.channels = c1
        a1.sources.r1.interceptors = i1
        a1.sources.r1.interceptors.i1.type = static
        a1.sources.r1.interceptors.i1.key = dc
        a1.sources.r1.interceptors.i1.value = eu
        a1.channels.c1.type = memory
        a1.channels.c1.capacity = 1000
        a1.sinks.k1.type = sqlite
        a1.sinks.k1.path = {database}
        a1.sinks.k1.channel = c1
        """
    )
    run(environment / "flume", "run", configuration, "--until-idle")

    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT body, headers FROM events ORDER BY rowid").fetchall()
    assert [body for body, _ in rows] == [b"%d" % number for number in range(1000)]
    assert {headers for _, headers in rows} == {json.dumps({"dc": "eu"})}


def test_the_command_line_knows_it_and_its_package(environment: Path) -> None:
    listed = run(environment / "flume", "components")
    (line,) = (line for line in listed.splitlines() if " sqlite " in f" {line} ")
    assert "flume-example-sink" in line
    assert "path" in run(environment / "flume", "components", "sqlite")


def test_a_mistake_in_its_properties_is_reported_like_any_other(
    environment: Path, tmp_path: Path
) -> None:
    configuration = tmp_path / "flume.conf"
    configuration.write_text(
        "a1.sources = r1\na1.channels = c1\na1.sinks = k1\n"
        "a1.sources.r1.type = seq\na1.sources.r1.channels = c1\na1.channels.c1.type = memory\n"
        "a1.sinks.k1.type = sqlite\na1.sinks.k1.channel = c1\na1.sinks.k1.pth = events.db\n"
    )
    said = subprocess.run(
        [environment / "flume", "check", configuration], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert f"{configuration}:9" in said.stdout + said.stderr
    assert "path" in said.stdout + said.stderr


def test_it_passes_the_suite_there(environment: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    shutil.copytree(EXAMPLE / "tests", tests, ignore=shutil.ignore_patterns("__pycache__"))
    pytest_ = [environment / "python", "-m", "pytest", "-q", "-Werror", "-pno:cacheprovider"]
    said = run(*pytest_, f"--rootdir={tmp_path}", tests)
    assert " passed" in said
    assert "failed" not in said


def test_its_source_has_at_most_fifteen_lines() -> None:
    text = (EXAMPLE / "src" / "flume_example_sink" / "__init__.py").read_text()
    code = [line for line in text.splitlines() if line.strip() and not line.startswith('"""')]
    assert len(code) <= 15
