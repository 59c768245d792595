from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flume_filechannel.java.checkpoint import BadCheckpoint, read_checkpoint
from flume_filechannel.java.directory import read_java_channel
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind

Channel = Any  # conftest.JavaChannelWriter
Recorded = Callable[[], tuple[Path, Path]]


def read(data: Path, checkpoint: Path | None = None) -> tuple[list[bytes], set[FindingKind]]:
    with read_java_channel([data], checkpoint) as backlog:
        bodies = [body for batch in backlog.batches() for body in batch.bodies()]
        return bodies, {finding.kind for finding in backlog.findings}


@pytest.mark.parametrize("name", ["log-1.meta.tmp", "log-1.meta.old"])
def test_metadata_under_its_names_during_an_update_is_used(
    recorded_encrypted: Path, vectors: dict[str, Any], name: str
) -> None:
    """Encrypted, so that only the metadata can tell how to read the file."""
    (recorded_encrypted / "log-1.meta").rename(recorded_encrypted / name)
    key = bytes.fromhex(vectors["encrypted"]["key_hex"])
    with read_java_channel([recorded_encrypted], keys=lambda alias: key) as backlog:
        assert backlog.waiting == 2
        assert [(f.kind, f.file.name) for f in backlog.findings] == [(FindingKind.METADATA, name)]


@pytest.mark.parametrize("content", [b"", b"\xff" * 30, b"\x02\x0d\x03", b"\x05\x0d\x03\0\0\0"])
def test_damaged_metadata_is_reported_and_all_records_are_read(
    recorded: Recorded, content: bytes
) -> None:
    data, checkpoint = recorded()
    (data / "log-1.meta").write_bytes(content)
    bodies, kinds = read(data, checkpoint)
    assert bodies == [b"beta", b"gamma"]
    assert FindingKind.METADATA in kinds


def test_metadata_of_another_file_is_not_used(recorded: Recorded) -> None:
    data, _ = recorded()
    (data / "log-1").rename(data / "log-5")
    (data / "log-1.meta").rename(data / "log-5.meta")
    assert FindingKind.METADATA in read(data)[1]


def test_a_version_from_the_future_is_refused(recorded: Recorded) -> None:
    data, _ = recorded()
    meta = bytearray((data / "log-1.meta").read_bytes())
    meta[2] = 4
    (data / "log-1.meta").write_bytes(meta)
    with pytest.raises(JavaChannelError, match="is of version 4; this reader knows 2 and 3"):
        read(data)


def test_backup_copies_of_the_integrity_tool_are_left_alone(recorded: Recorded) -> None:
    data, _ = recorded()
    (data / "log-1.bak").write_bytes(b"old")
    assert read(data) == ([b"beta", b"gamma"], {FindingKind.SKIPPED_FILE})


def test_a_checkpoint_that_no_data_file_knows_is_not_used(channel: Channel, tmp_path: Path) -> None:
    channel.log(1).committed(1, b"a", b"b")
    channel.save()
    channel.checkpoint(tmp_path / "c", 5000, [])
    bodies, kinds = read(channel.directory, tmp_path / "c")
    assert (bodies, kinds) == ([b"a", b"b"], {FindingKind.CHECKPOINT_UNUSED})


def spoil_marker(directory: Path) -> None:
    content = bytearray((directory / "checkpoint").read_bytes())
    content[4 * 8 + 7] = 1
    (directory / "checkpoint").write_bytes(content)


def spoil_order(directory: Path) -> None:
    content = bytearray((directory / "checkpoint").read_bytes())
    content[8 + 7] ^= 1
    (directory / "checkpoint").write_bytes(content)


def spoil_digest(directory: Path) -> None:
    content = bytearray((directory / "inflighttakes").read_bytes())
    content[0] ^= 1
    (directory / "inflighttakes").write_bytes(content)


def spoil_in_flight_count(directory: Path) -> None:
    payload = bytearray((directory / "inflighttakes").read_bytes()[16:])
    payload[8] = 0x7F
    (directory / "inflighttakes").write_bytes(hashlib.md5(payload).digest() + payload)


