from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from flume_filechannel.java.directory import read_java_channel
from flume_filechannel.java.errors import JavaChannelDamaged
from flume_filechannel.java.findings import FindingKind

Channel = Any  # conftest.JavaChannelWriter
OFFSET = 0xFFFFFFFF


def outcome(
    channel: Channel, tail: bytes = b"\x80" * 100, checkpoint: Path | None = None
) -> tuple[list[bytes], list[tuple[FindingKind, int | None]]]:
    channel.save(tail)
    with read_java_channel([channel.directory], checkpoint) as backlog:
        bodies = [body for batch in backlog.batches() for body in batch.bodies()]
        assert backlog.waiting == len(bodies) + backlog.unreadable
        return bodies, [(finding.kind, finding.offset) for finding in backlog.findings]


def test_a_body_that_does_not_match_its_checksum_is_left_out_and_named(channel: Channel) -> None:
    log = channel.log(1)
    _, second, _ = log.committed(1, b"first", b"second", b"third")
    at = log.content.index(b"second")
    log.content[at] ^= 1
    bodies, findings = outcome(channel)
    assert bodies == [b"first", b"third"]
    assert findings == [(FindingKind.UNREADABLE_EVENT, second & OFFSET)]


def test_asked_to_fail_it_fails_at_the_first_damage_and_says_how_to_go_on(channel: Channel) -> None:
    log = channel.log(1)
    log.committed(1, b"first", b"second")
    log.content[log.content.index(b"second")] ^= 1
    channel.save()
    with (
        read_java_channel([channel.directory], on_corruption="fail") as backlog,
        pytest.raises(JavaChannelDamaged, match=r"log-1 at byte \d+: .*on_corruption='report'"),
    ):
        list(backlog.batches())


@pytest.mark.parametrize("garbled", [0, 1, 4, 5, 6, 11, 20, 29])
def test_a_garbled_record_is_passed_over_wherever_the_damage_is(
    channel: Channel, garbled: int
) -> None:
    log = channel.log(1)
    log.committed(1, b"before")
    bad = log.put(2, b"garbled") & OFFSET
    log.commit_puts(2)
    log.committed(3, b"after")
    log.content[bad + garbled] ^= 0x55
    bodies, findings = outcome(channel)
    assert bodies == [b"before", b"after"]
    assert (FindingKind.CORRUPT_RECORD, bad) in findings


def test_many_lost_bytes_cost_the_records_in_them(channel: Channel) -> None:
    log = channel.log(1)
    for number in range(1, 100):
        log.committed(number, b"event %d" % number * 10)
    log.content[1000:2000] = b"\xa5" * 1000
    bodies, findings = outcome(channel)
    whole = [b"event %d" % number * 10 for number in range(1, 100)]
    assert set(bodies) < set(whole)
    assert len(bodies) > 85
    assert bodies == [body for body in whole if body in bodies]
    assert [kind for kind, _ in findings] == [FindingKind.CORRUPT_RECORD]


@pytest.mark.parametrize("cut", [1, 5, 9, 30])
def test_a_torn_tail_is_reported_and_nothing_else_is_lost(channel: Channel, cut: int) -> None:
    log = channel.log(1)
    log.committed(1, b"committed")
    torn = log.put(2, b"never committed") & OFFSET
    del log.content[torn + cut :]
    bodies, findings = outcome(channel, tail=b"")
    assert bodies == [b"committed"]
    assert findings == [(FindingKind.TORN_TAIL, torn)]


def test_a_hole_of_zeros_at_the_end_is_no_loss(channel: Channel) -> None:
    log = channel.log(1)
    log.committed(1, b"committed")
    end = len(log.content)
    bodies, findings = outcome(channel, tail=bytes(3_000_001))
    assert (bodies, findings) == ([b"committed"], [(FindingKind.HOLE, end)])


