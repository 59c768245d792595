"""Flume's properties of the file channel: taken, repaired as Java does, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from flume_core._cli.commands import run_command
from flume_filechannel.config import FileChannelConfig

CONF = """
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = seq
a1.sources.r1.channels = c1
a1.channels.c1.type = file
a1.channels.c1.checkpointDir = {0}/checkpoint
a1.channels.c1.dataDirs = {0}/data1, {0}/data2
{1}
a1.sinks.k1.type = null
a1.sinks.k1.channel = c1
"""


def test_directories_are_separated_by_commas_and_each_counts_once(tmp_path: Path) -> None:
    config = FileChannelConfig.model_validate(
        {"dataDirs": f"{tmp_path}/a, {tmp_path}/b,{tmp_path}/a"}
    )

    assert config.data_dirs == (f"{tmp_path}/a", f"{tmp_path}/b")


def test_the_checkpoint_may_not_lie_among_the_data(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="name another directory"):
        FileChannelConfig.model_validate(
            {"dataDirs": str(tmp_path), "checkpointDir": str(tmp_path)}
        )


def test_a_file_size_above_a_segment_is_taken_and_a_tiny_one_raised() -> None:
    sizes = {
        size: FileChannelConfig.model_validate({"maxFileSize": size}).segment_size
        for size in ("2146435071", "1")
    }

    assert sizes == {"2146435071": 64 << 20, "1": 256 << 10}


def test_encryption_is_refused_and_never_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "flume.conf"
    file.write_text(CONF.format(tmp_path, "a1.channels.c1.encryption.activeKey = key-0"))

    assert run_command(["check", str(file)]) == 1
    said = capsys.readouterr()
    assert "asks for encryption" in said.out + said.err


def test_a_file_with_every_unneeded_property_of_flume_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {
        "useDualCheckpoints": "true",
        "backupCheckpointDir": f"{tmp_path}/backup",
        "compressBackupCheckpoint": "true",
        "use-fast-replay": "true",
        "use-log-replay-v1": "false",
        "checkpointOnClose": "false",
        "fsyncPerTransaction": "false",
        "fsyncInterval": "5",
    }
    file = tmp_path / "flume.conf"
    lines = [f"a1.channels.c1.{key} = {value}" for key, value in more.items()]
    file.write_text(CONF.format(tmp_path, "\n".join(lines)))

    assert run_command(["check", str(file)]) == 0, capsys.readouterr()