def empty_slot(directory: Path) -> None:
    content = bytearray((directory / "checkpoint").read_bytes())
    content[1029 * 8 : 1030 * 8] = bytes(8)
    (directory / "checkpoint").write_bytes(content)


def cut_short(directory: Path) -> None:
    (directory / "checkpoint").write_bytes((directory / "checkpoint").read_bytes()[:5000])


def no_metadata(directory: Path) -> None:
    (directory / "checkpoint.meta").unlink()


def no_checkpoint(directory: Path) -> None:
    (directory / "checkpoint").unlink()


def too_many(directory: Path) -> None:
    content = bytearray((directory / "checkpoint.meta").read_bytes())
    content[16:20] = b"\xff\xff\xff\x7f"  # the size of the queue
    (directory / "checkpoint.meta").write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_marker,
        spoil_order,
        spoil_digest,
        spoil_in_flight_count,
        empty_slot,
        cut_short,
        no_metadata,
        no_checkpoint,
        too_many,
    ],
)
def test_without_a_valid_checkpoint_all_files_are_replayed(
    recorded: Recorded, spoil: Callable[[Path], None]
) -> None:
    data, checkpoint = recorded()
    read_checkpoint(checkpoint)
    spoil(checkpoint)
    with pytest.raises(BadCheckpoint):
        read_checkpoint(checkpoint)
    assert read(data, checkpoint) == ([b"beta", b"gamma"], {FindingKind.CHECKPOINT_UNUSED})


@pytest.mark.parametrize("name", ["inflighttakes", "inflightputs"])
def test_files_of_what_is_in_flight_may_be_empty(
    recorded: Recorded, vectors: dict[str, Any], name: str
) -> None:
    _, checkpoint = recorded()
    before = read_checkpoint(checkpoint)
    for content in (b"", bytes.fromhex(vectors["inflight_empty"]["hex"])):
        (checkpoint / name).write_bytes(content)
        now = read_checkpoint(checkpoint)
        assert (now.puts if name == "inflightputs" else now.takes) == {}
        assert now.order == before.order


def test_the_position_of_the_checkpoint_before_serves_for_a_backup(
    recorded: Recorded, vectors: dict[str, Any]
) -> None:
    """The recorded metadata names its checkpoint and the one before."""
    data, checkpoint = recorded()
    decoded = vectors["data_file_meta"]["decoded"]
    older = decoded["backupCheckpointWriteOrderID"]
    content = bytearray((checkpoint / "checkpoint").read_bytes())
    content[8:16] = older.to_bytes(8, "big")
    (checkpoint / "checkpoint").write_bytes(content)
    meta = (checkpoint / "checkpoint.meta").read_bytes()
    meta = meta.replace(
        decoded["checkpointWriteOrderID"].to_bytes(8, "little"), older.to_bytes(8, "little")
    )
    meta = meta[:15] + b"\x1d" + bytes(4) + b"\x25" + bytes(4)  # an empty queue, as it was then
    (checkpoint / "checkpoint.meta").write_bytes(bytes([len(meta) - 1]) + meta[1:])
    (checkpoint / "inflighttakes").write_bytes(b"")
    (checkpoint / "inflightputs").write_bytes(b"")
    assert read(data, checkpoint) == ([b"beta", b"gamma"], set())


@pytest.mark.parametrize("position", [1 << 40, 70])
def test_a_position_where_no_record_begins_is_not_trusted(
    channel: Channel, tmp_path: Path, position: int
) -> None:
    log = channel.log(1)
    pointers = log.committed(1, b"before the checkpoint")
    order = next(channel.orders)
    log.committed(2, b"after the checkpoint")
    channel.save()
    channel.meta(log.path, 1, position, order)
    channel.checkpoint(tmp_path / "c", order, pointers)
    bodies, kinds = read(channel.directory, tmp_path / "c")
    assert bodies == [b"before the checkpoint", b"after the checkpoint"]
    assert kinds == {FindingKind.METADATA}
