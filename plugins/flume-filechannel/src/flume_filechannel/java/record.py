"""What the replay needs to know of a record, and what the two formats of records have in common."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, Protocol, TypeAlias

from flume_core.event import Event
from flume_filechannel.java.window import Window

__all__ = [
    "COMMIT",
    "KINDS",
    "PUT",
    "ROLLBACK",
    "TAKE",
    "DisabledRecord",
    "Entry",
    "RecordFormat",
    "pointer",
]

PUT: Final = 1
TAKE: Final = 2
ROLLBACK: Final = 3
COMMIT: Final = 4
KINDS: Final = frozenset({PUT, TAKE, ROLLBACK, COMMIT})

OP_RECORD: Final = 0x7F
OP_DISABLED: Final = 0x00
OP_END: Final = 0x80

Entry: TypeAlias = tuple[int, int, int, int]
"""Write-order id, transaction id, kind, value: so sorted, entries are in the order of replay.

The value is a pointer for a put (its own) and a take, PUT or TAKE for a commit, 0 for a rollback.
"""


def pointer(file_id: int, offset: int) -> int:
    """Return the 64 bits by which the queue names an event."""
    return (file_id & 0xFFFFFFFF) << 32 | offset & 0xFFFFFFFF


class DisabledRecord(Exception):
    """The record was voided by Java's integrity tool."""


class RecordFormat(Protocol):
    """How records lie in one data file. Every method raises MalformedMessage for what is no record."""

    @property
    def signature(self) -> bytes:
        """Bytes that are the same in every record of the file."""

    @property
    def lead(self) -> int:
        """How many bytes the signature is behind the op byte."""

    def run(self, window: Window, position: int) -> Generator[Entry, None, int]:
        """Give the records from ``position`` on; return where something that is no record begins."""

    def entry(self, window: Window, position: int) -> tuple[Entry, int]:
        """Return the record at ``position``, wholly checked, and where the next one begins."""

    def next_by_length(self, window: Window, position: int) -> int | None:
        """Return where the next record begins if the length written there is right, if there is one."""

    def event(self, window: Window, position: int) -> Event:
        """Return the event of the put at ``position``; DisabledRecord if it was voided."""
