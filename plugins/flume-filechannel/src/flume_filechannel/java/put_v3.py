"""The put record as Java writes it, read without going field by field through the general reader."""

from __future__ import annotations

import struct
import zlib

from flume_core.event import Event, decode_header
from flume_filechannel.java.protobuf import MalformedMessage, varint

__all__ = ["usual_put"]

_BEGIN = b"\x17\x0d\x01\0\0\0\x11"  # header of 23 bytes, type PUT, then the transaction id
_HEADER = 24
_CHECKSUM = struct.Struct("<Bq")
_HEADERS, _KEY, _VALUE, _BODY, _CHECKED = 0x0A, 0x0A, 0x12, 0x12, 0x11


def usual_put(record: bytes) -> Event | None:
    """Return the event of a put in the shape that Java gives it; None for any other, right or wrong."""
    if not record.startswith(_BEGIN):
        return None
    try:
        return _usual(record)
    except (IndexError, struct.error, MalformedMessage):
        return None


def _usual(record: bytes) -> Event | None:
    end = len(record) - 1  # where the footer is
    length, at = _length(record, _HEADER)
    if at + length != end or record[end] or record[at] != _HEADERS:
        return None
    length, at = _length(record, at + 1)
    event_end = at + length
    headers: dict[str, str] = {}
    while record[at] == _HEADERS:
        length, at = _length(record, at + 1)
        stop = at + length
        if record[at] != _KEY:
            return None
        length, at = _length(record, at + 1)
        key = decode_header(record[at : at + length])
        at += length
        if at >= stop or record[at] != _VALUE:
            return None
        length, at = _length(record, at + 1)
        headers[key] = decode_header(record[at : at + length])
        at += length
        if at != stop:
            return None
    if record[at] != _BODY:
        return None
    length, at = _length(record, at + 1)
    body = record[at : at + length]
    if at + length != event_end or event_end + _CHECKSUM.size != end:
        return None
    tag, checksum = _CHECKSUM.unpack_from(record, event_end)
    if tag != _CHECKED or zlib.crc32(body) != checksum:
        return None
    return Event(body, headers)


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return a length and the position behind it; most are a single byte."""
    byte = data[at]
    return (byte, at + 1) if byte < 0x80 else varint(data, at, len(data))
