"""The event: a body of bytes and headers of text, as plugin authors see it one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

__all__ = ["NO_HEADERS", "Event", "decode_header", "encode_header"]

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
"""The headers of an event that has none."""


def decode_header(raw: bytes) -> str:
    """Return header bytes from the wire as text; what is not UTF-8 is kept by surrogateescape."""
    return raw.decode("utf-8", "surrogateescape")


def encode_header(text: str) -> bytes:
    """Return header text as the bytes it came from (the inverse of `decode_header`)."""
    return text.encode("utf-8", "surrogateescape")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: ``body`` (bytes, never None) and ``headers`` (text to text).

    Events are immutable and may be shared between threads. The headers that an `EventBatch` hands out
    are read-only, because many events share one mapping; make a changed copy instead.
    """

    body: bytes = b""
    headers: Mapping[str, str] = NO_HEADERS

    def with_body(self, body: bytes) -> Event:
        """Return this event with another body."""
        return Event(body, self.headers)

    def with_headers(self, headers: Mapping[str, str] | None = None, /, **more: str) -> Event:
        """Return this event with these headers added; a header that exists is replaced."""
        # Interceptors call this for every event. The dict that each path makes belongs to the new event
        # alone, so it goes without a proxy, which would cost as much again.
        if headers is not None:
            more = {**headers, **more}
        old = self.headers
        if not old:
            return Event(self.body, more)
        if type(old) is MappingProxyType:  # its own operator is twice as fast as unpacking it
            return Event(self.body, old | more)
        return Event(self.body, {**old, **more})

    def without_headers(self, *names: str) -> Event:
        """Return this event without the headers named; names that are not there are no error."""
        kept = {k: v for k, v in self.headers.items() if k not in names}
        return Event(self.body, MappingProxyType(kept))
