"""Examples that are whole programs or TOML configurations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks, flume

OPERATORS = ROOT / "docs" / "operators"


def test_the_program_that_embeds_an_agent_delivers_its_event() -> None:
    (block,) = blocks(OPERATORS / "running.md", "python")

    done = subprocess.run(
        [sys.executable, "-c", block.text], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout


def test_the_configuration_in_toml_is_complete(tmp_path: Path) -> None:
    (block,) = blocks(OPERATORS / "configuration.md", "toml")
    file = tmp_path / "flume.toml"
    file.write_text(block.text)

    done = flume("check", "--strict", file)

    assert done.returncode == 0, done.stdout
