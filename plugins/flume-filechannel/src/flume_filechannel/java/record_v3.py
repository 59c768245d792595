"""Records of version 3 (Flume 1.4 on): op byte, length, then protobuf messages, possibly encrypted.

The header of a record has always the same shape, so `run` unpacks it in one go, and does not look into the
bodies of puts: a put that was taken since is of no interest, and one that waits is checked when it is read.
It does check that the lengths in the frame and in the record agree, because the frame says what comes next.
What has another shape goes through the general reader.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator
from typing import Protocol

from flume_core.event import Event, decode_header
from flume_filechannel.java.protobuf import (
    MalformedMessage,
    delimited,
    fields,
    number,
    numbers,
)
from flume_filechannel.java.put_v3 import usual_put
from flume_filechannel.java.record import (
    COMMIT,
    KINDS,
    OP_DISABLED,
    OP_RECORD,
    PUT,
    ROLLBACK,
    TAKE,
    DisabledRecord,
    Entry,
    pointer,
)
from flume_filechannel.java.window import Window

__all__ = ["Decryptor", "FramedRecords"]

_FRAME = struct.Struct(">Bi")
_HEADER = struct.Struct("<BBiBqBq")  # length and four tags are as unpacked below
_TAKE = struct.Struct("<BBiBiB")
_COMMIT = struct.Struct("<BBiB")
_TAKE_LENGTH = _HEADER.size + _TAKE.size
_COMMIT_LENGTH = _HEADER.size + _COMMIT.size
_SHORTEST = _HEADER.size + 2
_LOOK = _FRAME.size + _TAKE_LENGTH
_BEGIN = b"\x17\x0d"  # length 23, tag of the type


class Decryptor(Protocol):
    """Turns the first bytes of an encrypted record into clear text; any prefix of a record will do."""

    def __call__(self, data: bytes, /) -> bytes:
        """Return as many bytes as were given."""


class FramedRecords:
    """The record format of one version 3 file.

    Args:
        file_id: the id that pointers into this file have.
        decrypt: None for a file that is not encrypted.
    """

    def __init__(self, file_id: int, decrypt: Decryptor | None = None) -> None:
        self._id = file_id
        self._decrypt = decrypt
        self.signature = _BEGIN if decrypt is None else decrypt(_BEGIN)  # XOR: its own inverse
        self.lead = _FRAME.size

    def run(self, window: Window, position: int) -> Generator[Entry, None, int]:
        """Give the records from ``position`` on; return where something else begins."""
        size, base = window.size, pointer(self._id, 0)
        while position < size:
            chunk = window.load(position)
            ends = position + len(chunk) >= size
            limit = len(chunk) if ends else len(chunk) - _LOOK
            if limit <= 0:
                return position  # the file became shorter meanwhile
            if ends:
                chunk += bytes(_LOOK)  # so that a short last record can be unpacked
            start, index = position, 0
            while index < limit:
                op, length = _FRAME.unpack_from(chunk, index)
                if op != OP_RECORD or length < _SHORTEST or length > size - position - _FRAME.size:
                    return position
                entry = self._quick(chunk, index + _FRAME.size, length, base | position)
                if entry is None:
                    try:
                        entry, _ = self.entry(window, position)
                    except MalformedMessage:
                        return position
                yield entry
                index += _FRAME.size + length
                position = start + index
        return position

    def _quick(self, chunk: bytes, at: int, length: int, own: int) -> Entry | None:
        """Return the record if it has the usual shape. ``own``: the pointer to it."""
        if self._decrypt is not None:
            chunk, at = self._decrypt(chunk[at : at + min(length, _TAKE_LENGTH)]), 0
            chunk += bytes(_TAKE_LENGTH - len(chunk))
        a, b, kind, c, transaction, d, order = _HEADER.unpack_from(chunk, at)
        if (a, b, c, d) != (0x17, 0x0D, 0x11, 0x19):
            return None
        at += _HEADER.size
        if kind == PUT:
            return (order, transaction, PUT, own) if _fills(chunk, at, length) else None
        if kind == TAKE and length == _TAKE_LENGTH:
            a, b, file_id, c, offset, d = _TAKE.unpack_from(chunk, at)
            if (a, b, c, d) == (0x0A, 0x0D, 0x15, 0):
                return order, transaction, TAKE, pointer(file_id, offset)
        elif kind == COMMIT and length == _COMMIT_LENGTH:
            a, b, of, c = _COMMIT.unpack_from(chunk, at)
            if (a, b, c) == (5, 0x0D, 0) and of in (PUT, TAKE):
                return order, transaction, COMMIT, of
        elif kind == ROLLBACK and length == _SHORTEST and chunk[at : at + 2] == b"\0\0":
            return order, transaction, ROLLBACK, 0
        return None

    def entry(self, window: Window, position: int) -> tuple[Entry, int]:
        """Return the record at ``position``, wholly checked, and where the next one begins."""
        record = self._record(window, position)
        kind, transaction, order, start, stop = _parts(record)
        found = numbers(record, start, stop)
        value = 0
        if kind == PUT:
            _event(record, start, stop)
            value = pointer(self._id, position)
        elif kind == TAKE:
            value = pointer(number(found, 1), number(found, 2))
        elif kind == COMMIT:
            value = number(found, 1)
            if value not in (PUT, TAKE):
                raise MalformedMessage(f"a commit of type {value}")
        return (order, transaction, kind, value), position + _FRAME.size + len(record)

    def next_by_length(self, window: Window, position: int) -> int | None:
        """Return where the next record begins by the length written there."""
        _, length = _FRAME.unpack(window.read(position, _FRAME.size))
        end: int = position + _FRAME.size + length
        return end if length > 0 and end <= window.size else None

    def event(self, window: Window, position: int) -> Event:
        """Return the event of the put at ``position``."""
        record = self._record(window, position)
        if (usual := usual_put(record)) is not None:
            return usual
        kind, _, _, start, stop = _parts(record)
        if kind != PUT:
            raise MalformedMessage(f"a record of type {kind} where an event was expected")
        return _event(record, start, stop)

    def _record(self, window: Window, position: int) -> bytes:
        op, length = _FRAME.unpack(window.read(position, _FRAME.size))
        if op == OP_DISABLED:
            raise DisabledRecord
        if op != OP_RECORD:
            raise MalformedMessage(f"op byte {op:02x}")
        record = window.read(position + _FRAME.size, length)
        return record if self._decrypt is None else self._decrypt(record)


def _fills(chunk: bytes, at: int, length: int) -> bool:
    """Whether the message at ``at``, behind the header, and the footer end where the record does."""
    start, message, shift = at, 0, 0
    while True:
        byte = chunk[at]
        at += 1
        message |= (byte & 0x7F) << shift
        if byte < 0x80:
            return _HEADER.size + at - start + message + 1 == length
        shift += 7
        if shift > 28:
            return False


def _parts(record: bytes) -> tuple[int, int, int, int, int]:
    """Return kind, transaction id, write-order id, and start and stop of the message proper."""
    end = len(record)
    start, stop = delimited(record, 0, end)
    header = numbers(record, start, stop)
    kind = number(header, 1)
    if kind not in KINDS:
        raise MalformedMessage(f"a record of type {kind}")
    start, stop = delimited(record, stop, end)
    _, footer = delimited(record, stop, end)
    if footer != end:
        raise MalformedMessage(f"{end - footer} bytes behind the end of a record")
    return kind, number(header, 2), number(header, 3), start, stop


def _event(record: bytes, start: int, stop: int) -> Event:
    """Return the event of a Put message, its checksum checked where it has one."""
    body: bytes | None = None
    checksum: int | None = None
    headers: dict[str, str] = {}
    for field in fields(record, start, stop):
        if field.number == 1 and field.is_bytes:
            for part in fields(record, field.value, field.stop):
                if part.number == 2 and part.is_bytes:
                    body = record[part.value : part.stop]
                elif part.number == 1 and part.is_bytes:
                    key, value = _header(record, part.value, part.stop)
                    headers[key] = value
        elif field.number == 2 and not field.is_bytes:
            checksum = field.value
    if body is None:
        raise MalformedMessage("an event without a body")
    if checksum is not None and zlib.crc32(body) != checksum:
        raise MalformedMessage("the body does not match its checksum")
    return Event(body, headers)


def _header(record: bytes, start: int, stop: int) -> tuple[str, str]:
    """Return one header; Java writes a null value by leaving it out, and reads it as empty."""
    found = {f.number: record[f.value : f.stop] for f in fields(record, start, stop) if f.is_bytes}
    if 1 not in found:
        raise MalformedMessage("a header without a key")
    return decode_header(found[1]), decode_header(found.get(2, b""))
