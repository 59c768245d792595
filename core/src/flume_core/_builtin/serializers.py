"""The text serializers: text, header_and_text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar

from pydantic import Field

from flume_core.batch import Buffer, EventBatch
from flume_core.config.model import ComponentConfig
from flume_core.event import encode_header
from flume_core.serializer import EventSerializer

__all__ = ["HeaderAndTextSerializer", "TextConfig", "TextSerializer"]


class TextConfig(ComponentConfig):
    """Settings of the text serializers."""

    append_newline: bool = Field(True, description="end each event with a line feed")


class TextSerializer(EventSerializer[TextConfig]):
    """Writes the bodies, as Flume does; nothing is escaped. Blocks from a source are not copied."""

    can_append: ClassVar[bool] = True

    def serialize(self, batch: EventBatch) -> Sequence[Buffer]:
        """Return the bodies, each with its line feed unless ``appendNewline`` is false."""
        if self.config.append_newline:
            return batch.buffers()
        return (b"".join(batch.bodies()),)


class HeaderAndTextSerializer(EventSerializer[TextConfig]):
    """Writes ``{k1=v1, k2=v2} body``: the headers as Java prints a map, one space, the body.

    As in Flume nothing is escaped, and ``{}`` stands for no headers. Java prints the headers in hash
    order; here those that all events of a batch share come first.
    """

    can_append: ClassVar[bool] = True

    def serialize(self, batch: EventBatch) -> Sequence[Buffer]:
        """Return headers and bodies, each event with its line feed unless ``appendNewline`` is false."""
        if not batch:
            return ()
        end = b"\n" if self.config.append_newline else b""
        if not batch.columns:
            prefix = _prefix(batch.headers)
            return (prefix, (end + prefix).join(batch.bodies()), end)
        bodies = batch.bodies()
        parts = zip(_prefixes(batch), bodies, [end] * len(bodies), strict=True)
        return (b"".join(chain.from_iterable(parts)),)


def _prefix(headers: Mapping[str, str]) -> bytes:
    return encode_header("{" + ", ".join([f"{k}={v}" for k, v in headers.items()]) + "} ")


def _prefixes(batch: EventBatch) -> list[bytes]:
    """Return the prefix of each event; one that repeats is made once."""
    shared, names = batch.headers, tuple(batch.columns)
    made: dict[tuple[str | None, ...], bytes] = {}
    prefixes = []
    for values in zip(*batch.columns.values(), strict=True):
        prefix = made.get(values)
        if prefix is None:
            own = {n: v for n, v in zip(names, values, strict=True) if v is not None}
            prefix = made[values] = _prefix({**shared, **own})
        prefixes.append(prefix)
    return prefixes
