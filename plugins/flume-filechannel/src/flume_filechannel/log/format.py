"""The layout of a segment, version 1. Integers are little-endian.

A segment is a file ``segment-ID.log`` (ID: 16 decimal digits) of fixed length: a header of 4096 bytes,
then records, then whatever the file held in its life before. **Segment header**::

     0  magic       8 bytes  "FLUMELOG"
     8  version     u16      1
    10  alias_len   u16      bytes of the key alias; 0: not encrypted
    12  reserved    u32      0
    16  id          u64      counts up by one from segment to segment, over all directories
    24  salt        u64      random, new each time the file is used
    32  first_seq   u64      sequence number of the first event that may be in it
    40  size        u64      length of the file in bytes
    48  alias       UTF-8    name of the key its records are sealed with
  4092  crc         u32      CRC32C of bytes 0 to 4091

**Record**: 48 bytes of header, the payload, zeros up to a multiple of 8::

     0  head_crc      u32    CRC32C of the salt (8 bytes) and bytes 4 to 47
     4  kind          u8     1 put, 2 take, 3 state
     5  flags         u8     see below
     6  reserved      u16    0
     8  events        u32    of the batch; for a take with the flag LOST, those given up
    12  headers_len   u32    bytes of the first part of the payload
    16  progress_len  u32    bytes of the second part
    20  body_len      u32    bytes of the third part
    24  payload_len   u32    bytes of the payload as stored, after compression and sealing
    28  payload_crc   u32    CRC32C of the payload as stored
    32  seq           u64    number of the first event; take and state: of the next event to come
    40  synced        u64    offset in this file up to which all was on disk when this was written

The payload is three parts, one behind the other, msgpack but for a body in lines:

* put: headers ``[shared, {key: column}]`` (nothing: no headers), progress, bodies
* take: the ranges taken ``[first, end, first, end, ...]``, progress
* state: ``[watermark, first, end, ...]`` (all below the watermark is taken, and these), all progress

Progress is ``{owner: {key: bytes or nil}}``; nil removes the entry. Flags: LINES (1) bodies are lines,
each with its LF, else a msgpack array of byte strings; COMPRESSED (2); SEALED (4); RAW (8) header text
is stored as byte strings because some of it is not UTF-8; LOST (16) the ranges of this take were
damaged and given up.

Invariants:

1. Numbers of events count up without gaps over all segments: a put's ``seq`` is the one before plus
   that one's ``events``. In a segment, what does not continue the numbers is not a record.
2. The first record of a segment is a state: what is taken and all progress before it. So the newest
   segment is enough to know both, and older ones only matter for the events in them.
3. A segment is synced before its successor gets its name. Records of a segment whose numbers are not
   below the successor's ``first_seq`` were given up (their sync failed) and do not count.
4. A record that does not check, with none behind it whose ``synced`` reaches beyond it, is where the
   last write was torn: the log ends there. Any other one is damage.
5. A file is used again only after a state or takes on disk say that all its events are taken.
6. After a start a new segment is begun: nothing is ever written behind a torn end.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from google_crc32c import extend, value

__all__ = [
    "COMPRESSED",
    "HEADER_SIZE",
    "LINES",
    "LOST",
    "PUT",
    "RAW",
    "RECORD_SIZE",
    "SEALED",
    "STATE",
    "TAKE",
    "VERSION",
    "RecordHead",
    "SegmentHead",
    "UnknownVersion",
    "checksum",
    "pack_record_head",
    "pack_segment_head",
    "padded",
    "salt_seed",
    "unpack_record_head",
    "unpack_segment_head",
]

VERSION = 1
HEADER_SIZE = 4096
RECORD_SIZE = 48
PUT, TAKE, STATE = 1, 2, 3
LINES, COMPRESSED, SEALED, RAW, LOST = 1, 2, 4, 8, 16

_MAGIC = b"FLUMELOG"
_SEGMENT = Struct("<8sHHIQQQQ")
_RECORD = Struct("<BBHIIIIIIQQ")
_CRC = Struct("<I")
_SALT = Struct("<Q")


class UnknownVersion(Exception):
    """The file was written by a newer version of this package."""


class SegmentHead(NamedTuple):
    """What the header of a segment says; see the module."""

    id: int
    salt: int
    first_seq: int
    size: int
    alias: str


class RecordHead(NamedTuple):
    """What the header of a record says; see the module."""

    kind: int
    flags: int
    events: int
    headers_len: int
    progress_len: int
    body_len: int
    payload_len: int
    payload_crc: int
    seq: int
    synced: int

    @property
    def size(self) -> int:
        """The bytes of the whole record in the file."""
        return RECORD_SIZE + padded(self.payload_len)


def padded(size: int) -> int:
    """Return ``size`` rounded up to a multiple of 8."""
    return (size + 7) & ~7


def checksum(parts: list[bytes]) -> int:
    """Return the CRC32C of byte strings one behind the other."""
    crc = 0
    for part in parts:
        crc = extend(crc, part)
    return crc


def salt_seed(salt: int) -> int:
    """Return what the checksums of record headers of a segment begin with."""
    return int(value(_SALT.pack(salt)))


def pack_segment_head(head: SegmentHead) -> bytes:
    """Return the 4096 bytes a segment begins with."""
    alias = head.alias.encode()
    fixed = _SEGMENT.pack(
        _MAGIC, VERSION, len(alias), 0, head.id, head.salt, head.first_seq, head.size
    )
    body = (fixed + alias).ljust(HEADER_SIZE - _CRC.size, b"\0")
    return body + _CRC.pack(value(body))


def unpack_segment_head(data: bytes) -> SegmentHead | None:
    """Return what a segment's first bytes say, None if they are damaged. Raises `UnknownVersion`."""
    if len(data) < HEADER_SIZE or data[:8] != _MAGIC:
        return None
    body = data[: HEADER_SIZE - _CRC.size]
    if value(body) != _CRC.unpack_from(data, HEADER_SIZE - _CRC.size)[0]:
        return None
    _, version, alias_len, _, id_, salt, first_seq, size = _SEGMENT.unpack_from(data)
    if version > VERSION:
        raise UnknownVersion(f"version {version}")
    alias = data[_SEGMENT.size : _SEGMENT.size + alias_len].decode()
    return SegmentHead(id_, salt, first_seq, size, alias)


def pack_record_head(seed: int, head: RecordHead) -> bytes:
    """Return the 48 bytes of a record's header; ``seed`` is `salt_seed` of its segment."""
    kind, flags, *rest = head
    fixed = _RECORD.pack(kind, flags, 0, *rest)
    return _CRC.pack(extend(seed, fixed)) + fixed


def unpack_record_head(seed: int, data: bytes) -> RecordHead | None:
    """Return what 48 bytes say, None if they are no header of this segment."""
    if len(data) != RECORD_SIZE or data[4] not in (PUT, TAKE, STATE):
        return None
    fixed = data[4:]
    if extend(seed, fixed) != _CRC.unpack_from(data)[0]:
        return None
    kind, flags, _, *rest = _RECORD.unpack(fixed)
    return RecordHead(kind, flags, *rest)
