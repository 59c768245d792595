"""Java file channel directories for tests: the recorded one, and others assembled by the format."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[1] / "vectors" / "file_channel.json"


def sf32(number: int, value: int) -> bytes:
    return bytes([number << 3 | 5]) + struct.pack("<i", value)


def sf64(number: int, value: int) -> bytes:
    return bytes([number << 3 | 1]) + struct.pack("<q", value)


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def delimited(message: bytes) -> bytes:
    return varint(len(message)) + message


def text(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + delimited(value)


@dataclass
class JavaChannelWriter:
    """Writes data files of version 3 as Java does, one record after the other."""

    directory: Path
    orders: count[int] = field(default_factory=lambda: count(1000))
    files: dict[Path, bytearray] = field(default_factory=dict)

    def log(self, file_id: int, directory: Path | None = None) -> JavaLogWriter:
        path = (directory or self.directory) / f"log-{file_id}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return JavaLogWriter(path, file_id, self.files.setdefault(path, bytearray()), self.orders)

    def save(self, tail: bytes = b"\x80" * 100) -> None:
        for path, content in self.files.items():
            path.write_bytes(bytes(content) + tail)
            self.meta(path, int(path.name[4:]))

    def meta(self, log: Path, file_id: int, position: int = 0, order: int = 0) -> None:
        message = sf32(1, 3) + sf32(2, file_id) + sf64(3, position) + sf64(4, order)
        log.with_name(log.name + ".meta").write_bytes(delimited(message))

    def checkpoint(
        self,
        directory: Path,
        order: int,
        queue: Sequence[int],
        *,
        capacity: int = 16,
        head: int = 0,
        takes: Mapping[int, Sequence[int]] | None = None,
        puts: Mapping[int, Sequence[int]] | None = None,
        marker: int = 0,
    ) -> None:
        directory.mkdir(exist_ok=True)
        words = [0] * (1029 + capacity)
        words[0], words[1], words[4] = 3, order, marker
        for index, each in enumerate(queue):
            words[1029 + (head + index) % capacity] = each
        (directory / "checkpoint").write_bytes(struct.pack(f">{len(words)}q", *words))
        message = sf32(1, 3) + sf64(2, order) + sf32(3, len(queue)) + sf32(4, head)
        (directory / "checkpoint.meta").write_bytes(delimited(message))
        for name, flights in (("inflighttakes", takes), ("inflightputs", puts)):
            payload = b""
            for transaction, pointers in (flights or {}).items():
                payload += struct.pack(
                    f">qq{len(pointers)}Q", transaction, len(pointers), *pointers
                )
            payload += bytes(16)
            (directory / name).write_bytes(hashlib.md5(payload).digest() + payload)


@dataclass
class JavaLogWriter:
    path: Path
    file_id: int
    content: bytearray
    orders: count[int]

    def raw(self, record: bytes) -> int:
        offset = len(self.content)
        self.content += b"\x7f" + struct.pack(">i", len(record)) + record
        return self.file_id << 32 | offset

    def record(self, kind: int, transaction: int, message: bytes) -> int:
        header = sf32(1, kind) + sf64(2, transaction) + sf64(3, next(self.orders))
        return self.raw(delimited(header) + delimited(message) + b"\0")

    def put(
        self,
        transaction: int,
        body: bytes,
        headers: Mapping[bytes, bytes | None] | None = None,
        checksum: bool = True,
    ) -> int:
        event = b""
        for key, value in (headers or {}).items():
            event += text(1, text(1, key) + (b"" if value is None else text(2, value)))
        message = text(1, event + text(2, body))
        return self.record(1, transaction, message + (sf64(2, zlib.crc32(body)) * checksum))

    def take(self, transaction: int, pointer: int) -> int:
        return self.record(2, transaction, sf32(1, pointer >> 32) + sf32(2, pointer & 0xFFFFFFFF))

    def rollback(self, transaction: int) -> int:
        return self.record(3, transaction, b"")

    def commit_puts(self, transaction: int) -> int:
        return self.record(4, transaction, sf32(1, 1))

    def commit_takes(self, transaction: int) -> int:
        return self.record(4, transaction, sf32(1, 2))

    def committed(self, transaction: int, *bodies: bytes) -> list[int]:
        pointers = [self.put(transaction, body) for body in bodies]
        self.commit_puts(transaction)
        return pointers


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def channel(tmp_path: Path) -> JavaChannelWriter:
    return JavaChannelWriter(tmp_path / "data")


@pytest.fixture
def recorded(tmp_path: Path, vectors: dict[str, Any]) -> Callable[[], tuple[Path, Path]]:
    """Writes the recorded directories (anew at each call); returns data and checkpoint directory."""

    def write() -> tuple[Path, Path]:
        data, checkpoint = tmp_path / "recorded" / "data", tmp_path / "recorded" / "checkpoint"
        data.mkdir(parents=True, exist_ok=True)
        checkpoint.mkdir(exist_ok=True)
        shape = vectors["data_file"]
        content = bytearray(bytes.fromhex(shape["fill_byte"]) * shape["total_length"])
        for record in shape["records"]:
            raw = bytes.fromhex(record["hex"])
            content[record["offset"] : record["offset"] + len(raw)] = raw
        (data / "log-1").write_bytes(content)
        (data / "log-1.meta").write_bytes(bytes.fromhex(vectors["data_file_meta"]["hex"]))
        words = [0] * (vectors["checkpoint"]["total_length"] // 8)
        for index, value in vectors["checkpoint"]["nonzero_words"].items():
            words[int(index)] = value
        (checkpoint / "checkpoint").write_bytes(struct.pack(f">{len(words)}q", *words))
        for name, key in (
            ("checkpoint.meta", "checkpoint_meta"),
            ("inflighttakes", "inflighttakes"),
            ("inflightputs", "inflightputs"),
        ):
            (checkpoint / name).write_bytes(bytes.fromhex(vectors[key]["hex"]))
        return data, checkpoint

    return write


@pytest.fixture
def recorded_encrypted(tmp_path: Path, vectors: dict[str, Any]) -> Path:
    """The recorded encrypted data directory."""
    data = tmp_path / "encrypted"
    data.mkdir()
    content = b""
    for record in vectors["encrypted"]["records"]:
        assert record["offset"] == len(content)
        cipher = bytes.fromhex(record["cipher_hex"])
        content += b"\x7f" + struct.pack(">i", len(cipher)) + cipher
    (data / "log-1").write_bytes(content + b"\x80" * 1000)
    (data / "log-1.meta").write_bytes(bytes.fromhex(vectors["encrypted"]["meta_hex"]))
    return data


@pytest.fixture(scope="session")
def channel_writer() -> type[JavaLogWriter]:
    """For tests that need the bytes of a data file only."""
    return JavaLogWriter
