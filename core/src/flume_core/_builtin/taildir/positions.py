"""The position file, byte for byte as Flume writes it, and read as Flume reads it.

A JSON array with one object per file, members in this order, no white space, no newline at the end::

    [{"inode":2496275,"pos":12,"file":"/var/log/app/a.log"}]

``pos`` is the offset of the first byte that is not committed. The characters ``= < > & '`` in a path are
written as ``\\u003d`` and so on. Without any file, the file is empty. Java Flume refuses to start on an
unknown or missing member, so nothing may ever be added; see `ledger` for what we store besides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Position", "PositionError", "parse", "quote", "render"]

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "=<>&'\u2028\u2029"}
_FILLER = re.compile(r"[\s,]*")
_MEMBERS = {"inode", "pos", "file"}


class Position(NamedTuple):
    """One entry: how far (``pos``, bytes) the file with that inode was read under that path."""

    inode: int
    pos: int
    file: str


class PositionError(ValueError):
    """The text is no position file; Java Flume would not start on it either."""


def quote(path: str) -> bytes:
    """Return a path as the JSON string that Flume's library writes."""
    text = json.dumps(path, ensure_ascii=False).translate(_ESCAPES)
    # Bytes of a name that are not UTF-8 are lone surrogates here; this makes JSON escapes of them.
    return text.encode("utf-8", "backslashreplace")


def render(entries: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Return the contents of a position file; an entry is inode, position and the `quote` of a path."""
    objects = [b'{"inode":%d,"pos":%d,"file":%b}' % entry for entry in entries]
    return b"[" + b",".join(objects) + b"]" if objects else b""


def parse(raw: bytes) -> tuple[list[Position], bool]:
    """Return the entries of a position file, and whether it was whole.

    Of one that is cut off or damaged, the entries before that place count, as in Flume. Any order of
    members, any white space and any JSON escape is read. Raises `PositionError` where Java Flume
    refuses to start: no array at the top, a member unknown or missing, a value of the wrong type.
    """
    text = raw.decode("utf-8", "surrogateescape")
    at = len(text) - len(text.lstrip())
    if at == len(text):
        return [], True
    if text[at] != "[":
        if text[at] in '{"-0123456789tfn':
            raise PositionError("it is not a JSON array")
        return [], False
    entries: list[Position] = []
    decoder = json.JSONDecoder()
    at = _next(text, at + 1)
    while at < len(text) and text[at] != "]":
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return entries, False
        entries.append(_entry(value))
        at = _next(text, at)
    return entries, at < len(text)


def _next(text: str, at: int) -> int:
    found = _FILLER.match(text, at)
    return found.end() if found else at


def _entry(value: object) -> Position:
    if not isinstance(value, Mapping):
        raise PositionError(f"it holds {value!r} where an object belongs")
    if value.keys() != _MEMBERS:
        wrong = sorted(value.keys() ^ _MEMBERS)
        raise PositionError(f"an entry must have inode, pos and file, and no more: see {wrong}")
    if not isinstance(value["file"], str):
        raise PositionError(f"file is {value['file']!r}, not a path")
    return Position(_number(value, "inode"), _number(value, "pos"), value["file"])


def _number(entry: Mapping[str, object], name: str) -> int:
    value = entry[name]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)  # Flume's library reads numbers in quotes too
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PositionError(f"{name} is {value!r}, not a number of 0 or more")
    return value
