"""Each requirement of the specification names tests that the kit has."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

SPECIFICATION = ROOT / "docs" / "component-spec.md"
KIT = ROOT / "core" / "src" / "flume_core" / "testing"


def known_to_the_kit() -> set[str]:
    text = "\n".join(file.read_text() for file in KIT.glob("*.py"))
    return set(re.findall(r"^    def (test_\w+)\(", text, re.MULTILINE))


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", SPECIFICATION.read_text()))

    assert named
    assert not named - known_to_the_kit()


def test_every_requirement_in_a_table_names_a_test_or_says_that_there_is_none() -> None:
    rows = [row for row in SPECIFICATION.read_text().splitlines() if row.startswith("| ")]
    musts = [row for row in rows if " MUST " in row]

    assert musts
    assert not [row for row in musts if "`test_" not in row and "not checked" not in row]
