"""The little of proto2 that the file channel uses: length-prefixed messages of numbers and byte strings.

Every position is checked against the end given before anything is copied, so damaged lengths cost nothing.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["Field", "MalformedMessage", "delimited", "fields", "number", "numbers", "varint"]

_FIXED32 = struct.Struct("<i")
_FIXED64 = struct.Struct("<q")
_MAX_FIELD = 1 << 29


class MalformedMessage(ValueError):
    """The bytes are not what the format says."""


class Field(NamedTuple):
    """One field: ``value`` of a number; of a string its bytes are ``data[value:stop]``."""

    number: int
    is_bytes: bool
    value: int
    stop: int


def varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Return an unsigned varint at ``position`` and the position behind it."""
    value = shift = 0
    while shift < 64:
        if position >= end:
            raise MalformedMessage("a varint is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise MalformedMessage("a varint is longer than ten bytes")


def delimited(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Return start and stop of the length-prefixed bytes at ``position``."""
    length, start = varint(data, position, end)
    if length > end - start:
        raise MalformedMessage(f"a message of {length} bytes in {end - start}")
    return start, start + length


def fields(data: bytes, start: int, stop: int) -> list[Field]:
    """Return the fields of the message in ``data[start:stop]``, in their order."""
    found: list[Field] = []
    while start < stop:
        tag, start = varint(data, start, stop)
        wire, name = tag & 7, tag >> 3
        if not 0 < name < _MAX_FIELD:
            raise MalformedMessage(f"field number {name}")
        if wire == 2:
            begin, start = delimited(data, start, stop)
            found.append(Field(name, True, begin, start))
        elif wire in (1, 5):
            fixed = _FIXED64 if wire == 1 else _FIXED32
            if stop - start < fixed.size:
                raise MalformedMessage("a number is cut off")
            found.append(Field(name, False, fixed.unpack_from(data, start)[0], start + fixed.size))
            start += fixed.size
        elif wire == 0:
            value, start = varint(data, start, stop)
            found.append(Field(name, False, value, start))
        else:
            raise MalformedMessage(f"wire type {wire}")
    return found


def numbers(data: bytes, start: int, stop: int) -> dict[int, int]:
    """Return the numbers of a message by field number; of a repeated one the last."""
    return {f.number: f.value for f in fields(data, start, stop) if not f.is_bytes}


def number(found: dict[int, int], name: int) -> int:
    """Return a required number."""
    try:
        return found[name]
    except KeyError:
        raise MalformedMessage(f"field {name} is missing") from None
