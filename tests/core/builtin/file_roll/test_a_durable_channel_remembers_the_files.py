"""Single situations; `test_a_crash_at_any_step_loses_and_repeats_nothing` goes through all of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import msgspec
import pytest

from flume_core._builtin.file_roll import burst
from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.sink import FileRollSink
from flume_core.errors import RetryableError
from flume_core.sink import Status
from tests.core.builtin.file_roll.simulation import Crash, Plan, SimulatedChannel, SimulatedDisk
from tests.core.builtin.file_roll.support import ManualClock, contents, drain, file_roll

BODIES = [b"one", b"two", b"three"]


@pytest.fixture(autouse=True)
def one_transaction_to_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst, "_TRANSACTIONS", 1)


def begun(
    directory: Path, settings: dict[str, str] | None = None, batches: int = 2
) -> tuple[FileRollSink, SimulatedChannel]:
    """Return a sink on real files that wrote some events, one to a batch."""
    channel = SimulatedChannel(BODIES, Plan())
    sink = file_roll(
        directory, channel, {"batchSize": "1"} | (settings or {}), clock=ManualClock(1.0)
    )
    sink.start()
    for _ in range(batches):
        sink.process()
    return sink, channel


def next_run(
    directory: Path, channel: SimulatedChannel, commits: int, settings: dict[str, str] | None = None
) -> FileRollSink:
    channel.synced = 0
    later = channel.after_crash(Plan(), commits)
    return file_roll(directory, later, settings, clock=ManualClock(2.0))


@pytest.mark.parametrize("suffix", ["", ".open"])
def test_real_files_are_cut_back_to_what_the_channel_knows(tmp_path: Path, suffix: str) -> None:
    settings = {"inUseSuffix": suffix}
    _, channel = begun(tmp_path, settings, batches=3)
    assert contents(tmp_path) == {"1000-1" + suffix: b"one\ntwo\nthree\n"}
    (tmp_path / "1000-2").write_bytes(b"not ours")
    sink = next_run(tmp_path, channel, len(channel.commits) - 2, settings)
    sink.start()
    assert contents(tmp_path) == {"1000-1": b"one\n", "1000-2": b"not ours"}
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {
        "1000-1": b"one\n",
        "1000-2": b"not ours",
        "2000-1": b"two\nthree\n",
    }


def test_a_real_file_none_of_whose_events_was_committed_is_removed(tmp_path: Path) -> None:
    _, channel = begun(tmp_path, batches=1)
    sink = next_run(tmp_path, channel, len(channel.commits) - 1)
    sink.start()
    assert contents(tmp_path) == {}


def test_the_channel_knows_a_file_before_the_disk_does(tmp_path: Path) -> None:
    channel = SimulatedChannel(BODIES, Plan())

    class Watching(Disk):
        def create(self, path: str) -> int:
            later = channel.after_crash(Plan(), channel.synced)
            assert path in later.progress("sink.k1")
            return super().create(path)

    sink = file_roll(tmp_path, channel, disk=Watching())
    sink.start()
    assert sink.process() is Status.READY
    sink.stop()


def test_finished_files_are_forgotten_with_the_next_commit_and_only_once(tmp_path: Path) -> None:
    sink, channel = begun(tmp_path, batches=3)
    sink.context.clock.wait(sink.context.stopping, 31)
    sink.process()
    assert channel.progress(sink.owner) == {}
    commits = len(channel.commits)
    sink.process()
    sink.stop()
    assert len(channel.commits) == commits


def test_many_finished_files_are_forgotten_in_several_commits(tmp_path: Path) -> None:
    entries = {
        f"{tmp_path}/{n}-1": msgspec.json.encode({"final": f"{tmp_path}/{n}-1"}) for n in range(50)
    }
    channel = SimulatedChannel(BODIES, Plan())
    with channel.transaction() as tx:
        tx.save_progress("sink.k1", entries)
    sink = file_roll(tmp_path, channel)
    sink.start()
    assert channel.progress("sink.k1") == {}


def test_what_a_failed_write_left_does_not_come_back_after_the_file_was_closed() -> None:
    plan = Plan()
    disk, channel, clock = SimulatedDisk(plan), SimulatedChannel(BODIES, plan), ManualClock(1.0)
    sink = file_roll("/out", channel, {"batchSize": "1"}, clock=clock, disk=disk)
    sink.start()
    sink.process()
    plan.fail = frozenset({plan.step + 1})
    with pytest.raises(RetryableError):
        sink.process()
    clock.now += 31
    drain(sink)
    sink.stop()
    for seed in range(20):
        for keep in ("none", "some", "all"):
            files = disk.after_power_failure(Plan(), keep, Random(seed)).files
            assert {path: inode.data for path, inode in files.items()} == {
                "/out/1000-1": b"one\n",
                "/out/1000-2": b"two\nthree\n",
            }


def test_a_cut_that_an_earlier_start_made_is_synced_by_the_next() -> None:
    plan = Plan()
    disk, channel = SimulatedDisk(plan), SimulatedChannel(BODIES, plan)
    sink = file_roll("/out", channel, {"batchSize": "1"}, clock=ManualClock(1.0), disk=disk)
    sink.start()
    sink.process()
    sink.process()
    channel.synced -= 1
    plan = Plan(crash_at=3)  # size, cut, and before the cut is synced
    disk, channel = disk.after_crash(plan), channel.after_crash(plan, len(channel.commits) - 1)
    with pytest.raises(Crash, match="sync cut"):
        file_roll("/out", channel, disk=disk).start()
    disk, channel = disk.after_crash(Plan()), channel.after_crash(Plan(), len(channel.commits))
    sink = file_roll("/out", channel, disk=disk)
    sink.start()
    assert channel.progress("sink.k1") == {}
    files = disk.after_power_failure(Plan(), "none", Random(1)).files
    assert files["/out/1000-1"].data == b"one\n"


def test_a_file_is_given_up_when_a_sync_failed_because_the_next_may_lie() -> None:
    plan = Plan()
    disk, channel = SimulatedDisk(plan), SimulatedChannel(BODIES, plan)
    sink = file_roll("/out", channel, {"batchSize": "1"}, clock=ManualClock(1.0), disk=disk)
    sink.start()
    sink.process()
    plan.fail = frozenset({plan.step + 2})
    with pytest.raises(RetryableError, match="cannot sync /out/1000-1"):
        sink.process()
    drain(sink)
    sink.stop()
    files = disk.after_power_failure(Plan(), "none", Random(1)).files
    assert {path: inode.data for path, inode in files.items()} == {
        "/out/1000-1": b"one\n",
        "/out/1000-2": b"two\nthree\n",
    }


def test_a_complete_file_keeps_its_end_when_only_its_renaming_is_missing() -> None:
    plan = Plan()
    disk, channel = SimulatedDisk(plan), SimulatedChannel(BODIES, plan)
    settings = {"serializer": "framed", "inUseSuffix": ".open"}
    sink = file_roll("/out", channel, settings, clock=ManualClock(1.0), disk=disk)
    sink.start()
    drain(sink)

    def die(path: str, new: str) -> None:
        raise Crash(path)

    disk.rename = die  # type: ignore[method-assign]
    with pytest.raises(Crash):
        sink.stop()
    disk = disk.after_power_failure(Plan(), "none", Random(1))
    channel = channel.after_crash(Plan(), channel.synced)
    file_roll("/out", channel, settings, disk=disk).start()
    assert disk.files["/out/1000-1"].data == b"<\none\ntwo\nthree\n>\n"


def test_nothing_is_delivered_while_a_file_cannot_be_cut_back(tmp_path: Path) -> None:
    _, channel = begun(tmp_path)

    class ReadOnly(Disk):
        def cut(self, path: str, length: int, *, sync: bool) -> None:
            raise PermissionError(13, "Permission denied")

    channel.synced = 0
    later = channel.after_crash(Plan(), len(channel.commits) - 1)
    sink = file_roll(tmp_path, later, clock=ManualClock(2.0), disk=ReadOnly())
    for _ in range(2):
        with pytest.raises(RetryableError, match="1000-1 right after a crash"):
            sink.start()
    sink.stop()
    assert later.size() == 2


def test_a_directory_that_is_not_mounted_yet_is_waited_for(tmp_path: Path) -> None:
    directory, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    directory.mkdir()
    _, channel = begun(directory)
    directory.rename(elsewhere)
    sink = next_run(directory, channel, len(channel.commits) - 1)
    with pytest.raises(RetryableError):
        sink.start()
    elsewhere.rename(directory)
    sink.start()
    drain(sink)
    sink.stop()
    assert contents(directory) == {"1000-1": b"one\n", "2000-1": b"two\nthree\n"}


def test_a_former_directory_that_is_gone_does_not_stop_the_sink(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    before.mkdir()
    now.mkdir()
    _, channel = begun(before)
    shutil.rmtree(before)
    sink = next_run(now, channel, len(channel.commits))
    sink.start()
    drain(sink)
    sink.stop()
    assert contents(now) == {"2000-1": b"three\n"}
    assert str(before) in caplog.text


def test_a_file_that_somebody_took_away_is_reported_and_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, channel = begun(tmp_path)
    (tmp_path / "1000-1").unlink()
    sink = next_run(tmp_path, channel, len(channel.commits))
    sink.start()
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"2000-1": b"three\n"}
    assert "1000-1 is gone" in caplog.text


def test_a_file_that_lost_bytes_is_reported_and_not_filled_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, channel = begun(tmp_path)
    (tmp_path / "1000-1").write_bytes(b"on")
    sink = next_run(tmp_path, channel, len(channel.commits))
    sink.start()
    assert contents(tmp_path) == {"1000-1": b"on"}
    assert "has 2 bytes, 8 were written" in caplog.text


def test_a_record_that_cannot_be_read_leaves_its_file_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "1000-1").write_bytes(b"one\n")
    channel = SimulatedChannel(BODIES, Plan())
    with channel.transaction() as tx:
        tx.save_progress("sink.k1", {f"{tmp_path}/1000-1": b"\xff"})
    sink = file_roll(tmp_path, channel, clock=ManualClock(2.0))
    sink.start()
    assert contents(tmp_path) == {"1000-1": b"one\n"}
    assert "1000-1 cannot be read" in caplog.text
