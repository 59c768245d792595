"""``flume channel import``: complete, in order, once however often it is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flume_core._cli.commands import run_command
from flume_core.testing import make_channel
from flume_filechannel.channel import FileChannel


@pytest.fixture
def into(tmp_path: Path) -> list[str]:
    return ["--checkpoint-dir", str(tmp_path / "checkpoint"), "--data-dirs", str(tmp_path / "ours")]


def arrived(tmp_path: Path) -> list[bytes]:
    """What our channel holds."""
    settings = {"checkpointDir": str(tmp_path / "checkpoint"), "dataDirs": str(tmp_path / "ours")}
    channel = make_channel(FileChannel, settings)
    channel.start()
    try:
        with channel.transaction() as tx:
            bodies = tx.take(1000).bodies()
            tx.rollback()
    finally:
        channel.stop()
    return bodies


def expected(vectors: dict[str, Any]) -> list[bytes]:
    return [take["body"].encode() for take in vectors["expected_after_restart"]["takes_in_order"]]


def test_what_waits_is_copied_in_order(
    tmp_path: Path,
    into: list[str],
    recorded: Callable[[], tuple[Path, Path]],
    vectors: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, _ = recorded()
    before = {path: path.read_bytes() for path in data.iterdir()}

    assert run_command(["channel", "import", str(data), *into]) == 0
    assert arrived(tmp_path) == expected(vectors)
    assert "waiting events are in" in capsys.readouterr().out
    after = {path: path.read_bytes() for path in data.iterdir() if path.name != "in_use.lock"}
    assert after == before


def test_a_second_import_adds_nothing(
    tmp_path: Path,
    into: list[str],
    recorded: Callable[[], tuple[Path, Path]],
    vectors: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, _ = recorded()
    for _ in range(2):
        assert run_command(["channel", "import", str(data), *into]) == 0
    assert arrived(tmp_path) == expected(vectors)
    assert "were copied before" in capsys.readouterr().err


def test_a_directory_without_a_java_channel_is_named(
    tmp_path: Path, into: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["channel", "import", str(tmp_path / "nothing"), *into]) == 3
    assert "nothing" in capsys.readouterr().err


def test_a_key_store_needs_its_password(
    tmp_path: Path,
    into: list[str],
    recorded: Callable[[], tuple[Path, Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, _ = recorded()
    assert run_command(["channel", "import", str(data), *into, "--key-store", "keys.jceks"]) == 1
    assert "--key-store-password-file" in capsys.readouterr().err
