"""A data file as it was found: where it is, what its metadata says, and how its records are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flume_filechannel.java.data_file import DataFile
from flume_filechannel.java.encryption import CIPHER_PROVIDER, KeyLookup, KeyStream
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind, Findings
from flume_filechannel.java.metadata import Encryption, LogMetadata, read_metadata
from flume_filechannel.java.record import RecordFormat
from flume_filechannel.java.record_v2 import FILE_HEADER, PlainRecords
from flume_filechannel.java.record_v3 import FramedRecords

__all__ = ["LogFile", "find_log_files", "holds_log_files"]

_NAME = re.compile(r"log-([0-9]+)")
_OURS = re.compile(r"log-[0-9]+\.(meta|meta\.tmp|meta\.old)")
_LARGEST_ID = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class LogFile:
    """One ``log-<id>``; `open` gives its records and events."""

    path: Path
    file_id: int
    metadata: LogMetadata
    records: RecordFormat

    def open(self, findings: Findings) -> DataFile:
        """Open it for reading; the caller closes it."""
        return DataFile(self.path, self.records, findings)

    def start(self, checkpoint_order: int | None) -> int:
        """Return from which byte it must be replayed, on top of that checkpoint or from nothing."""
        first = FILE_HEADER.size if self.metadata.version == 2 else 0
        if checkpoint_order is None:
            return first
        return max(first, self.metadata.start(checkpoint_order))

    def knows(self, checkpoint_order: int) -> bool:
        """Whether its metadata names that checkpoint."""
        return checkpoint_order in (self.metadata.order, self.metadata.backup_order)


def holds_log_files(directory: Path) -> bool:
    """Whether there is any ``log-<id>`` in a directory."""
    return directory.is_dir() and any(_NAME.fullmatch(path.name) for path in directory.iterdir())


def find_log_files(
    directory: Path, keys: KeyLookup | None, findings: Findings
) -> Sequence[LogFile]:
    """Return the data files of one data directory by id; what else is there is a finding or expected.

    Raises:
        JavaChannelError: the directory cannot be read, or a file is encrypted and the key is missing,
            wrong, or not wanted by any library here.
    """
    try:
        paths = sorted(directory.iterdir())
    except OSError as e:
        raise JavaChannelError(f"cannot list {directory}: {e.strerror}") from e
    found: list[LogFile] = []
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if match is None:
            if path.name.startswith("log-") and not _OURS.fullmatch(path.name):
                findings.add(FindingKind.SKIPPED_FILE, path, "not a data file")
            continue
        file_id = int(match[1]) if len(match[1]) < 20 else 0
        if not 0 < file_id <= _LARGEST_ID or not path.is_file():
            findings.add(FindingKind.SKIPPED_FILE, path, "not a data file")
        elif path.stat().st_size:
            found.append(_log_file(path, file_id, keys, findings))
    return sorted(found, key=lambda log: log.file_id)


def _log_file(path: Path, file_id: int, keys: KeyLookup | None, findings: Findings) -> LogFile:
    metadata = read_metadata(path, file_id, findings)
    if metadata.version == 2:
        return LogFile(path, file_id, metadata, PlainRecords(file_id))
    if metadata.encryption is None:
        return LogFile(path, file_id, metadata, FramedRecords(file_id))
    stream = _key_stream(path, metadata.encryption, keys)
    log = LogFile(path, file_id, metadata, FramedRecords(file_id, stream))
    data = log.open(findings)
    try:
        if not data.matches_key():
            raise JavaChannelError(
                f"{path}: the key given for {metadata.encryption.alias!r} does not decrypt it. "
                "Take the key of that alias from the key store that the agent used"
            )
    finally:
        data.close()
    return log


def _key_stream(path: Path, encryption: Encryption, keys: KeyLookup | None) -> KeyStream:
    if encryption.provider.upper() != CIPHER_PROVIDER:
        raise JavaChannelError(
            f"{path} is encrypted by {encryption.provider!r}; only {CIPHER_PROVIDER} can be read"
        )
    if keys is None:
        raise JavaChannelError(
            f"{path} is encrypted with the key {encryption.alias!r}: give the key store of the agent"
        )
    try:
        key = keys(encryption.alias)
    except KeyError as e:
        raise JavaChannelError(
            f"{path} is encrypted with the key {encryption.alias!r}, which is not among those given"
        ) from e
    return KeyStream(key, encryption.parameters)
