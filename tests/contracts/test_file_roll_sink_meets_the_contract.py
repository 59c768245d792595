"""The file_roll sink passes the sink suite, under final names and with an in-use suffix."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.sink import FileRollSink
from flume_core.batch import Buffer
from flume_core.testing import SinkContract, SinkUnderTest, snapshot_directory


def lines_below(directory: Path) -> list[bytes]:
    """The lines of all files, in the order in which the files were begun."""

    def begun(path: Path) -> tuple[int, int]:
        found = re.search(r"(\d+)-(\d+)", path.name)
        assert found, path
        return int(found[1]), int(found[2])

    files = sorted(directory.iterdir(), key=begun) if directory.is_dir() else []
    return [line for file in files for line in file.read_bytes().splitlines()]


class FullDisk(Disk):
    """A disk that fills up: writes get through in part, or not at all."""

    full = False

    def create(self, path: str) -> int:
        self._check()
        return super().create(path)

    def write(self, fd: int, buffer: Buffer) -> int:
        if self.full and len(buffer) > 10:
            return super().write(fd, memoryview(buffer)[:10])
        self._check()
        return super().write(fd, buffer)

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:
        return self.write(fd, b"".join(buffers)) if self.full else super().writev(fd, buffers)

    def _check(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def under_test(tmp_path: Path, patch: pytest.MonkeyPatch, **more: str) -> SinkUnderTest:
    out = tmp_path / "out"
    out.mkdir()
    disk = FullDisk()
    patch.setattr(FileRollSink, "disk", disk)
    return SinkUnderTest(
        FileRollSink,
        {"sink.directory": str(out), "sink.rollInterval": "0", **more},
        lambda: lines_below(out),
        lambda: setattr(disk, "full", True),
        lambda: setattr(disk, "full", False),
        type="file_roll",
        exactly_once=True,
        crash=snapshot_directory(out),
    )


class TestFileRollSink(SinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SinkUnderTest:
        return under_test(tmp_path, monkeypatch)


class TestFileRollSinkWithAnInUseSuffix(SinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SinkUnderTest:
        return under_test(
            tmp_path,
            monkeypatch,
            **{
                "sink.inUseSuffix": ".tmp",
                "sink.batchSize": "30",
                "sink.pathManager": "rolltime",
                "sink.serializer": "text",
            },
        )
