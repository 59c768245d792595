"""What the README and the other pages say about components, commands, files and configurations."""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

import pytest

from flume_core._cli.commands import flume_parser
from tests.docs.pages import README, ROOT, Block, blocks, flume, pages, prose

DOCS = [page for page in pages() if page == README or page.is_relative_to(ROOT / "docs")]
CONFIGURATIONS = [
    block for page in DOCS for block in blocks(page, "properties") if ".type =" in block.text
]
TYPES_OF_AUTHORS = re.compile(r"flume_webhook|= (webhook|sqlite|audit)$", re.MULTILINE)
SUFFIXES = (".py", ".toml", ".md", ".conf", ".txt")
IMAGINED = {  # what readers make themselves
    "__init__.py",
    "flume_audit.py",
    "test_flume_audit.py",
    "flume_webhook.py",
    "webhook.conf",
    "flume.conf",
    "pyproject.toml",
    "agent.conf",
    "agent.toml",
}


def announced() -> set[str]:
    files = [ROOT / "core" / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    projects = [tomllib.loads(file.read_text())["project"] for file in files]
    groups = [group for project in projects for group in project["entry-points"].items()]
    return {
        name
        for kind, names in groups
        for name in names
        if kind != "flume.hooks" and not name.startswith("org.apache.")
    }


def test_the_table_of_components_is_that_of_our_distributions() -> None:
    section = README.read_text().partition("## What there is")[2].partition("\n## ")[0]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}

    assert named == announced()


def test_the_licence_and_the_foundation_are_mentioned() -> None:
    text = " ".join(README.read_text().split())

    assert "Apache License 2.0" in text
    assert "not affiliated with" in text
    assert "trademarks of the Apache Software Foundation" in text


@pytest.mark.parametrize(
    "block", [b for b in CONFIGURATIONS if not TYPES_OF_AUTHORS.search(b.text)], ids=str
)
def test_configurations_pass_the_check(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "flume.conf"
    file.write_text(block.text)

    done = flume("check", file)

    assert done.returncode == 0, f"{block}:\n{done.stdout}{done.stderr}"


def test_there_are_configurations_to_check() -> None:
    assert len(CONFIGURATIONS) >= 3


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_commands_of_flume_exist(page: Path) -> None:
    parser = flume_parser(hooks=True)
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    text = re.sub(r"(?s)## What is not there yet.*?\n## ", "", page.read_text())

    for command in re.findall(r"(?:^    |`)flume ([a-z]+)\b", text, re.MULTILINE):
        assert command in action.choices, f"{page.name} names flume {command}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_files_of_the_repository_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`([\w./-]+)`", prose(page)):
        if not name.endswith(SUFFIXES) or name in IMAGINED or name.startswith(("/", "~", ".")):
            continue
        assert _exists(name, page), f"{page.name} names {name}"


def _exists(name: str, page: Path) -> bool:
    return any((folder / name).exists() for folder in (ROOT, page.parent, ROOT / "core" / "src"))


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_commands_of_the_clone_exist(page: Path) -> None:
    known = {"demo", "test", "bench", "setup", "clean"}
    sessions = set(
        re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    )
    text = page.read_text()

    assert set(re.findall(r"dev\.py ([a-z]+)", text)) <= known
    assert set(re.findall(r"nox -s ([a-z]+)", text)) <= sessions
