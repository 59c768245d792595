"""Lines from a stream of bytes in some encoding, whatever pieces it arrives in."""

from __future__ import annotations

import codecs
from io import BytesIO
from typing import NamedTuple

__all__ = ["LineSplitter", "Lines"]

_LIKE_ASCII = frozenset({"ascii", "cp1252", "iso8859-1", "iso8859-15", "utf-8"})


class Lines(NamedTuple):
    """Complete lines in UTF-8, each with its LF; ``too_long``: the one behind them is too long."""

    lines: list[bytes]
    too_long: bool


class LineSplitter:
    """Cuts one stream into lines; never keeps more than a line of the greatest length.

    The length of a line is counted as Java does, in UTF-16 units with the LF. Bytes that are not in the
    encoding become U+FFFD. After a line that is too long the stream is of no use any more.
    """

    def __init__(self, encoding: str, longest: int) -> None:
        codec = codecs.lookup(encoding)
        self._decoder = codecs.getincrementaldecoder(codec.name)("replace")
        self._like_ascii = codec.name in _LIKE_ASCII
        self._within_character = False
        self._longest = longest
        self._rest = bytearray()
        self._rest_length = 0

    def feed(self, block: bytes) -> Lines:
        """Return the lines that the next bytes of the stream complete."""
        if self._like_ascii and not self._within_character and block.isascii():
            return self._cut(block)
        text = self._decoder.decode(block)
        self._within_character = bool(self._decoder.getstate()[0])
        return self._cut(text.encode("utf-8", "replace"))

    def finish(self) -> Lines:
        """Return what the end of the stream completes: a line without LF counts, and gets one."""
        text = self._decoder.decode(b"", True)
        lines, too_long = self._cut(text.encode("utf-8", "replace"))
        if self._rest:
            lines.append(bytes(self._rest) + b"\n")
            self._rest.clear()
        return Lines(lines, too_long)

    @property
    def unfinished(self) -> int:
        """The bytes, as UTF-8, of the line that has not ended yet."""
        return len(self._rest)

    def _cut(self, data: bytes) -> Lines:
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            self._rest_length += _length(data)
            return self._judged([])
        whole, rest = data[:end], data[end:]
        lines = BytesIO(bytes(self._rest) + whole if self._rest else whole).readlines()
        self._rest, self._rest_length = bytearray(rest), _length(rest)
        return self._judged(lines)

    def _judged(self, lines: list[bytes]) -> Lines:
        too_long = self._rest_length >= self._longest
        # A line has at least as many bytes as units, so that most need no closer look.
        if lines and max(map(len, lines)) > self._longest:
            for index, line in enumerate(lines):
                if len(line) > self._longest and _length(line) > self._longest:
                    lines, too_long = lines[:index], True
                    break
        if too_long:
            self._rest.clear()
        return Lines(lines, too_long)


def _length(data: bytes) -> int:
    return len(data) if data.isascii() else len(data.decode("utf-8").encode("utf-16-le")) // 2
