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
        if headers is None:
            headers = more
        elif more:
            headers = {**headers, **more}
        old = self.headers
        if not old:
            return Event(self.body, dict(headers))
        # Copying the proxy is twice as fast as unpacking it. The copy belongs to this event alone, so
        # it goes without a proxy of its own, which would cost as much again.
        merged = old.copy() if type(old) is MappingProxyType else dict(old)
        merged.update(headers)
        return Event(self.body, merged)

    def without_headers(self, *names: str) -> Event:
        """Return this event without the headers named; names that are not there are no error."""
        kept = {k: v for k, v in self.headers.items() if k not in names}
        return Event(self.body, MappingProxyType(kept))
