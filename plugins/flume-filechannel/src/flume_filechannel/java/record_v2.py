"""Records of version 2 (Flume 1.2 and 1.3), which are written without a length, big-endian::

    op byte 7f | int deadbeef | short type | long transaction id | long write-order id | fields

    PUT       byte n, n * (byte id, class name) | int count, count * (byte id, text, byte id, text)
              | int length of the body (-1: null), body        text: Hadoop's variable int, then UTF-8
    TAKE      int offset | int file id        (this way round; version 3 has them the other way)
    COMMIT    short 1 or 2, as in version 3
    ROLLBACK  nothing

The file begins with 24 bytes: int 2, int file id, long checkpoint position, long checkpoint write-order id.
Nothing is protected by a checksum, and nothing is ever encrypted.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from flume_core.event import Event, decode_header
from flume_filechannel.java.protobuf import MalformedMessage
from flume_filechannel.java.record import (
    COMMIT,
    KINDS,
    OP_DISABLED,
    OP_RECORD,
    PUT,
    TAKE,
    DisabledRecord,
    Entry,
    pointer,
)
from flume_filechannel.java.window import Window

__all__ = ["FILE_HEADER", "PlainRecords"]

FILE_HEADER = struct.Struct(">iiqq")
_HEADER = struct.Struct(">BIhqq")
_MAGIC = 0xDEADBEEF
_INT = struct.Struct(">i")
_SHORT = struct.Struct(">h")
_TAKE = struct.Struct(">ii")


class PlainRecords:
    """The record format of one version 2 file, whose pointers have the id ``file_id``."""

    signature = _MAGIC.to_bytes(4, "big")
    lead = 1

    def __init__(self, file_id: int) -> None:
        self._id = file_id

    def run(self, window: Window, position: int) -> Generator[Entry, None, int]:
        """Give the records from ``position`` on; return where something else begins."""
        while position < window.size:
            try:
                entry, position = self.entry(window, position)
            except (MalformedMessage, DisabledRecord):
                return position
            yield entry
        return position

    def entry(self, window: Window, position: int) -> tuple[Entry, int]:
        """Return the record at ``position``, wholly checked, and where the next one begins."""
        reader, kind, transaction, order = self._begin(window, position)
        value = 0
        if kind == PUT:
            value = pointer(self._id, position)
            _headers(reader)
            reader.skip(_body_length(reader))
        elif kind == TAKE:
            offset, file_id = _TAKE.unpack(reader.take(_TAKE.size))
            value = pointer(file_id, offset)
        elif kind == COMMIT:
            (value,) = _SHORT.unpack(reader.take(_SHORT.size))
            if value not in (PUT, TAKE):
                raise MalformedMessage(f"a commit of type {value}")
        return (order, transaction, kind, value), reader.position

    def next_by_length(self, window: Window, position: int) -> int | None:
        """Return None: this format has no lengths."""
        return None

    def event(self, window: Window, position: int) -> Event:
        """Return the event of the put at ``position``."""
        reader, kind, _, _ = self._begin(window, position)
        if kind != PUT:
            raise MalformedMessage(f"a record of type {kind} where an event was expected")
        headers = _headers(reader)
        return Event(reader.take(_body_length(reader)), headers)

    def _begin(self, window: Window, position: int) -> tuple[_Reader, int, int, int]:
        reader = _Reader(window, position)
        if window.read(position, 1)[0] == OP_DISABLED:
            raise DisabledRecord
        op, magic, kind, transaction, order = _HEADER.unpack(reader.take(_HEADER.size))
        if op != OP_RECORD or magic != _MAGIC or kind not in KINDS:
            raise MalformedMessage("no record begins here")
        return reader, kind, transaction, order


class _Reader:
    """A position in a file that moves on with what is read."""

    __slots__ = ("_window", "position")

    def __init__(self, window: Window, position: int) -> None:
        self._window = window
        self.position = position

    def take(self, length: int) -> bytes:
        data = self._window.read(self.position, length)
        self.position += length
        return data

    def skip(self, length: int) -> None:
        if length > self._window.size - self.position:
            raise MalformedMessage(f"a body of {length} bytes goes beyond the end of the file")
        self.position += length

    def variable_int(self) -> int:
        """Hadoop's: one byte from -112 to 127, or a byte that says how many follow."""
        first = self.take(1)[0]
        if first < 0x80 or first >= 0x90:
            return first - 256 if first >= 0x90 else first
        if first < 0x88:
            raise MalformedMessage("a text of negative length")
        return int.from_bytes(self.take(0x90 - first), "big")

    def text(self) -> str:
        self.take(1)  # the id of the class; the only one Flume writes is Text
        return decode_header(self.take(self.variable_int()))


def _headers(reader: _Reader) -> dict[str, str]:
    for _ in range(reader.take(1)[0]):
        reader.take(1)
        reader.take(int.from_bytes(reader.take(2), "big"))
    (count,) = _INT.unpack(reader.take(_INT.size))
    headers: dict[str, str] = {}
    for _ in range(max(0, count)):  # a count that is too large ends at the end of the file
        key = reader.text()
        headers[key] = reader.text()
    return headers


def _body_length(reader: _Reader) -> int:
    (length,) = _INT.unpack(reader.take(_INT.size))
    if length < -1:
        raise MalformedMessage(f"a body of {length} bytes")
    return max(0, int(length))
