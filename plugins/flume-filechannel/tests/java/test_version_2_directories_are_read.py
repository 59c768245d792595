"""Version 2 was written by Flume 1.2 and 1.3; these directories are assembled by its format."""

from __future__ import annotations

import struct
from itertools import count
from pathlib import Path

import pytest

from flume_filechannel.java.directory import read_java_channel
from flume_filechannel.java.findings import FindingKind


class Version2Log:
    def __init__(self, directory: Path, file_id: int = 1) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"log-{file_id}"
        self.file_id = file_id
        self.content = bytearray(struct.pack(">iiqq", 2, file_id, 0, 0))
        self.orders = count(100)

    def record(self, kind: int, transaction: int, rest: bytes = b"") -> int:
        offset = len(self.content)
        self.content += struct.pack(
            ">BIhqq", 0x7F, 0xDEADBEEF, kind, transaction, next(self.orders)
        )
        self.content += rest
        return self.file_id << 32 | offset

    def put(
        self, transaction: int, body: bytes | None, headers: dict[str, str] | None = None
    ) -> int:
        encoded = b"\0" + struct.pack(">i", len(headers or {}))
        for pair in (headers or {}).items():
            for text in pair:
                encoded += b"\x8e" + variable_int(len(text.encode())) + text.encode()
        length = -1 if body is None else len(body)
        return self.record(1, transaction, encoded + struct.pack(">i", length) + (body or b""))

    def take(self, transaction: int, pointer: int) -> None:
        self.record(2, transaction, struct.pack(">ii", pointer & 0xFFFFFFFF, pointer >> 32))

    def commit(self, transaction: int, of: int) -> None:
        self.record(4, transaction, struct.pack(">h", of))

    def save(self, tail: bytes = b"\x80" * 200) -> None:
        self.path.write_bytes(self.content + tail)


def variable_int(value: int) -> bytes:
    """Hadoop's form of a length."""
    if value < 128:
        return bytes([value])
    digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([0x90 - len(digits)]) + digits


def bodies(data: Path, checkpoint: Path | None = None) -> tuple[list[bytes], set[FindingKind]]:
    with read_java_channel([data], checkpoint) as backlog:
        found = [body for batch in backlog.batches() for body in batch.bodies()]
        return found, {finding.kind for finding in backlog.findings}


@pytest.fixture
def log(tmp_path: Path) -> Version2Log:
    return Version2Log(tmp_path / "data")


def test_committed_puts_without_committed_takes_are_given_with_their_headers(
    log: Version2Log,
) -> None:
    taken = log.put(1, b"taken")
    log.put(1, b"kept", {"host": "web01", "long": "ü" * 100})
    log.put(1, None)
    log.commit(1, of=1)
    log.take(2, taken)
    log.commit(2, of=2)
    log.put(3, b"rolled back")
    log.record(3, 3)
    log.put(4, b"never committed")
    log.save()
    with read_java_channel([log.path.parent]) as backlog:
        (batch,) = backlog.batches()
        assert [(e.body, dict(e.headers)) for e in batch] == [
            (b"kept", {"host": "web01", "long": "ü" * 100}),
            (b"", {}),
        ]
        assert not backlog.findings


def test_a_checkpoint_of_version_2_is_used(log: Version2Log, tmp_path: Path) -> None:
    log.put(1, b"delivered, by a record before the checkpoint")
    second = log.put(1, b"waits")
    log.commit(1, of=1)
    order, position = next(log.orders), len(log.content)
    log.put(2, b"after the checkpoint")
    log.commit(2, of=1)
    log.content[8:24] = struct.pack(">qq", position, order)
    log.save()
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    words = [2, order, 1, 3, 0, 1 << 32 | 1] + [0] * 1023 + [0, 0, 0, second]
    (directory / "checkpoint").write_bytes(struct.pack(f">{len(words)}q", *words))
    expected = [b"waits", b"after the checkpoint"]
    assert bodies(log.path.parent, directory) == (expected, set())


def test_a_damaged_record_costs_itself_only(log: Version2Log) -> None:
    log.put(1, b"before")
    bad = log.put(1, b"damaged") & 0xFFFFFFFF
    log.put(1, b"after")
    log.commit(1, of=1)
    log.content[bad + 6] = 9
    log.save()
    assert bodies(log.path.parent) == ([b"before", b"after"], {FindingKind.CORRUPT_RECORD})


def test_a_torn_tail_is_no_loss(log: Version2Log) -> None:
    log.put(1, b"committed")
    log.commit(1, of=1)
    log.put(2, b"x" * 100)
    del log.content[-50:]
    log.save(tail=b"")
    assert bodies(log.path.parent) == ([b"committed"], {FindingKind.TORN_TAIL})


def test_a_directory_may_hold_both_versions(log: Version2Log, channel: object) -> None:
    log.put(1, b"old")
    log.commit(1, of=1)
    log.save()
    channel.log(2).committed(2, b"new")  # type: ignore[attr-defined]
    channel.save()  # type: ignore[attr-defined]
    assert bodies(log.path.parent) == ([b"old", b"new"], set())
