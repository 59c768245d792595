"""Bytes that changed on disk: what is behind them is delivered, and what they held is counted."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from filechannel_workload import HastyDisk

from flume_core.batch import EventBatch
from flume_core.errors import ConfigurationError
from flume_core.testing import make_channel
from flume_filechannel.channel import FileChannel
from flume_filechannel.disk import Disk
from flume_filechannel.log.format import HEADER_SIZE, PUT, STATE, TAKE
from flume_filechannel.log.recovery import _open
from flume_filechannel.log.scan import Found, scan
from flume_filechannel.log.segment import Segment, segment_name

COUNT = 10
"""Events of each batch."""


class OnHastyDisk(FileChannel):
    disk = HastyDisk()


class Record(NamedTuple):
    """Where one is."""

    path: Path
    offset: int
    size: int
    seq: int
    kind: int


class Log:
    """A directory with a log, and a channel on it that is opened when it is wanted."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.data = place / "data"
        self.channel: FileChannel | None = None

    def open(self, **settings: str) -> FileChannel:
        config = {
            "checkpointDir": str(self.place / "checkpoint"),
            "dataDirs": str(self.data),
            "maxFileSize": "256K",
            **settings,
        }
        self.channel = make_channel(OnHastyDisk, config)
        self.channel.start()
        return self.channel

    def close(self) -> None:
        if self.channel is not None:
            self.channel.stop()
            self.channel = None

    def records(self, kind: int) -> list[Record]:
        """Return where records are, in the order of the log."""
        return [
            Record(path, found.offset, found.head.size, found.head.seq, kind)
            for path in self.segments()
            for found in _scan(path)
            if found.head.kind == kind
        ]

    def segments(self) -> list[Path]:
        return sorted(self.data.glob("segment-*.log"))

    def quarantine(self) -> list[Path]:
        return sorted((self.data / "quarantine").glob("*"))


