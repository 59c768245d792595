"""ENOSPC and EIO from any call: commits are refused, nothing else happens, and all is well afterwards."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random

import pytest
from filechannel_history import Contents
from filechannel_workload import SMALL, TINY, Workload

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError
from flume_core.testing import make_channel, numbered
from flume_filechannel.channel import FileChannel
from flume_filechannel.disk import Disk
from tests.support.scale import scaled

CALLS = ("create", "pwritev", "sync", "rename", "remove", "sync_directory", "read")

ONCE_FAILED = {31, 32, 97}
"""Seeds that found something; run in every scale."""


@pytest.mark.parametrize("seed", sorted({*range(scaled(100)), *ONCE_FAILED}))
def test_after_errors_of_the_disk_nothing_is_lost_or_repeated(seed: int, tmp_path: Path) -> None:
    try:
        _torture(seed, tmp_path)
    except AssertionError as e:
        raise AssertionError(f"seed {seed}: {e}") from e


def _torture(seed: int, place: Path) -> None:
    random = Random(seed)
    workload = Workload(place, random, SMALL if seed % 4 == 3 else TINY)
    workload.live(30)
    for _ in range(6):
        _fail_for_a_while(workload, random)
        workload.disk.fault = lambda call: None
        workload.channel.sync()  # nothing but the end of the errors was needed
        workload.history.safe()
        workload.check_figures()
        for _ in range(random.choice((0, 3, 20))):
            workload.step()
        if random.random() < 0.5:
            workload.die(power_failed=random.random() < 0.5)
            workload.live(0)
        else:
            while workload._open:
                workload._roll_back()
            found = Contents.of(workload.channel)
            assert found == workload.history.now()


def _fail_for_a_while(workload: Workload, random: Random) -> None:
    failing = random.sample(CALLS, random.randint(1, 3))
    rate = random.choice((0.02, 0.3, 1))

    def fault(call: str) -> OSError | None:
        if call not in failing or random.random() >= rate:
            return None
        code = random.choice((errno.ENOSPC, errno.EIO))
        return OSError(code, "no space" if code == errno.ENOSPC else "I/O error")

    workload.disk.fault = fault
    for _ in range(40):
        workload.step()


class FullDisk(Disk):
    """Has no room for another file while ``full``."""

    def __init__(self) -> None:
        self.full = False

    def create(self, path: str, size: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create(path, size)


def test_takes_go_on_while_puts_find_no_space(tmp_path: Path) -> None:
    class OnThatDisk(FileChannel):
        disk = FullDisk()

    disk = OnThatDisk.disk
    settings = {
        "checkpointDir": str(tmp_path / "checkpoint"),
        "dataDirs": str(tmp_path / "data"),
        "maxFileSize": "256K",
    }
    channel = make_channel(OnThatDisk, settings)
    channel.start()
    batch = EventBatch.from_bodies([b"x" * 10_000])
    disk.full = True
    accepted = 0
    refusal: ChannelError | None = None
    while refusal is None:
        try:
            channel.put(batch)
            accepted += 1
        except ChannelError as e:
            refusal = e
    assert "No space left" in str(refusal)
    assert isinstance(refusal.__cause__, OSError)
    for _ in range(accepted - 1):
        with channel.transaction() as tx:
            assert len(tx.take(1)) == 1
    assert channel.size() == 1
    channel.sync()
    with pytest.raises(ChannelError):
        channel.put(batch)
    disk.full = False
    channel.put(numbered(3))
    channel.stop()
    channel.start()
    with channel.transaction() as tx:
        assert tx.take(100).bodies() == [*batch.bodies(), *numbered(3).bodies()]
    channel.stop()
