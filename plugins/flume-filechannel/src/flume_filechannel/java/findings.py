"""What a reader noticed on the way: a bounded list for the operator to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias

from flume_filechannel.java.errors import JavaChannelDamaged

__all__ = ["Finding", "FindingKind", "Findings", "OnCorruption"]

OnCorruption: TypeAlias = Literal["report", "fail"]
"""``report``: damaged parts are left out and listed; ``fail``: the first one raises."""


class FindingKind(StrEnum):
    """What kind of thing was noticed."""

    CORRUPT_RECORD = "corrupt record"
    """Bytes in the middle of a file that are no record: an event may be lost here."""
    UNREADABLE_EVENT = "unreadable event"
    """A waiting event whose record is gone or does not match its checksum: it is lost."""
    TORN_TAIL = "torn tail"
    """The last write to a file was cut off by a crash. What was committed is not concerned."""
    HOLE = "hole"
    """A run of zero bytes, as a crash of the machine leaves; Java skips it too."""
    DISABLED_RECORD = "disabled record"
    """A record that Java's integrity tool voided."""
    METADATA = "metadata"
    """A ``.meta`` file is missing or damaged; something else was used."""
    CHECKPOINT_UNUSED = "checkpoint unused"
    """The checkpoint is missing or not valid; all data files were replayed instead."""
    MISSING_FILES = "missing files"
    """Data files seem to be missing: events may be lost, or come a second time."""
    SKIPPED_FILE = "skipped file"
    """A file in the directory that is no data file."""
    NOT_LOCKED = "not locked"
    """The lock file cannot be opened or locked: make sure that no Java agent is running."""


DAMAGE = frozenset({FindingKind.CORRUPT_RECORD, FindingKind.UNREADABLE_EVENT})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed; ``offset`` is in bytes from the start of ``file``, if it has one."""

    kind: FindingKind
    file: Path
    message: str
    offset: int | None = None

    def __str__(self) -> str:
        at = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.file}{at}: {self.kind}: {self.message}"


class Findings:
    """Collects findings: the first ``limit`` are kept, the rest counted.

    Args:
        on_corruption: with ``fail``, `add` raises `JavaChannelDamaged` for damage that loses events.
        limit: how many are kept, so that a file of rubbish cannot fill the memory.
    """

    def __init__(self, on_corruption: OnCorruption = "report", limit: int = 10_000) -> None:
        self._fail = on_corruption == "fail"
        self._limit = limit
        self._kept: dict[Finding, None] = {}
        self.not_kept = 0

    def add(self, kind: FindingKind, file: Path, message: str, offset: int | None = None) -> None:
        """Note one thing; the same thing twice is noted once."""
        finding = Finding(kind, file, message, offset)
        if self._fail and kind in DAMAGE:
            raise JavaChannelDamaged(
                f"{finding}. To go on without what is damaged, read with on_corruption='report'"
            )
        if finding in self._kept:
            return
        if len(self._kept) < self._limit:
            self._kept[finding] = None
        else:
            self.not_kept += 1

    def all(self) -> Sequence[Finding]:
        """Return what was kept, in the order in which it was noticed."""
        return tuple(self._kept)
