"""What a clone promises: no lock files, no index addresses, pins by name and version, small needs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.distributions import CORE, ROOT, folders, project

LOCK_FILES = {
    "Pipfile.lock",
    "package-lock.json",
    "pdm.lock",
    "poetry.lock",
    "pylock.toml",
    "uv.lock",
}
# Spelled apart, or this file would be what it looks for.
REGISTRIES = ("py" + "pi", "python" + "hosted", "ma" + "ven", "npm" + "js", "cra" + "tes.io")
ADDRESS = re.compile(r"https?://[^\s\"'<>/]*(" + "|".join(REGISTRIES) + ")", re.IGNORECASE)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files of the repository, and those that are about to join it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: the list of tracked files is what is checked")
    files = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    return [file for file in files if file.is_file()]


def test_no_lock_file_is_tracked(tracked: list[Path]) -> None:
    assert (ROOT / "dev.py") in tracked
    assert not [file for file in tracked if file.name in LOCK_FILES or file.suffix == ".lock"]


def test_no_file_names_the_host_of_a_package_registry(tracked: list[Path]) -> None:
    named = [f for f in tracked if ADDRESS.search(f.read_text(encoding="utf-8", errors="replace"))]

    assert not named


def test_the_search_for_registry_hosts_finds_one() -> None:
    assert ADDRESS.search("index-url = https://" + "py" + "pi.org/simple")


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints" / "dev.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_constraints_are_names_and_versions_only() -> None:
    for name, version in pins().items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version)


def test_everything_that_is_installed_by_name_is_pinned() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    wanted = [entry for group in groups.values() for entry in group if isinstance(entry, str)]
    for folder in folders():
        wanted += project(folder)["dependencies"]
    names = {normal(re.split(r"[\[<>=; ]", need)[0]) for need in wanted}
    ours = {project(folder)["name"] for folder in folders()}

    assert not names - ours - {normal(name) for name in pins()}


def imported(file: Path) -> Iterator[str]:
    """The top-level names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def test_dev_py_needs_nothing_but_the_standard_library() -> None:
    assert set(imported(ROOT / "dev.py")) <= sys.stdlib_module_names


def test_an_old_python_can_read_dev_py_as_far_as_the_message_that_turns_it_away() -> None:
    # 3.7 is the oldest grammar that the parser knows.
    body = ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 7)).body

    kinds = [type(node) for node in body[:3]]
    assert kinds == [ast.Expr, ast.Import, ast.If], "docstring, import sys, version check"
    assert "needs Python 3.11" in ast.unparse(body[2])


def test_the_core_imports_only_what_it_declares() -> None:
    declared = {normal(re.split("[<>=]", need)[0]) for need in project(CORE)["dependencies"]}
    # What pydantic publishes as packages of their own, and shows in its models.
    allowed = declared | {"annotated-types", "pydantic-core", "typing-extensions", "flume-core"}
    foreign = {}
    for file in (CORE / "src").rglob("*.py"):
        extra = {"pytest", "hypothesis"} if "testing" in file.parts else set()
        names = {normal(name) for name in imported(file) if name not in sys.stdlib_module_names}
        if unknown := names - allowed - extra:
            foreign[file.name] = unknown

    assert not foreign


def test_every_distribution_has_the_licence_of_the_repository() -> None:
    licence = (ROOT / "LICENSE").read_bytes()

    assert b"Apache License" in licence
    assert all((folder / "LICENSE").read_bytes() == licence for folder in folders())
