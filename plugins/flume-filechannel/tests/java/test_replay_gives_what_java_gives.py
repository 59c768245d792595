from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flume_filechannel.java.backlog import JavaBacklog
from flume_filechannel.java.directory import read_java_channel
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind
from flume_filechannel.java.replay import PointerQueue

Channel = Any  # conftest.JavaChannelWriter


def bodies(backlog: JavaBacklog) -> list[bytes]:
    return [body for batch in backlog.batches() for body in batch.bodies()]


def waiting(channel: Channel, checkpoint: Path | None = None) -> list[bytes]:
    channel.save()
    with read_java_channel([channel.directory], checkpoint) as backlog:
        found = bodies(backlog)
        assert len(found) == backlog.waiting
        assert not backlog.findings
    return found


def test_transactions_enter_the_queue_in_the_order_of_their_commits(channel: Channel) -> None:
    log = channel.log(1)
    log.put(1, b"late 1")
    log.put(2, b"early 1")
    log.put(1, b"late 2")
    log.put(2, b"early 2")
    log.commit_puts(2)
    log.commit_puts(1)
    assert waiting(channel) == [b"early 1", b"early 2", b"late 1", b"late 2"]


def test_puts_without_a_commit_and_rolled_back_ones_never_happened(channel: Channel) -> None:
    log = channel.log(1)
    log.put(1, b"rolled back")
    log.rollback(1)
    log.committed(2, b"kept")
    log.put(3, b"not committed")
    assert waiting(channel) == [b"kept"]


def test_only_committed_takes_leave_the_queue(channel: Channel) -> None:
    log = channel.log(1)
    a, b, c, _ = log.committed(1, b"a", b"b", b"c", b"d")
    log.take(2, a)
    log.take(3, b)
    log.take(4, c)
    log.commit_takes(3)
    log.rollback(4)
    assert waiting(channel) == [b"a", b"c", b"d"]


def test_a_record_of_a_take_may_come_before_the_commit_of_its_put(channel: Channel) -> None:
    log = channel.log(1)
    pointer = log.put(1, b"taken early")
    log.put(1, b"stays")
    log.take(2, pointer)
    log.commit_takes(2)
    log.commit_puts(1)
    assert waiting(channel) == [b"stays"]


def test_files_of_one_directory_follow_each_other_by_number(channel: Channel) -> None:
    log2, log10 = channel.log(2), channel.log(10)
    log2.put(1, b"first")
    log2.put(1, b"second")
    log10.put(1, b"third")
    log10.commit_puts(1)
    channel.save()
    with read_java_channel([channel.directory]) as backlog:
        assert bodies(backlog) == [b"first", b"second", b"third"]


def test_several_data_directories_are_merged_by_write_order(
    channel: Channel, tmp_path: Path
) -> None:
    one, two = channel.log(1), channel.log(2, tmp_path / "data2")
    a, _ = one.committed(1, b"a", b"b")
    c, _ = two.committed(2, b"c", b"d")
    one.take(3, c)
    two.take(4, a)
    one.commit_takes(3)
    two.commit_takes(4)
    one.committed(5, b"e")
    channel.save()
    with read_java_channel([tmp_path / "data2", channel.directory]) as backlog:
        assert bodies(backlog) == [b"b", b"d", b"e"]
        assert not backlog.findings


def test_takes_of_files_that_java_deleted_concern_nobody(channel: Channel) -> None:
    log = channel.log(7)
    log.take(1, 3 << 32 | 512)
    log.commit_takes(1)
    log.committed(2, b"still here")
    assert waiting(channel) == [b"still here"]


def test_headers_come_back_and_one_without_a_value_is_empty(channel: Channel) -> None:
    log = channel.log(1)
    log.put(1, b"x", {b"host": b"web\xc3\xbc", b"nothing": None, b"raw": b"\xff"})
    log.commit_puts(1)
    log.put(2, b"", checksum=False)
    log.commit_puts(2)
    channel.save()
    with read_java_channel([channel.directory]) as backlog:
        first, second = next(backlog.batches())
        assert dict(first.headers) == {"host": "webü", "nothing": "", "raw": "\udcff"}
        assert (second.body, dict(second.headers)) == (b"", {})


def test_a_large_body_passes_through_in_a_batch_of_its_own(channel: Channel) -> None:
    large = bytes(range(256)) * 20_000
    channel.log(1).committed(1, b"before", large, b"after")
    channel.save()
    with read_java_channel([channel.directory]) as backlog:
        assert [len(b) for b in backlog.batches(max_bytes=1 << 20)] == [2, 1]
        assert bodies(backlog) == [b"before", large, b"after"]


def test_many_records_cross_the_read_window_unharmed(channel: Channel) -> None:
    log = channel.log(1)
    expected = [b"%05d" % number * (number % 97) for number in range(12_000)]
    for start in range(0, len(expected), 100):
        log.committed(start + 1, *expected[start : start + 100])
    assert len(log.content) > 2 << 20
    assert waiting(channel) == expected


