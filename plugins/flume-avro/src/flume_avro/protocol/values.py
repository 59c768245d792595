"""The few Avro values that handshakes and calls are made of, besides events."""

from __future__ import annotations

from flume_avro.protocol.errors import PeerError
from flume_core import MalformedEvent, decode_header, encode_header
from flume_core.avro_event import encode_long, read_long

__all__ = ["Reader", "read_failure", "text_bytes"]


def text_bytes(text: str) -> bytes:
    """Return an Avro string."""
    raw = encode_header(text)
    return encode_long(len(raw)) + raw


def read_failure(what: str, error: Exception) -> PeerError:
    """Return what to raise where a peer's ``what`` cannot be read."""
    return PeerError(f"{what} is malformed: {error}")


class Reader:
    """Reads values one after the other; each method raises `MalformedEvent` where there is none."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.data)

    def long(self) -> int:
        """Read an int, a long, or the number of an enum."""
        value, self.position = read_long(self.data, self.position)
        return value

    def branch(self) -> int:
        """Read which branch a union of null and something else takes: 0 or 1."""
        value = self.long()
        if value not in (0, 1):
            raise MalformedEvent(f"a union of two has no branch {value}")
        return value

    def fixed(self, size: int) -> bytes:
        """Read that many bytes."""
        end = self.position + size
        if end > len(self.data):
            raise MalformedEvent(f"the bytes end within {size} bytes", truncated=True)
        raw, self.position = self.data[self.position : end], end
        return raw

    def bytes(self) -> bytes:
        """Read bytes with their length."""
        size = self.long()
        if size < 0:
            raise MalformedEvent(f"a length is negative: {size}")
        return self.fixed(size)

    def text(self) -> str:
        """Read a string."""
        return decode_header(self.bytes())

    def skip_map(self) -> None:
        """Read a map of bytes or strings, and forget it."""
        while count := self.long():
            if count < 0:
                count = -count
                self.long()
            for _ in range(count):
                self.bytes()
                self.bytes()
