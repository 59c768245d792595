"""The page of all properties is what the configuration models say."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_reference", ROOT / "docs" / "generate_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_components_is_current(generator: ModuleType) -> None:
    written = (ROOT / "docs" / "reference" / "components.md").read_text(encoding="utf-8")

    assert written == generator.page(), "run python docs/generate_reference.py"


def test_the_page_has_names_properties_defaults_and_units(generator: ModuleType) -> None:
    page = generator.page()

    assert "org.apache.flume.source.taildir.TaildirSource" in page
    assert "| `keep-alive` | `3` | s | how long a commit waits for room |" in page
    assert "| `sink.directory` | required |" in page
