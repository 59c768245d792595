"""One data file: its records in order, its events by offset, and the way around what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flume_core.event import Event
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind, Findings
from flume_filechannel.java.protobuf import MalformedMessage
from flume_filechannel.java.record import (
    OP_DISABLED,
    OP_END,
    OP_RECORD,
    DisabledRecord,
    Entry,
    RecordFormat,
)
from flume_filechannel.java.window import Window

__all__ = ["DataFile"]

_LARGEST = (1 << 31) - 1  # Java keeps offsets in 31 bits
_FRAME = 5  # op byte and length
_STEP = 1 << 20
_CHECKED = 8  # records that are tried before a key is called wrong


class DataFile:
    """Reads one open data file. Close it after use; it can be opened again by making another one.

    Args:
        path: the file.
        records: how its records are laid out.
        findings: where damage is reported.
    """

    def __init__(self, path: Path, records: RecordFormat, findings: Findings) -> None:
        self.path = path
        self._records = records
        self._findings = findings
        self._window = Window(path)
        self._window.size = min(self._window.size, _LARGEST)
        # Each look at a possible record costs its length: this bounds the work in a file of rubbish.
        self._budget = 16 * self._window.size + (1 << 20)

    @property
    def size(self) -> int:
        """The bytes of the file at opening."""
        return self._window.size

    def entries(self, position: int) -> Iterator[Entry]:
        """Give the records from ``position`` to the end; what is none is reported and passed over."""
        while position < self.size:
            position = yield from self._records.run(self._window, position)
            if position < self.size:
                position = self._past_trouble(position)

    def event(self, offset: int) -> Event:
        """Return the event at ``offset``.

        Raises:
            MalformedMessage: there is no put that can be read and matches its checksum.
            DisabledRecord: Java's integrity tool voided it.
        """
        return self._records.event(self._window, offset)

    def order_at(self, offset: int) -> int | None:
        """Return the write-order id of the record at ``offset``, None if it cannot be read."""
        try:
            return self._records.entry(self._window, offset)[0][0]
        except (MalformedMessage, DisabledRecord):
            return None

    def begins_record(self, position: int) -> bool:
        """Whether the file ends, or something that is allowed there begins, at ``position``."""
        if position >= self.size:
            return position == self.size
        return self._op(position) in (OP_DISABLED, OP_END, OP_RECORD)

    def matches_key(self) -> bool:
        """Whether any of the first records is readable: a wrong key makes all of them rubbish."""
        position: int | None = 0
        tried = 0
        while position is not None and position < self.size and tried < _CHECKED:
            if self._op(position) != OP_RECORD:
                break
            if self._is_record(position):
                return True
            tried += 1
            position = self._length_says(position)
        return tried == 0

    def close(self) -> None:
        """Close the file."""
        self._window.close()

    # --- around damage

    def _op(self, position: int) -> int:
        try:
            return self._window.read(position, 1)[0]
        except MalformedMessage as e:
            raise JavaChannelError(f"{self.path} became shorter while it was read") from e

    def _past_trouble(self, position: int) -> int:
        """Return where to go on from something that is no record; the end of the file if nowhere."""
        op = self._op(position)
        if op == OP_END:
            return self.size
        if op == OP_DISABLED:
            return self._past_zero(position)
        return self._past_damage(position)

    def _past_zero(self, position: int) -> int:
        """A zero byte begins a voided record or a hole of zeros, which reads as empty records."""
        something = self._first_nonzero(position)
        if something - position >= _FRAME or something == self.size:
            self._findings.add(
                FindingKind.HOLE, self.path, f"{something - position} zero bytes", position
            )
        if something == self.size:
            return self.size
        if self._is_record(something):
            return something
        aligned = position + (something - position) // _FRAME * _FRAME
        end = self._length_says(aligned)
        if end is not None and self._plausible(end):
            if aligned > position:
                return aligned
            self._findings.add(
                FindingKind.DISABLED_RECORD,
                self.path,
                f"{end - position} bytes, voided by Java's integrity tool",
                position,
            )
            return end
        if self._op(something) == OP_END:
            return self.size
        return self._past_damage(aligned)

    def _past_damage(self, position: int) -> int:
        end = self._length_says(position)
        if end is None or not (end < self.size and self._is_record(end)):
            found = self._search(position + 1)
        else:
            found = end
        if found is not None:
            self._findings.add(
                FindingKind.CORRUPT_RECORD,
                self.path,
                f"{found - position} bytes are no record and were left out",
                position,
            )
            return found
        whole = end is not None and (end == self.size or self._op(end) == OP_END)
        self._findings.add(
            FindingKind.CORRUPT_RECORD if whole else FindingKind.TORN_TAIL,
            self.path,
            "the last record cannot be read"
            if whole
            else f"nothing readable in the last {self.size - position} bytes",
            position,
        )
        return self.size

    def _plausible(self, position: int) -> bool:
        if position == self.size:
            return True
        op = self._op(position)
        return op in (OP_END, OP_DISABLED) or self._is_record(position)

    def _length_says(self, position: int) -> int | None:
        try:
            return self._records.next_by_length(self._window, position)
        except MalformedMessage:
            return None

    def _is_record(self, position: int) -> bool:
        end = self._length_says(position)
        self._budget -= max(4096, 0 if end is None else end - position)
        if self._budget < 0:
            return False
        try:
            self._records.entry(self._window, position)
        except (MalformedMessage, DisabledRecord):
            return False
        return True

    def _first_nonzero(self, position: int) -> int:
        while position < self.size:
            piece = self._window.read(position, min(_STEP, self.size - position))
            rest = len(piece.lstrip(b"\0"))
            if rest:
                return position + len(piece) - rest
            position += len(piece)
        return self.size

    def _search(self, position: int) -> int | None:
        """Return the first whole record at or after ``position``, found by what all records share."""
        signature, lead = self._records.signature, self._records.lead
        at = position + lead
        while at < self.size and self._budget >= 0:
            piece = self._window.read(at, min(_STEP, self.size - at))
            index = piece.find(signature)
            while index >= 0 and self._budget >= 0:
                candidate = at + index - lead
                if self._op(candidate) == OP_RECORD and self._is_record(candidate):
                    return candidate
                index = piece.find(signature, index + 1)
            if len(piece) < len(signature) or at + len(piece) >= self.size:
                return None
            at += len(piece) - len(signature) + 1
        return None
