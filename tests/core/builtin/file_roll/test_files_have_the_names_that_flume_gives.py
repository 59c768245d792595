from __future__ import annotations

import time
from pathlib import Path

import pytest

from flume_core.errors import RetryableError
from tests.core.builtin.file_roll.support import (
    ManualClock,
    contents,
    drain,
    file_roll,
    fill,
    memory_channel,
)

JAVA = "org.apache.flume.formatter.output."


def names_of_three_files(
    directory: Path, settings: dict[str, str], clock: ManualClock
) -> list[str]:
    channel = memory_channel()
    sink = file_roll(directory, channel, settings, clock=clock)
    sink.start()
    for _ in range(3):
        fill(channel, b"x")
        drain(sink)
        clock.now += 31
    sink.stop()
    return [path.name for path in sorted(directory.iterdir())]


@pytest.mark.parametrize(
    "manager", [None, "default", "DEFAULT", JAVA + "DefaultPathManager$Builder"]
)
def test_default_names_carry_the_time_of_the_start_and_a_number(
    tmp_path: Path, manager: str | None
) -> None:
    settings = {"pathManager": manager} if manager else {}
    names = names_of_three_files(tmp_path, settings, ManualClock(1_700_000_000.123))
    assert names == ["1700000000123-1", "1700000000123-2", "1700000000123-3"]


@pytest.mark.parametrize("manager", ["rolltime", "RollTime", JAVA + "RollTimePathManager$Builder"])
def test_rolltime_names_carry_the_local_time_of_the_file(
    tmp_path: Path, manager: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        names = names_of_three_files(
            tmp_path, {"pathManager": manager}, ManualClock(1_700_000_000.123)
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    assert names == ["20231115001320-1", "20231115001351-1", "20231115001422-1"]


def test_rolltime_numbers_files_of_the_same_second(tmp_path: Path) -> None:
    clock = ManualClock()
    for _ in range(2):
        channel = memory_channel(b"x")
        sink = file_roll(tmp_path, channel, {"pathManager": "rolltime"}, clock=clock)
        sink.start()
        drain(sink)
        sink.stop()
    first, second = sorted(path.name for path in tmp_path.iterdir())
    assert first.endswith("-1")
    assert second == first[:-1] + "2"


def test_prefix_and_extension_surround_the_name(tmp_path: Path) -> None:
    settings = {"pathManager.prefix": "app-", "pathManager.extension": "log"}
    assert names_of_three_files(tmp_path, settings, ManualClock(1.0))[0] == "app-1000-1.log"


def test_a_prefix_may_lead_into_a_directory_below(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    settings = {"pathManager.prefix": "below/app-"}
    sink = file_roll(tmp_path, memory_channel(b"x"), settings, clock=ManualClock(1.0))
    sink.start()
    drain(sink)
    sink.stop()
    assert contents(tmp_path / "below") == {"app-1000-1": b"x\n"}


def test_a_file_that_exists_is_not_overwritten_and_the_next_number_is_taken(tmp_path: Path) -> None:
    (tmp_path / "1000-1").write_bytes(b"of an earlier run\n")
    (tmp_path / "1000-2").symlink_to("nowhere")
    sink = file_roll(tmp_path, memory_channel(b"x"), clock=ManualClock(1.0))
    sink.start()
    drain(sink)
    sink.stop()
    assert (tmp_path / "1000-1").read_bytes() == b"of an earlier run\n"
    assert (tmp_path / "1000-3").read_bytes() == b"x\n"


def test_an_attempt_that_failed_does_not_use_a_name_up(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    sink = file_roll(directory, memory_channel(b"x"), clock=ManualClock(1.0))
    sink.start()
    for _ in range(3):
        with pytest.raises(RetryableError):
            sink.process()
    directory.mkdir()
    drain(sink)
    sink.stop()
    assert contents(directory) == {"1000-1": b"x\n"}
