"""The file channel passes the channel suite; a crash is a copy of its directories as they are."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest

from flume_core.testing import ChannelContract, ChannelUnderTest, make_channel
from flume_filechannel.channel import FileChannel


def settings(place: Path) -> dict[str, str]:
    return {
        "checkpointDir": str(place / "checkpoint"),
        "dataDirs": f"{place / 'data1'},{place / 'data2'}",
        "capacity": "300",
        "transactionCapacity": "200",
        "keep-alive": "0",
        "maxFileSize": "256K",
        "minimumRequiredSpace": "1M",
    }


class TestFileChannel(ChannelContract):
    @pytest.fixture
    def channel(self, tmp_path: Path) -> ChannelUnderTest:
        numbers = count()

        def crash(dead: FileChannel) -> FileChannel:
            """Open what a kill would leave behind, in another place."""
            was = Path(dead.config.checkpoint_dir).parent
            place = tmp_path / f"after-crash-{next(numbers)}"
            shutil.copytree(was, place)
            channel = make_channel(FileChannel, settings(place))
            channel.start()
            return channel

        return ChannelUnderTest(
            FileChannel,
            settings(tmp_path / "first"),
            type="file",
            patient={"keep-alive": "60"},
            crash=crash,
        )
