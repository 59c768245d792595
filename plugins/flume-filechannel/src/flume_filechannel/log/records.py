"""What records hold: batches, takes and states, as the parts of a payload and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from flume_core.batch import Column, EventBatch
from flume_core.event import decode_header, encode_header
from flume_core.transaction import Progress
from flume_filechannel.log.format import LINES, RAW

__all__ = [
    "AllProgress",
    "Parts",
    "Undecodable",
    "decode_batch",
    "decode_progress",
    "decode_ranges",
    "encode_batch",
    "encode_progress",
    "encode_ranges",
    "merge_progress",
]

AllProgress: TypeAlias = dict[str, dict[str, bytes]]
"""Owner to the entries of its progress."""

_encode = msgspec.msgpack.Encoder().encode
_decode_text = msgspec.msgpack.Decoder(tuple[dict[str, str], dict[str, list[str | None]]]).decode
_decode_raw = msgspec.msgpack.Decoder(
    tuple[dict[bytes, bytes], dict[bytes, list[bytes | None]]]
).decode
_decode_progress = msgspec.msgpack.Decoder(dict[str, dict[str, bytes | None]]).decode
_decode_ranges = msgspec.msgpack.Decoder(list[int]).decode


class Undecodable(Exception):
    """The checksum is right and the contents make no sense."""


class Parts(NamedTuple):
    """A payload before compression and sealing."""

    headers: bytes
    progress: bytes
    body: list[bytes]
    """The third part, in pieces that lie one behind the other."""
    flags: int


def encode_batch(batch: EventBatch) -> tuple[bytes, list[bytes], int]:
    """Return the headers of a batch, its bodies in pieces, and the flags that say how to read them."""
    headers, flags = _encode_headers(batch)
    if batch.is_block:
        pieces = [b if isinstance(b, bytes) else bytes(b) for b in batch.buffers()]
        return headers, pieces, flags | LINES
    packed = batch.packed()
    return headers, [packed if isinstance(packed, bytes) else bytes(packed)], flags


def _encode_headers(batch: EventBatch) -> tuple[bytes, int]:
    shared, columns = batch.headers, batch.columns
    if not shared and not columns:
        return b"", 0
    try:
        return _encode((dict(shared), dict(columns))), 0
    except UnicodeEncodeError:
        raw_shared = {encode_header(k): encode_header(v) for k, v in shared.items()}
        raw_columns = {
            encode_header(k): [None if v is None else encode_header(v) for v in column]
            for k, column in columns.items()
        }
        return _encode((raw_shared, raw_columns)), RAW


def decode_batch(count: int, flags: int, headers: bytes, body: bytes) -> EventBatch:
    """Return the batch of a put. Raises `Undecodable`."""
    try:
        shared, columns = _decode_headers(headers, flags)
        if flags & LINES:
            return EventBatch.from_block(body, count, shared, columns)
        return EventBatch.from_packed(body, count, shared, columns)
    except (msgspec.MsgspecError, ValueError) as e:
        raise Undecodable(str(e)) from e


def _decode_headers(headers: bytes, flags: int) -> tuple[Mapping[str, str], Mapping[str, Column]]:
    if not headers:
        return {}, {}
    if not flags & RAW:
        return _decode_text(headers)
    shared, columns = _decode_raw(headers)
    return (
        {decode_header(k): decode_header(v) for k, v in shared.items()},
        {
            decode_header(k): [None if v is None else decode_header(v) for v in column]
            for k, column in columns.items()
        },
    )


def encode_progress(progress: Mapping[str, Progress] | None) -> bytes:
    """Return the changes of progress as bytes; none are no bytes."""
    if not progress:
        return b""
    try:
        return _encode(progress)
    except UnicodeEncodeError:
        return _encode(
            {
                encode_header(owner): {encode_header(k): v for k, v in entries.items()}
                for owner, entries in progress.items()
            }
        )


def decode_progress(data: bytes) -> Mapping[str, Progress]:
    """Return what `encode_progress` wrote. Raises `Undecodable`."""
    if not data:
        return {}
    try:
        return _decode_progress(data)
    except msgspec.MsgspecError:
        return _decode_raw_progress(data)


def _decode_raw_progress(data: bytes) -> Mapping[str, Progress]:
    try:
        raw = msgspec.msgpack.decode(data, type=dict[bytes, dict[bytes, bytes | None]])
    except msgspec.MsgspecError as e:
        raise Undecodable(str(e)) from e
    return {
        decode_header(owner): {decode_header(k): v for k, v in entries.items()}
        for owner, entries in raw.items()
    }


def merge_progress(into: AllProgress, changes: Mapping[str, Progress]) -> None:
    """Apply the changes that a commit carried."""
    for owner, entries in changes.items():
        held = into.setdefault(owner, {})
        for key, value in entries.items():
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value
        if not held:
            del into[owner]


def encode_ranges(numbers: Sequence[int]) -> bytes:
    """Return ranges as bytes."""
    return _encode(numbers)


def decode_ranges(data: bytes) -> list[int]:
    """Return what `encode_ranges` wrote. Raises `Undecodable`."""
    try:
        return _decode_ranges(data)
    except msgspec.MsgspecError as e:
        raise Undecodable(str(e)) from e
