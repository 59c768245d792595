"""On the real file system, with a disk that fails where the test says."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from flume_core._builtin.file_roll.disk import Disk
from flume_core.batch import Buffer
from flume_core.errors import ChannelError, RetryableError
from flume_core.sink import Status
from flume_core.transaction import Transaction
from tests.core.builtin.file_roll.support import (
    SERIALIZERS,
    Framed,
    ManualClock,
    contents,
    drain,
    file_roll,
    fill,
    memory_channel,
)


class FullDisk(Disk):
    """Takes ``room`` bytes; then a write stores half of what it was given and fails."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.cuts_fail = False

    def write(self, fd: int, buffer: Buffer) -> int:
        if len(buffer) > self.room:
            super().write(fd, buffer[: len(buffer) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(buffer)
        return super().write(fd, buffer)

    def truncate(self, fd: int, length: int) -> None:
        if self.cuts_fail:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().truncate(fd, length)

    def cut(self, path: str, length: int, *, sync: bool) -> None:
        if self.cuts_fail:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().cut(path, length, sync=sync)


def test_a_full_disk_keeps_the_events_and_cuts_the_file_back(tmp_path: Path) -> None:
    disk, channel = FullDisk(6), memory_channel(b"first")
    sink = file_roll(tmp_path, channel, clock=ManualClock(1.0), disk=disk)
    sink.start()
    drain(sink)
    fill(channel, b"second", b"third")
    with pytest.raises(RetryableError, match=r"1000-1: No space left on device") as failure:
        sink.process()
    assert isinstance(failure.value.__cause__, OSError)
    assert contents(tmp_path) == {"1000-1": b"first\n"}
    assert channel.size() == 2
    disk.room = 1000
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"first\nsecond\nthird\n"}


def test_the_beginning_of_a_format_is_written_again_when_it_was_cut_off(tmp_path: Path) -> None:
    disk = FullDisk(1)
    settings = {"serializer": "framed"}
    sink = file_roll(tmp_path, memory_channel(b"x"), settings, clock=ManualClock(1.0), disk=disk)
    disk.writev = disk_writev_as_one(disk)  # type: ignore[method-assign]
    sink.start()
    with pytest.raises(RetryableError):
        sink.process()
    disk.room = 1000
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"<\nx\n>\n"}


def disk_writev_as_one(disk: Disk) -> object:
    return lambda fd, buffers: disk.write(fd, b"".join(buffers))


@pytest.mark.parametrize("suffix", ["", ".open"])
def test_a_file_that_cannot_be_cut_is_left_and_put_right_later(tmp_path: Path, suffix: str) -> None:
    disk, channel, clock = FullDisk(6), memory_channel(b"first"), ManualClock(1.0)
    settings = {"inUseSuffix": suffix, "rollInterval": "0"}
    sink = file_roll(tmp_path, channel, settings, clock=clock, disk=disk)
    sink.start()
    drain(sink)
    disk.cuts_fail = True
    fill(channel, b"second")
    with pytest.raises(RetryableError):
        sink.process()
    assert contents(tmp_path) == {"1000-1" + suffix: b"first\nsec"}
    disk.room = 1000
    drain(sink)
    assert contents(tmp_path)["1000-2" + suffix] == b"second\n"
    disk.cuts_fail = False
    clock.now += 30
    sink.process()
    assert contents(tmp_path) == {"1000-1": b"first\n", "1000-2" + suffix: b"second\n"}
    sink.stop()


def test_repeated_failures_do_not_put_the_repair_off(tmp_path: Path) -> None:
    disk, channel, clock = FullDisk(6), memory_channel(b"first"), ManualClock(1.0)
    sink = file_roll(tmp_path, channel, {"rollInterval": "0"}, clock=clock, disk=disk)
    sink.start()
    drain(sink)
    disk.cuts_fail = True
    fill(channel, b"second")
    with pytest.raises(RetryableError):
        sink.process()
    disk.cuts_fail = False
    for _ in range(7):
        clock.now += 5
        with pytest.raises(RetryableError):
            sink.process()
    assert contents(tmp_path)["1000-1"] == b"first\n"
    sink.stop()


def test_a_file_that_stays_wrong_is_named_at_the_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk, channel = FullDisk(6), memory_channel(b"first")
    sink = file_roll(tmp_path, channel, clock=ManualClock(1.0), disk=disk)
    sink.start()
    drain(sink)
    disk.cuts_fail = True
    fill(channel, b"second")
    with pytest.raises(RetryableError):
        sink.process()
    sink.stop()
    last = caplog.records[-1]
    assert last.levelname == "ERROR"
    assert "1000-1" in last.getMessage()
    assert "6 bytes" in last.getMessage()


