from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.core.builtin.file_roll.support import (
    LOG,
    ManualClock,
    contents,
    drain,
    file_roll,
    fill,
    memory_channel,
)

SETTINGS = {"inUseSuffix": ".open"}


def test_it_is_dropped_when_the_file_is_complete(tmp_path: Path) -> None:
    clock, channel = ManualClock(1.0), memory_channel(b"one")
    sink = file_roll(tmp_path, channel, SETTINGS | {"pathManager.extension": "log"}, clock=clock)
    sink.start()
    drain(sink)
    assert contents(tmp_path) == {"1000-1.log.open": b"one\n"}
    clock.now += 30
    fill(channel, b"two")
    drain(sink)
    assert contents(tmp_path) == {"1000-1.log": b"one\n", "1000-2.log.open": b"two\n"}
    sink.stop()
    assert contents(tmp_path) == {"1000-1.log": b"one\n", "1000-2.log": b"two\n"}


def test_a_final_name_that_somebody_took_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    sink = file_roll(tmp_path, memory_channel(b"ours"), SETTINGS, clock=ManualClock(1.0))
    sink.start()
    drain(sink)
    (tmp_path / "1000-1").write_bytes(b"theirs\n")
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"theirs\n", "1000-2": b"ours\n"}


def test_files_left_by_a_run_that_was_killed_are_named_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "900-4.open").write_bytes(b"x\n")
    (tmp_path / "other.open").write_bytes(b"x\n")
    before = contents(tmp_path)
    with caplog.at_level(logging.WARNING, LOG.name):
        sink = file_roll(tmp_path, memory_channel(), SETTINGS)
        sink.start()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "900-4.open" in caplog.text
    assert "other.open" not in caplog.text
    sink.stop()
    assert contents(tmp_path) == before
