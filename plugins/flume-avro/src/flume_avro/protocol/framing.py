"""The frames of Avro's Netty transport: a serial, a count of buffers, and each buffer with its length.

All numbers are 32 bits, signed, big-endian. What a frame carries is the concatenation of its buffers;
where one buffer ends and the next begins means nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from flume_avro.protocol.errors import PeerError
from flume_core import Buffer

__all__ = ["DEFAULT_MAX_FRAME", "Frame", "FrameReader", "encode_frame"]

DEFAULT_MAX_FRAME = 64 * 1024 * 1024

_HEAD = struct.Struct(">ii")
_LENGTH = struct.Struct(">i")
_FIRST_SIZE = 64 * 1024
_KEPT_SIZE = 1024 * 1024
_LEAST_SPACE = 16 * 1024


class Frame(NamedTuple):
    """One frame: the number that pairs an answer with its call, and the bytes of all buffers."""

    serial: int
    payload: bytes


def encode_frame(serial: int, buffers: Sequence[Buffer]) -> bytes:
    """Return a frame of these buffers; there must be at least one, for Java waits for it."""
    if not buffers:
        raise ValueError("a frame must have a buffer, if only an empty one")
    parts: list[Buffer] = [_HEAD.pack(serial, len(buffers))]
    for buffer in buffers:
        parts += (_LENGTH.pack(len(buffer)), buffer)
    return b"".join(parts)


class FrameReader:
    """Cuts a stream into frames, whatever pieces it arrives in.

    Write received bytes into `space`, tell `filled` how many, and ask `next` until it returns None. A
    frame with a negative number, without a buffer, or of more than ``max_frame`` bytes (its buffers and
    their lengths together) raises `PeerError` as soon as that shows, before room is made for it: memory
    grows with what has arrived, never with what a peer announces. For use by one thread.
    """

    def __init__(self, max_frame: int = DEFAULT_MAX_FRAME) -> None:
        self._max_frame = max_frame
        self._data = bytearray(_FIRST_SIZE)
        self._start = self._end = 0
        self._serial = 0
        self._left = 0  # buffers of the frame that has begun
        self._bytes = 0  # in its buffers and their lengths so far
        self._parts: list[bytes] = []

    @property
    def begun(self) -> bool:
        """Whether part of a frame has arrived."""
        return bool(self._left) or self._start < self._end

    def space(self) -> memoryview:
        """Return room for more bytes; it is valid until the next call."""
        if self._start == self._end:
            self._start = self._end = 0
            if len(self._data) > _KEPT_SIZE:
                self._data = bytearray(_FIRST_SIZE)
        elif len(self._data) - self._end < _LEAST_SPACE:
            self._make_room()
        return memoryview(self._data)[self._end :]

    def filled(self, count: int) -> None:
        """Take note that ``count`` bytes were written into the last `space`."""
        self._end += count

    def _make_room(self) -> None:
        held = self._data[self._start : self._end]
        if len(held) > len(self._data) // 2:
            self._data = bytearray(2 * len(self._data))
        self._data[: len(held)] = held
        self._start, self._end = 0, len(held)

    def next(self) -> Frame | None:
        """Return the next complete frame, or None if more bytes are needed."""
        if not self._left:
            if self._end - self._start < _HEAD.size:
                return None
            self._begin()
        while self._left:
            if self._end - self._start < _LENGTH.size:
                return None
            (length,) = _LENGTH.unpack_from(self._data, self._start)
            self._check_length(length)
            begin = self._start + _LENGTH.size
            if self._end - begin < length:
                return None
            if length:
                self._parts.append(bytes(memoryview(self._data)[begin : begin + length]))
            self._bytes += length + _LENGTH.size
            self._start = begin + length
            self._left -= 1
        parts, self._parts = self._parts, []
        return Frame(self._serial, parts[0] if len(parts) == 1 else b"".join(parts))

    def _begin(self) -> None:
        serial, count = _HEAD.unpack_from(self._data, self._start)
        if count <= 0:
            raise PeerError(f"a frame announces {count} buffers")
        if count * _LENGTH.size > self._max_frame:
            raise PeerError(f"a frame announces {count} buffers: more than max-frame-size allows")
        self._serial, self._left, self._bytes = serial, count, 0
        self._start += _HEAD.size

    def _check_length(self, length: int) -> None:
        if length < 0:
            raise PeerError(f"a buffer announces a negative length: {length}")
        if self._bytes + length + self._left * _LENGTH.size > self._max_frame:
            raise PeerError(
                f"a buffer of {length} bytes makes its frame larger than max-frame-size,"
                f" {self._max_frame} bytes"
            )
