"""Single cases of what the random tests of this folder found, each in the shortest way to it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from filechannel_history import Contents
from filechannel_workload import HastyDisk

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError
from flume_core.testing import make_channel
from flume_filechannel.channel import FileChannel


class Disk(HastyDisk):
    """Does a call and then says it failed, where told to."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.synced: list[str] = []
        self.names_of: dict[int, str] = {}

    def open(self, path: str) -> int:
        fd = super().open(path)
        self.names_of[fd] = path
        return fd

    def sync(self, fd: int) -> None:
        self._fail("sync")
        self.synced.append(self.names_of.get(fd, ""))

    def sync_directory(self, path: str) -> None:
        self._fail("sync_directory")

    def remove(self, path: str) -> None:
        if "remove" in self.failing:
            raise OSError(errno.EIO, "I/O error")
        super().remove(path)

    def pwritev(self, fd: int, buffers: list[bytes], offset: int) -> int:  # type: ignore[override]
        done = super().pwritev(fd, buffers, offset)
        self._fail("pwritev")
        return done

    def read(self, fd: int, size: int, offset: int) -> bytes:
        self._fail("read")
        return super().read(fd, size, offset)

    def _fail(self, call: str) -> None:
        if call in self.failing:
            self.failing.discard(call)
            raise OSError(errno.EIO, "I/O error")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def channel(tmp_path: Path, disk: Disk) -> FileChannel:
    channel = make(tmp_path, disk)
    channel.start()
    return channel


def make(place: Path, disk: Disk) -> FileChannel:
    cls = type("OnThatDisk", (FileChannel,), {"disk": disk})
    settings = {
        "checkpointDir": str(place / "checkpoint"),
        "dataDirs": f"{place / 'data1'},{place / 'data2'}",
        "maxFileSize": "256K",
        "checkpointOnClose": "false",
    }
    return make_channel(cls, settings)


def bodies(first: int, count: int, size: int = 10) -> EventBatch:
    return EventBatch.from_bodies(
        [b"%06d%s" % (n, b"x" * size) for n in range(first, first + count)]
    )


def numbers(channel: FileChannel) -> list[int]:
    return [int(body[:6]) for body in Contents.of(channel).waiting]


def die(channel: FileChannel) -> None:
    """End as a killed process does."""
    assert channel._keeper is not None
    channel._keeper.stop()
    channel._keeper = None
    channel._close()


def test_what_a_killed_process_wrote_is_synced_before_anything_relies_on_it(
    channel: FileChannel, disk: Disk
) -> None:
    channel.put(bodies(0, 1))
    (newest,) = [s.path for s in channel._live()[0].segments]
    die(channel)
    disk.synced.clear()
    channel.start()
    assert newest in disk.synced
    channel.stop()


def test_puts_after_a_segment_failed_to_get_its_name_survive_a_crash(
    channel: FileChannel, disk: Disk
) -> None:
    channel.put(bodies(0, 1))
    disk.failing = {"sync_directory", "remove"}
    with pytest.raises(ChannelError, match="cannot begin a new segment"):
        channel.put(bodies(1, 1, 250_000))
    disk.failing = set()
    channel.put(bodies(2, 1))
    with channel.transaction() as tx:
        tx.take(1)
    channel.put(bodies(3, 1))
    die(channel)
    channel.start()
    assert numbers(channel) == [2, 3]
    channel.stop()


def test_a_refused_put_does_not_come_back_although_all_of_it_was_written(
    channel: FileChannel, disk: Disk
) -> None:
    channel.put(bodies(0, 1))
    disk.failing = {"pwritev"}
    with pytest.raises(ChannelError, match="cannot write"):
        channel.put(bodies(1, 1))
    die(channel)
    channel.start()
    assert numbers(channel) == [0]
    channel.stop()


def test_a_take_that_cannot_be_read_whole_returns_what_was_read(
    channel: FileChannel, disk: Disk
) -> None:
    channel.put(bodies(0, 5))
    channel.stop()
    channel.start()
    channel.put(bodies(5, 5))
    with channel.transaction() as tx:
        assert len(tx.take(2)) == 2
        tx.rollback()
    disk.failing = {"read"}
    tx = channel.transaction()
    tx.begin()
    with pytest.raises(ChannelError, match="cannot read"):
        tx.take(10)
    tx.rollback()
    tx.close()
    assert numbers(channel) == list(range(10))
    channel.stop()


def test_a_spare_file_that_was_never_finished_is_no_hindrance(
    channel: FileChannel, tmp_path: Path
) -> None:
    channel.put(bodies(0, 1))
    channel.stop()
    for data in ("data1", "data2"):
        for id_ in range(1, 6):
            (tmp_path / data / f"spare-{id_:016d}.log").write_bytes(b"")
    channel.start()
    for n in range(1, 30):
        channel.put(bodies(n, 1, 50_000))
    assert numbers(channel) == list(range(30))
    channel.stop()


def test_a_checkpoint_says_nothing_that_is_not_on_disk(channel: FileChannel) -> None:
    channel.put(bodies(0, 5))
    with channel.transaction() as tx:
        tx.take(3)
    writer, _ = channel._live()
    assert writer.dirty
    channel._write_checkpoint()
    assert not writer.dirty
    channel.stop()