def _scan(path: Path) -> list[Found]:
    disk = Disk()
    segment = _open(disk, str(path))
    assert isinstance(segment, Segment)
    try:
        found = scan(disk, segment, HEADER_SIZE, segment.head.first_seq)
        return [record for record in found if isinstance(record, Found)]
    finally:
        disk.close(segment.fd)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Three segments of batches of ten events each, nothing taken, cleanly closed."""
    log = Log(tmp_path)
    channel = log.open()
    number = 0
    while len(log.segments()) < 4:
        channel.put(batch(number))
        number += 1
    log.close()
    return log


def batch(number: int) -> EventBatch:
    first = number * COUNT
    return EventBatch.from_bodies([b"%06d%s" % (first + n, b"x" * 2000) for n in range(COUNT)])


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x55]))


def numbers(channel: FileChannel, *, commit: bool = True) -> list[int]:
    """Take everything."""
    found: list[int] = []
    while True:
        with channel.transaction() as tx:
            bodies = tx.take(1000).bodies()
            if not bodies or not commit:
                tx.rollback()
        found += [int(body[:6]) for body in bodies]
        if not bodies or not commit:
            return found


def lost_count(channel: FileChannel) -> object:
    return dict(channel.metrics.snapshot())["EventLostCount"]


def everything(log: Log) -> int:
    records = log.records(PUT)
    return records[-1].seq + COUNT


@pytest.mark.parametrize("where", [0, 4, 20, 40, 48, 60, 5000], ids=lambda n: f"byte-{n}")
@pytest.mark.parametrize("which", [0, 3, -1], ids=["first", "inner", "last"])
def test_a_damaged_put_costs_its_own_events_only(
    log: Log, where: int, which: int, caplog: pytest.LogCaptureFixture
) -> None:
    total = everything(log)
    middle = log.segments()[1]
    record = [r for r in log.records(PUT) if r.path == middle][which]
    flip(record.path, record.offset + where)
    channel = log.open()
    rest = [n for n in range(total) if not record.seq <= n < record.seq + COUNT]
    assert numbers(channel) == rest
    assert lost_count(channel) == COUNT
    assert channel.size() == 0
    (aside,) = log.quarantine()
    assert aside.name == f"{record.path.name}-{record.offset}"
    assert aside.stat().st_size >= record.size
    assert f"{record.path} is damaged at offset {record.offset}: {COUNT} events" in caplog.text
    log.close()
    channel = log.open()
    assert numbers(channel) == [], "what is lost stays lost, and nothing comes back"
    log.close()


def test_damage_before_what_waits_costs_nothing(log: Log) -> None:
    """A batch that is taken, and damaged, before one that is half taken."""
    channel = log.open()
    with channel.transaction() as tx:
        assert len(tx.take(25)) == 25
    log.close()
    record = log.records(PUT)[1]
    total = everything(log)
    flip(record.path, record.offset + 4)
    channel = log.open()
    assert numbers(channel) == list(range(25, total))
    assert lost_count(channel) == 0
    log.close()


def test_events_of_a_damaged_batch_that_were_taken_are_not_counted_as_lost(log: Log) -> None:
    channel = log.open()
    with channel.transaction() as tx:
        assert len(tx.take(14)) == 14
    log.close()
    record = log.records(PUT)[1]
    total = everything(log)
    flip(record.path, record.offset + 100)
    channel = log.open()
    assert numbers(channel) == list(range(20, total))
    assert lost_count(channel) == 6
    log.close()


def _newest_with(log: Log, kind: int) -> Record:
    return log.records(kind)[-1]


@pytest.mark.parametrize("where", [0, 4, 33, 50], ids=lambda n: f"byte-{n}")
def test_a_damaged_take_gives_its_events_again_and_no_others(
    log: Log, where: int, caplog: pytest.LogCaptureFixture
) -> None:
    total = everything(log)
    channel = log.open()
    for _ in range(3):
        with channel.transaction() as tx:
            tx.take(5)
        channel.sync()
    copy = _copy_without_checkpoint(log)
    log.close()
    takes = copy.records(TAKE)
    assert len(takes) == 3
    flip(takes[1].path, takes[1].offset + where)
    channel = copy.open()
    assert numbers(channel) == [*range(5, 10), *range(15, total)]
    assert f"{takes[1].path}: damage from offset {takes[1].offset}" in caplog.text
    copy.close()


def _copy_without_checkpoint(log: Log) -> Log:
    """What a kill leaves, but for the checkpoint."""
    place = log.place / "copy"
    shutil.copytree(log.data, place / "data")
    return Log(place)


def test_a_damaged_state_record_is_made_up_for_by_the_segments_before(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    total = everything(log)
    channel = log.open()
    with channel.transaction() as tx:
        tx.take(15)
        tx.save_progress("sink.k1", {"a": b"1"})
    log.close()
    log.open()
    log.close()
    copy = _copy_without_checkpoint(log)
    state = _newest_with(copy, STATE)
    flip(state.path, state.offset + 50)
    channel = copy.open()
    assert dict(channel.progress("sink.k1")) == {"a": b"1"}
    assert channel.size() == total - 15
    assert numbers(channel) == list(range(15, total))
    copy.close()


def test_a_damaged_segment_header_costs_the_events_of_that_segment(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    total = everything(log)
    middle = log.segments()[1]
    gone = {r.seq + n for r in log.records(PUT) if r.path == middle for n in range(COUNT)}
    flip(middle, 40)
    channel = log.open()
    assert numbers(channel) == [n for n in range(total) if n not in gone]
    assert lost_count(channel) == len(gone)
    assert Path(f"{middle}.damaged").exists(), "for salvage"
    assert middle.name in caplog.text
    log.close()


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [_delete, _truncate, _empty])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_segment_that_is_gone_or_short_costs_what_it_lacks(
    log: Log, harm: Callable[[Path], None], which: int, caplog: pytest.LogCaptureFixture
) -> None:
    total = everything(log)
    path = log.segments()[which]
    records = [r for r in log.records(PUT) if r.path == path]
    harm(path)
    length = path.stat().st_size if path.exists() else 0
    gone = {r.seq + n for r in records for n in range(COUNT) if r.offset + r.size > length}
    assert gone
    channel = log.open()
    assert numbers(channel) == [n for n in range(total) if n not in gone]
    assert channel.size() == 0
    assert lost_count(channel) == len(gone)
    assert str(len(gone)) in caplog.text
    log.close()
    channel = log.open()
    assert channel.size() == 0
    log.close()


def test_several_damaged_places_are_each_reported(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    total = everything(log)
    harmed = log.records(PUT)[2::7]
    for record in harmed:
        flip(record.path, record.offset + 1000)
    gone = {r.seq + n for r in harmed for n in range(COUNT)}
    with caplog.at_level(logging.ERROR):
        channel = log.open()
        assert numbers(channel) == [n for n in range(total) if n not in gone]
    assert lost_count(channel) == len(gone)
    assert len(log.quarantine()) == len(harmed)
    for record in harmed:
        assert f"{record.path} is damaged at offset {record.offset}" in caplog.text
    log.close()


def test_a_damaged_checkpoint_is_done_without(log: Log) -> None:
    total = everything(log)
    flip(log.place / "checkpoint" / "log-checkpoint", 20)
    assert numbers(log.open()) == list(range(total))
    log.close()


def _flip_a_put(log: Log) -> None:
    record = log.records(PUT)[3]
    flip(record.path, record.offset + 100)


def _flip_a_put_header(log: Log) -> None:
    record = log.records(PUT)[3]
    flip(record.path, record.offset + 4)


def _flip_the_last_of_a_segment(log: Log) -> None:
    record = [r for r in log.records(PUT) if r.path == log.segments()[0]][-1]
    flip(record.path, record.offset + 4)


def _flip_a_segment_header(log: Log) -> None:
    flip(log.segments()[1], 40)


def _delete_a_segment(log: Log) -> None:
    log.segments()[1].unlink()


def _delete_the_first_segment(log: Log) -> None:
    log.segments()[0].unlink()


@pytest.mark.parametrize(
    "harm",
    [
        _flip_a_put,
        _flip_a_put_header,
        _flip_the_last_of_a_segment,
        _flip_a_segment_header,
        _delete_a_segment,
        _delete_the_first_segment,
    ],
)
def test_with_on_corruption_fail_a_damaged_log_is_not_opened_and_not_changed(
    log: Log, harm: Callable[[Log], None]
) -> None:
    harm(log)
    for _ in range(2):  # a failed start must not have hidden the damage from the next one
        with pytest.raises(ConfigurationError, match="onCorruption"):
            log.open(onCorruption="fail")
    channel = log.open()
    assert numbers(channel)
    assert lost_count(channel)
    log.close()


def test_with_on_corruption_fail_a_good_log_is_opened(log: Log) -> None:
    total = everything(log)
    assert numbers(log.open(onCorruption="fail")) == list(range(total))
    log.close()
    assert numbers(log.open(onCorruption="fail")) == []
    log.close()
    assert segment_name(1) not in [path.name for path in log.segments()]