@pytest.mark.parametrize("zeros", [5, 7, 4096])
def test_records_behind_a_hole_of_zeros_are_read(channel: Channel, zeros: int) -> None:
    """Java skips a hole in steps of five bytes and loses what is behind one of another length."""
    log = channel.log(1)
    log.committed(1, b"before")
    hole = len(log.content)
    log.content += bytes(zeros)
    log.committed(2, b"behind")
    bodies, findings = outcome(channel)
    assert (bodies, findings) == ([b"before", b"behind"], [(FindingKind.HOLE, hole)])


@pytest.mark.parametrize("size", [0x7F - 57, 0x80 - 57, 400])
def test_a_record_that_the_integrity_tool_voided_is_skipped(channel: Channel, size: int) -> None:
    log = channel.log(1)
    void = log.put(1, b"x" * size) & OFFSET
    log.put(1, b"kept")
    log.commit_puts(1)
    log.content[void] = 0
    bodies, findings = outcome(channel)
    assert (bodies, findings) == ([b"kept"], [(FindingKind.DISABLED_RECORD, void)])


def test_a_waiting_event_that_was_voided_after_the_checkpoint_is_passed_over(
    channel: Channel, tmp_path: Path
) -> None:
    log = channel.log(1)
    pointers = log.committed(1, b"voided", b"kept")
    log.content[0] = 0
    order = next(channel.orders)
    channel.checkpoint(tmp_path / "c", order, pointers)
    channel.save()
    channel.meta(log.path, 1, len(log.content), order)
    with read_java_channel([channel.directory], tmp_path / "c") as backlog:
        assert [body for batch in backlog.batches() for body in batch.bodies()] == [b"kept"]
        assert [finding.kind for finding in backlog.findings] == [FindingKind.DISABLED_RECORD]


def test_a_length_that_is_too_large_or_negative_takes_no_memory(channel: Channel) -> None:
    log = channel.log(1)
    log.committed(1, b"before")
    log.content += b"\x7f" + struct.pack(">i", 0x7FFFFFFF) + b"\x17\x0d"
    log.committed(2, b"between")
    log.content += b"\x7f" + struct.pack(">i", -5) + b"\x17\x0d"
    log.committed(3, b"after")
    bodies, findings = outcome(channel)
    assert bodies == [b"before", b"between", b"after"]
    assert [kind for kind, _ in findings] == [FindingKind.CORRUPT_RECORD] * 2


def test_a_record_inside_the_body_of_an_event_is_not_taken_for_one(channel: Channel) -> None:
    log = channel.log(1)
    inner = type(log)(Path("unused"), 1, bytearray(), channel.orders)
    inner.committed(99, b"inner")
    log.committed(1, b"start", bytes(inner.content), b"end")
    bodies, findings = outcome(channel)
    assert (bodies, findings) == ([b"start", bytes(inner.content), b"end"], [])


def test_a_data_file_that_is_gone_is_counted_from_the_checkpoint(
    channel: Channel, tmp_path: Path
) -> None:
    log = channel.log(4)
    (kept,) = log.committed(1, b"kept")
    channel.save()
    order = next(channel.orders)
    channel.meta(log.path, 4, len(log.content), order)
    gone = [3 << 32 | 100, 3 << 32 | 200]
    channel.checkpoint(tmp_path / "c", order, [*gone, kept])
    with read_java_channel([channel.directory], tmp_path / "c") as backlog:
        assert [body for batch in backlog.batches() for body in batch.bodies()] == [b"kept"]
        (finding,) = [f for f in backlog.findings if f.kind == FindingKind.UNREADABLE_EVENT]
        assert finding.file.name == "log-3"
        assert finding.message.startswith("2 waiting events")


def test_the_list_of_findings_is_bounded(channel: Channel) -> None:
    log = channel.log(1)
    for number in range(1, 10_500):
        log.put(number, b"same")
        log.commit_puts(number)
    channel.save()
    content = channel.directory / "log-1"
    content.write_bytes(content.read_bytes().replace(b"same", b"SAME"))
    with read_java_channel([channel.directory]) as backlog:
        assert list(backlog.batches()) == []
        assert backlog.unreadable == 10_499
        assert (len(backlog.findings), backlog.findings_not_kept) == (10_000, 499)