class Dribbling(Disk):
    """Takes at most seven bytes at a time."""

    def write(self, fd: int, buffer: Buffer) -> int:
        return super().write(fd, buffer[:7])

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:
        return super().write(fd, b"".join(buffers)[:7])


@pytest.mark.parametrize("serializer", ["text", "framed"])
@pytest.mark.parametrize("count", [1, 5, 2500])
def test_a_short_write_is_completed(tmp_path: Path, serializer: str, count: int) -> None:
    bodies = [b"event %d" % n for n in range(count)]
    settings = {"serializer": serializer, "batchSize": "5000"}
    sink = file_roll(tmp_path, memory_channel(*bodies), settings, disk=Dribbling())
    sink.start()
    drain(sink)
    sink.stop()
    (data,) = contents(tmp_path).values()
    assert data.strip(b"<\n>").split(b"\n") == bodies


class Stuck(Disk):
    def write(self, fd: int, buffer: Buffer) -> int:
        return 0


def test_a_file_that_takes_no_bytes_at_all_is_a_failure_and_no_endless_loop(tmp_path: Path) -> None:
    channel = memory_channel(b"x")
    sink = file_roll(tmp_path, channel, disk=Stuck())
    sink.start()
    with pytest.raises(RetryableError, match="takes no more bytes"):
        sink.process()
    assert channel.size() == 1
    sink.stop()


def test_more_buffers_than_one_call_takes_arrive_in_order(tmp_path: Path) -> None:
    bodies = [b"%d" % n for n in range(5000)]
    settings = {"serializer": "framed", "batchSize": "5000"}
    sink = file_roll(tmp_path, memory_channel(*bodies), settings, clock=ManualClock(1.0))
    sink.start()
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"<\n" + b"\n".join(bodies) + b"\n>\n"}


def test_a_commit_that_fails_takes_the_bytes_out_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = memory_channel(b"x")
    sink = file_roll(tmp_path, channel, clock=ManualClock(1.0))
    sink.start()
    cls: type[Transaction] = type(channel.transaction())

    def refuse(self: Transaction) -> None:
        raise ChannelError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(cls, "_do_commit", refuse)
        with pytest.raises(ChannelError, match="not now"):
            sink.process()
    assert contents(tmp_path) == {"1000-1": b""}
    assert sink.process() is Status.READY
    assert contents(tmp_path) == {"1000-1": b"x\n"}
    sink.stop()


def test_a_file_that_got_no_event_after_all_is_removed(tmp_path: Path) -> None:
    sink = file_roll(tmp_path, memory_channel(b"x"), disk=FullDisk(0))
    sink.start()
    with pytest.raises(RetryableError):
        sink.process()
    sink.stop()
    assert contents(tmp_path) == {}


class Moody(Framed):
    """Cannot serialize, and fails at the end."""

    def serialize(self, batch: object) -> Sequence[Buffer]:
        if self.context.clock is not None and Moody.broken:
            raise ValueError("what is this?")
        return super().serialize(batch)  # type: ignore[arg-type]

    def end(self) -> Sequence[Buffer]:
        raise ValueError("no end in sight")

    broken = True


def test_a_serializer_that_raises_costs_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(SERIALIZERS, "moody", Moody)
    channel = memory_channel(b"x")
    sink = file_roll(tmp_path, channel, {"serializer": "moody"}, clock=ManualClock(1.0))
    sink.start()
    with pytest.raises(ValueError, match="what is this"):
        sink.process()
    assert channel.size() == 1
    monkeypatch.setattr(Moody, "broken", False)
    assert sink.process() is Status.READY
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"<\nx\n"}
    assert "no end in sight" in caplog.text


def test_a_missing_directory_is_an_outage_that_ends_when_it_is_made(tmp_path: Path) -> None:
    directory, channel = tmp_path / "out", memory_channel(b"x")
    sink = file_roll(directory, channel, clock=ManualClock(1.0))
    sink.start()
    with pytest.raises(RetryableError, match=r"out does not exist: create it \(sink.directory\)"):
        sink.process()
    assert not directory.exists()
    assert channel.size() == 1
    directory.mkdir()
    drain(sink)
    sink.stop()
    assert contents(directory) == {"1000-1": b"x\n"}
