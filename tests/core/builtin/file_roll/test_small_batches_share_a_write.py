"""Several transactions of ``sink.batchSize`` events may share one write; each is committed on its own."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.sink import FileRollSink
from flume_core.errors import ChannelError, RetryableError
from flume_core.transaction import Transaction
from tests.core.builtin.file_roll.support import contents, file_roll, memory_channel


class CountingDisk(Disk):
    """Counts writes, and fails those it is told to."""

    def __init__(self) -> None:
        self.writes = 0
        self.full = False

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self.writes += 1
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, data)

    def writev(self, fd: int, buffers: object) -> int:
        self.writes += 1
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().writev(fd, buffers)  # type: ignore[arg-type]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> CountingDisk:
    disk = CountingDisk()
    monkeypatch.setattr(FileRollSink, "disk", disk)
    return disk


def test_ten_batches_reach_the_file_in_one_write_and_in_order(
    tmp_path: Path, disk: CountingDisk
) -> None:
    lines = [b"%d" % i for i in range(20)]
    sink = file_roll(tmp_path, memory_channel(*lines), {"batchSize": "2"})
    sink.start()
    sink.process()
    assert disk.writes == 1
    assert next(iter(contents(tmp_path).values())) == b"".join(line + b"\n" for line in lines)
    sink.stop()


def test_a_failed_write_gives_every_batch_back_in_its_order(
    tmp_path: Path, disk: CountingDisk
) -> None:
    lines = [b"%d" % i for i in range(9)]
    channel = memory_channel(*lines)
    sink = file_roll(tmp_path, channel, {"batchSize": "2"})
    sink.start()
    disk.full = True
    with pytest.raises(RetryableError):
        sink.process()
    disk.full = False
    sink.process()
    assert next(iter(contents(tmp_path).values())) == b"".join(line + b"\n" for line in lines)
    assert channel.size() == 0
    sink.stop()


def test_a_commit_that_fails_in_the_middle_neither_loses_nor_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [b"%d" % i for i in range(9)]
    channel = memory_channel(*lines)
    sink = file_roll(tmp_path, channel, {"batchSize": "2"})
    sink.start()
    commit, calls = Transaction.commit, [0]

    def failing(tx: Transaction) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise ChannelError("the channel is out of order")
        commit(tx)

    monkeypatch.setattr(Transaction, "commit", failing)
    with pytest.raises(ChannelError):
        sink.process()
    assert next(iter(contents(tmp_path).values())) == b"0\n1\n2\n3\n"
    assert channel.size() == 5
    sink.process()
    assert next(iter(contents(tmp_path).values())) == b"".join(line + b"\n" for line in lines)
    sink.stop()