def test_takes_in_flight_at_the_checkpoint_return_to_the_head_in_the_order_of_their_puts(
    channel: Channel, tmp_path: Path
) -> None:
    two = channel.log(2, tmp_path / "data2")
    one = channel.log(1)
    first = two.put(1, b"first")
    second = one.put(2, b"second")
    third = one.put(2, b"third")
    two.commit_puts(1)
    one.commit_puts(2)
    channel.save()
    order = next(channel.orders)
    channel.meta(one.path, 1, len(one.content), order)
    channel.checkpoint(tmp_path / "c", order, [third], takes={9: [second], 8: [first]})
    with read_java_channel([channel.directory, tmp_path / "data2"], tmp_path / "c") as backlog:
        assert bodies(backlog) == [b"first", b"second", b"third"]
        assert not backlog.findings


def test_records_behind_the_checkpoint_are_replayed_on_top_of_it(
    channel: Channel, tmp_path: Path
) -> None:
    log = channel.log(1)
    a, b, c = log.committed(1, b"a", b"b", b"c")
    open_put = log.put(2, b"in flight")
    log.take(3, a)
    log.take(4, b)
    position, order = len(log.content), next(channel.orders)
    log.commit_puts(2)  # puts in flight at the checkpoint, committed since
    log.commit_takes(3)  # takes in flight at the checkpoint, committed since
    log.rollback(4)  # back at the head ...
    log.take(5, b)  # ... and taken by another transaction, which Java would deliver again
    log.commit_takes(5)
    channel.save()
    channel.meta(log.path, 1, position, order)
    channel.checkpoint(
        tmp_path / "c", order, [c], head=15, takes={3: [a], 4: [b]}, puts={2: [open_put]}
    )
    with read_java_channel([channel.directory], tmp_path / "c") as backlog:
        assert bodies(backlog) == [b"c", b"in flight"]


def test_a_take_whose_record_was_deleted_is_known_from_the_checkpoint(
    channel: Channel, tmp_path: Path
) -> None:
    """With two data directories the record of a take may be deleted before that of its put."""
    two = channel.log(3, tmp_path / "data2")
    _, b = two.committed(1, b"taken, by a record in the deleted file", b"waits")
    channel.log(5).committed(2, b"new")
    channel.save()
    with read_java_channel([channel.directory, tmp_path / "data2"]) as backlog:
        assert backlog.waiting == 3
        (finding,) = backlog.findings
        assert finding.kind == FindingKind.MISSING_FILES
        assert "may come again" in finding.message
    channel.meta(two.path, 3, len(two.content), 1003)
    channel.checkpoint(tmp_path / "c", 1003, [b])
    with read_java_channel([channel.directory, tmp_path / "data2"], tmp_path / "c") as backlog:
        assert bodies(backlog)[0] == b"waits"
        assert b"taken, by a record in the deleted file" not in bodies(backlog)


def test_a_queue_that_goes_around_the_end_of_the_ring_is_read_in_order(
    channel: Channel, tmp_path: Path
) -> None:
    log = channel.log(1)
    pointers = log.committed(1, *(b"%d" % number for number in range(10)))
    channel.save()
    order = next(channel.orders)
    channel.meta(log.path, 1, len(log.content), order)
    channel.checkpoint(tmp_path / "c", order, pointers[2:], capacity=8, head=5)
    with read_java_channel([channel.directory], tmp_path / "c") as backlog:
        assert bodies(backlog) == [b"%d" % number for number in range(2, 10)]
        assert not backlog.findings


def test_directories_of_two_channels_are_not_mixed(channel: Channel, tmp_path: Path) -> None:
    channel.log(1).committed(1, b"mine")
    channel.log(1, tmp_path / "other").committed(2, b"theirs")
    channel.save()
    with pytest.raises(JavaChannelError, match="have the same id"):
        read_java_channel([channel.directory, tmp_path / "other"])


def test_a_directory_named_twice_is_read_once(channel: Channel, tmp_path: Path) -> None:
    channel.log(1).committed(1, b"once")
    channel.save()
    (tmp_path / "link").symlink_to(channel.directory)
    with read_java_channel([channel.directory, tmp_path / "link"]) as backlog:
        assert bodies(backlog) == [b"once"]


@pytest.mark.parametrize("step", [1, -1, 7])
def test_the_queue_gives_what_a_list_would_whatever_the_order_of_takes(step: int) -> None:
    count = 200_003
    queue = PointerQueue()
    queue.put(range(1, count + 1))
    order = [(index * step) % count + 1 for index in range(count)]
    taken = order[: count - 1000]
    for start in range(0, len(taken), 500):
        queue.take(taken[start : start + 500])
    queue.put([count + 1])
    left = set(range(1, count + 1)) - set(taken)
    assert list(queue.waiting()) == [*sorted(left), count + 1]
