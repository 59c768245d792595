"""Avro's numbers, strings and maps, as far as Flume's events are made of them."""

from __future__ import annotations

from flume_core.batch import Buffer
from flume_core.errors import PermanentError
from flume_core.event import decode_header, encode_header

_LONGEST = 10  # bytes of a 64-bit number
_SMALLEST = 2  # bytes of an event, and of an entry of a map
_MOST_NAMES = 256


class MalformedEvent(PermanentError):
    """Bytes that are no `AvroFlumeEvent`, or no array of them.

    ``truncated`` tells whether the bytes ended too early, rather than being wrong.
    """

    def __init__(self, message: str, *, truncated: bool = False) -> None:
        self.truncated = truncated
        super().__init__(message)


def encode_long(value: int) -> bytes:
    """Return an Avro ``int`` or ``long``; ``value`` must fit into 64 bits."""
    rest = (value << 1) ^ (value >> 63)
    if rest < 128:
        return rest.to_bytes(1, "little")
    out = bytearray()
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def write_text(text: str) -> bytes:
    raw = encode_header(text)
    return encode_long(len(raw)) + raw


def read_long(data: Buffer, offset: int) -> tuple[int, int]:
    """Return the Avro ``int`` or ``long`` at ``offset``, and the offset behind it.

    Raises `MalformedEvent` if the bytes end before the number, or if it has more than 64 bits.
    """
    value = shift = 0
    for position in range(offset, min(offset + _LONGEST, len(data))):
        byte = data[position]
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> 64:
                break
            return (value >> 1) ^ -(value & 1), position + 1
        shift += 7
    else:
        if len(data) - offset < _LONGEST:
            raise cut_off("a number", offset)
    raise MalformedEvent(f"the number at byte {offset} has more than 64 bits")


def as_bytes(data: Buffer) -> bytes:
    return data if type(data) is bytes else bytes(data)


def cut_off(what: str, offset: int) -> MalformedEvent:
    return MalformedEvent(
        f"the bytes end within {what} that begins at byte {offset}", truncated=True
    )


def read_block(raw: bytes, offset: int, what: str) -> tuple[int, int]:
    """Return how many items the block at ``offset`` has, and where they begin; 0: the last block."""
    if offset < len(raw) and not raw[offset] & 129:  # most counts are one byte and not negative
        count, position = raw[offset] >> 1, offset + 1
    else:
        count, position = read_long(raw, offset)
    if count < 0:
        count = -count
        _, position = read_long(raw, position)  # its size in bytes: for those who skip it
    if count * _SMALLEST > len(raw) - position:
        raise cut_off(f"{what} of {count} items", offset)
    return count, position


def read_bytes(raw: bytes, offset: int, what: str) -> tuple[bytes, int]:
    if offset < len(raw) and raw[offset] < 128:
        size, start = raw[offset] >> 1, offset + 1  # most lengths are one byte
        if raw[offset] & 1:
            size = -size - 1
    else:
        size, start = read_long(raw, offset)
    if size < 0:
        raise MalformedEvent(f"the length of {what} at byte {offset} is negative: {size}")
    end = start + size
    if end > len(raw):
        raise cut_off(f"{what} of {size} bytes", offset)
    return raw[start:end], end


def read_twice(raw: bytes, offset: int) -> tuple[int, int]:
    """Return twice the number at ``offset``, odd if it is negative, and the offset behind it."""
    value, position = read_long(raw, offset)
    return (2 * value if value >= 0 else 1), position


def read_map(
    raw: bytes, offset: int, names: dict[bytes, str] | None = None
) -> tuple[dict[str, str], int]:
    """Return the map at ``offset``, and the offset behind it; ``names`` keeps names decoded."""
    headers: dict[str, str] = {}
    known = {} if names is None else names
    while True:
        count, offset = read_block(raw, offset, "headers")
        if not count:
            return headers, offset
        for _ in range(count):
            key, offset = read_bytes(raw, offset, "a header's name")
            name = known.get(key)
            if name is None:
                name = decode_header(key)
                if len(known) < _MOST_NAMES:
                    known[key] = name
            value, offset = read_bytes(raw, offset, "a header's value")
            headers[name] = decode_header(value)
