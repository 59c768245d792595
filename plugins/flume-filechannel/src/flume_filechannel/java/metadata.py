"""What is known of a data file besides its records: version, checkpoint positions, encryption.

Version 3 keeps it in ``log-<id>.meta``, replaced through ``.meta.tmp`` and, on systems that cannot rename
over a file, ``.meta.old``; version 2 at the start of the data file. What is damaged or missing is replaced
by the next best, and in the end by "version 3, not encrypted, replay from the start".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind, Findings
from flume_filechannel.java.protobuf import (
    MalformedMessage,
    delimited,
    fields,
    number,
    numbers,
)
from flume_filechannel.java.record_v2 import FILE_HEADER
from flume_filechannel.java.window import Window

__all__ = ["Encryption", "LogMetadata", "read_metadata"]

_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a file is encrypted: cipher provider, alias of the key, parameters (AES: the counter)."""

    provider: str
    alias: str
    parameters: bytes


@dataclass(frozen=True, slots=True)
class LogMetadata:
    """Positions are bytes in the data file, ids are write-order ids of checkpoints."""

    version: int = 3
    position: int = 0
    order: int = 0
    backup_position: int = 0
    backup_order: int = 0
    encryption: Encryption | None = None

    def start(self, checkpoint_order: int) -> int:
        """Return from where this file must be replayed on top of that checkpoint."""
        if self.position > 0 and self.order <= checkpoint_order:
            return self.position
        if self.position > 0 and self.backup_position > 0 and self.backup_order <= checkpoint_order:
            return self.backup_position
        return 0


def read_metadata(log: Path, file_id: int, findings: Findings) -> LogMetadata:
    """Return the metadata of a data file; findings say what could not be used."""
    missing = True
    for path in _candidates(log):
        if not path.is_file():
            continue
        missing = False
        try:
            metadata = _version_3(path, file_id)
        except MalformedMessage as e:
            findings.add(FindingKind.METADATA, path, f"not usable: {e}")
            continue
        if path.suffix != ".meta":
            findings.add(FindingKind.METADATA, path, f"used because {log.name}.meta cannot be")
        return metadata
    if missing and (old := _version_2(log, file_id, findings)) is not None:
        return old
    findings.add(
        FindingKind.METADATA,
        log,
        "no metadata: read as version 3, not encrypted, from its start",
    )
    return LogMetadata()


def _candidates(log: Path) -> Iterator[Path]:
    for suffix in (".meta", ".meta.tmp", ".meta.old"):
        yield log.with_name(log.name + suffix)


def _version_3(path: Path, file_id: int) -> LogMetadata:
    with Window(path) as window:
        if window.size > _LARGEST:
            raise MalformedMessage(f"{window.size} bytes are too many")
        data = window.read(0, window.size)
    start, stop = delimited(data, 0, len(data))
    found = numbers(data, start, stop)
    version, own_id = number(found, 1), number(found, 2)
    if version != 3:
        raise JavaChannelError(
            f"{path} is of version {version}; this reader knows 2 and 3 (Flume 1.2 to 1.11)"
        )
    if own_id != file_id:
        raise MalformedMessage(f"it belongs to file {own_id}")
    encryption: Encryption | None = None
    for field in fields(data, start, stop):
        if field.number == 5 and field.is_bytes:
            encryption = _encryption(data, field.value, field.stop)
    return LogMetadata(
        version=3,
        position=number(found, 3),
        order=number(found, 4),
        backup_position=found.get(6, 0),
        backup_order=found.get(7, 0),
        encryption=encryption,
    )


def _encryption(data: bytes, start: int, stop: int) -> Encryption:
    found = {f.number: data[f.value : f.stop] for f in fields(data, start, stop) if f.is_bytes}
    try:
        return Encryption(found[1].decode(), found[2].decode(), found[3])
    except (KeyError, UnicodeDecodeError) as e:
        raise MalformedMessage("its description of the encryption is incomplete") from e


def _version_2(log: Path, file_id: int, findings: Findings) -> LogMetadata | None:
    """Return what the first bytes of the data file say, if they are those of version 2."""
    with Window(log, size=4096) as window:
        if window.size < FILE_HEADER.size:
            return None
        version, own_id, position, order = FILE_HEADER.unpack(window.read(0, FILE_HEADER.size))
    if version != 2:
        return None
    if own_id != file_id:
        findings.add(FindingKind.METADATA, log, f"the file says of itself that its id is {own_id}")
    return LogMetadata(version=2, position=position, order=order)
