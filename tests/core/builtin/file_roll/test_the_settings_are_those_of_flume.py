from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from flume_core._builtin.file_roll.config import FileRollConfig
from flume_core._builtin.file_roll.sink import FileRollSink
from tests.core.builtin.file_roll.support import (
    ManualClock,
    contents,
    drain,
    file_roll,
    memory_channel,
)


def config(**settings: str) -> FileRollConfig:
    return FileRollConfig.model_validate(
        {f"sink.{k.replace('__', '.')}": v for k, v in settings.items()}
    )


def test_the_defaults_are_flumes() -> None:
    given = config(directory="/out")
    assert (given.batch_size, given.roll_interval, given.path_manager) == (100, 30, "default")
    assert (given.prefix, given.extension, given.in_use_suffix) == ("", "", "")
    assert given.event_serializer.type == "text"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "sink.directory|directory"),
        ({"directory": ""}, "at least 1 character"),
        ({"directory": "/out", "batchSize": "0"}, "greater than 0"),
        ({"directory": "/out", "rollInterval": "soon"}, "valid integer"),
        (
            {"directory": "/out", "pathManager": "hourly"},
            "'hourly' is no path manager: .* or rolltime",
        ),
        ({"directory": "/out", "inUseSuffix": ".open/x"}, "part of a file name"),
        ({"directory": "/out", "pathManager__extension": "a/b"}, "part of a file name"),
        ({"directory": "/out", "rollSize": "1"}, "rollSize"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_reason(
    settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        config(**settings)


def test_a_directory_that_is_a_file_is_refused_and_a_missing_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValidationError, match="not a directory"):
        config(directory=str(tmp_path / "file"))
    assert config(directory=str(tmp_path / "missing")).directory


@pytest.mark.parametrize("name", ["serializer", "serializer.appendNewline"])
def test_a_serializer_without_sink_in_front_is_refused_because_java_ignores_it(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        FileRollConfig.model_validate({"sink.directory": "/out", name: "text"})


def test_the_serializer_gets_its_own_settings(tmp_path: Path) -> None:
    settings = {"serializer": "TEXT", "serializer.appendNewline": "false"}
    sink = file_roll(tmp_path, memory_channel(b"one", b"two"), settings, clock=ManualClock(1.0))
    sink.start()
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"onetwo"}


def test_the_batch_size_bounds_a_transaction(tmp_path: Path) -> None:
    channel = memory_channel(*[b"x"] * 5)
    sink = file_roll(tmp_path, channel, {"batchSize": "2"}, clock=ManualClock(1.0))
    sink.start()
    sink.process()
    figures = sink.metrics.snapshot()
    assert (figures["BatchCompleteCount"], figures["BatchUnderflowCount"]) == (2, 1)
    assert contents(tmp_path) == {"1000-1": b"x\n" * 5}
    sink.stop()


def test_two_sinks_on_one_directory_claim_the_same_unless_their_prefixes_differ(
    tmp_path: Path,
) -> None:
    (tmp_path / "out" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("out")

    def claims(directory: str, prefix: str = "") -> list[str]:
        settings = {"directory": str(tmp_path / directory), "pathManager__prefix": prefix}
        return list(FileRollSink.claims(config(**settings)))

    assert claims("out") == claims("link") == claims("out/below/..")
    assert claims("out", "a") != claims("out", "b")
    assert claims("out", "below/a") == claims("out/below", "a")
    assert str(tmp_path / "out") in claims("link")[0]


def test_files_have_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        sink = file_roll(tmp_path, memory_channel(b"x"))
        sink.start()
        drain(sink)
        sink.stop()
    finally:
        os.umask(before)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o640
