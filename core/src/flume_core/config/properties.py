"""Flume's ``.properties`` text, read as ``java.util.Properties.load`` reads it, with line numbers.

The grammar is Java's, corner cases included: comments, continuation lines, the three separators,
escapes, ``\\n``, ``\\r`` and ``\\r\\n`` as line ends. What Flume adds is trimming: white space and control
characters (up to U+0020) are removed from both ends of keys and values. Duplicates are kept, in file
order, for the caller to judge. Nothing here knows what a key means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from flume_core.errors import ConfigurationError, Origin, Problem, Severity

__all__ = [
    "MAX_FILE_BYTES",
    "Property",
    "duplicates",
    "merge",
    "parse_properties",
    "read_file",
    "read_properties",
    "shorten",
    "suspicious_encoding",
    "trim",
]

MAX_FILE_BYTES = 16 * 1024 * 1024
"""The largest configuration file that is read, in bytes."""

_SHOWN_CHARACTERS = 120
_TRIMMED = "".join(map(chr, range(0x21)))
_BLANKS = " \t\f"
_LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines knows more than Java does
_ENTRY = re.compile(
    r"(?P<key>[^\\=: \t\f]*(?:\\.[^\\=: \t\f]*)*)[ \t\f]*(?:[=:][ \t\f]*)?(?P<value>.*)", re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u(?P<unit>[0-9A-Fa-f]{4})|(?P<other>.))", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Property:
    """One ``key = value`` of a configuration, and where it was written.

    ``key`` and ``value`` are unescaped and trimmed. ``origin`` has the file as the user named it and the
    line on which the entry starts. ``text`` is that line as written, shortened; it is what messages
    show, so a value filled in later never shows up there.
    """

    key: str
    value: str
    origin: Origin
    text: str


class _LogicalLine(NamedTuple):
    number: int
    natural: str
    text: str


def parse_properties(text: str, file: str) -> list[Property]:
    """Return the entries of ``text`` in file order, duplicates included.

    ``file`` is the name that the origins carry. A pair of ``\\uXXXX`` surrogates becomes one character;
    a surrogate alone is kept as it is, as in Java. Raises ConfigurationError with one problem for each
    malformed ``\\uXXXX``, the only mistake that the grammar knows.
    """
    found: list[Property] = []
    problems: list[Problem] = []
    for line in _logical_lines(text):
        entry = _ENTRY.fullmatch(line.text)
        assert entry is not None, "the pattern matches every logical line"
        malformed: list[str] = []
        key = trim(_unescape(entry["key"], malformed))
        value = trim(_unescape(entry["value"], malformed))
        prop = Property(key, value, Origin(file, line.number), shorten(line.natural))
        found.append(prop)
        problems.extend(_malformed_escape(prop, escape) for escape in malformed)
    if problems:
        raise ConfigurationError(problems=problems)
    return found


def read_properties(path: Path | str) -> list[Property]:
    """Read a properties file as ISO-8859-1, as Java does, whatever it was written in.

    Raises ConfigurationError when the file cannot be read, is a directory, is larger than
    ``MAX_FILE_BYTES``, or holds a malformed escape. A caller that wants ``suspicious_encoding`` on the
    same bytes takes them from ``read_file``.
    """
    return parse_properties(read_file(path).decode("iso-8859-1"), str(path))


def read_file(path: Path | str) -> bytes:
    """Return the bytes of a configuration file of at most ``MAX_FILE_BYTES``.

    Raises ConfigurationError, naming the path, when there is no such file, it is a directory, it is too
    large, or the system refuses to read it.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as e:
        raise _unreadable(path, "does not exist", "check the path") from e
    except IsADirectoryError as e:
        raise _unreadable(path, "is a directory", "name a file in it") from e
    except PermissionError as e:
        raise _unreadable(
            path,
            "may not be read by this user",
            "give the user that runs the agent read permission",
        ) from e
    except (OSError, ValueError) as e:
        raise _unreadable(path, f"cannot be read ({e})", "check the path and the device") from e
    if len(data) > MAX_FILE_BYTES:
        mib = MAX_FILE_BYTES // (1024 * 1024)
        raise _unreadable(
            path, f"is larger than {mib} MiB", "check that it is a configuration file"
        )
    return data


def suspicious_encoding(data: bytes, file: str) -> Problem | None:
    """Return a warning when a properties file seems to be UTF-8, which Java would not read as such.

    That is so when an entry (not a comment) has bytes above ASCII and all of ``data`` is valid UTF-8.
    The reading does not change: it stays ISO-8859-1.
    """
    if data.isascii():
        return None
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    lines = _logical_lines(data.decode("iso-8859-1"))
    line = next((line for line in lines if not line.text.isascii()), None)
    if line is None:
        return None
    character = next(c for c in line.text.encode("iso-8859-1").decode() if not c.isascii())
    cure = f"write {character} as {_escaped(character)}, and other characters above ASCII likewise"
    if character == "\ufeff":
        cure = "save the file without a byte order mark"
    return Problem(
        Severity.WARNING,
        "the file looks like UTF-8, but properties files are read as ISO-8859-1, as Java reads them: "
        "characters above ASCII come out garbled",
        origin=Origin(file, line.number),
        text=shorten(line.natural.encode("iso-8859-1").decode()),
        cure=cure,
    )


def merge(sets: Iterable[Sequence[Property]]) -> dict[str, Property]:
    """Return key → property over all sets in order; of equal keys the last one counts, as in Flume."""
    return {prop.key: prop for properties in sets for prop in properties}


def duplicates(properties: Iterable[Property]) -> list[Problem]:
    """Return a warning for each entry that changes a value set earlier in the same file.

    Overriding across files is meant, and a line that only repeats its value is harmless: neither counts.
    """
    problems: list[Problem] = []
    last: dict[tuple[str, str], Property] = {}
    for prop in properties:
        earlier = last.get((prop.origin.file, prop.key))
        if earlier is not None and earlier.value != prop.value:
            problems.append(
                Problem(
                    Severity.WARNING,
                    f"this line replaces the value given on line {earlier.origin.line}",
                    key=prop.key,
                    origin=prop.origin,
                    text=prop.text,
                    cure=f"keep either line {earlier.origin.line} or line {prop.origin.line}",
                )
            )
        last[prop.origin.file, prop.key] = prop
    return problems


def trim(text: str) -> str:
    """Remove what Java's ``String.trim`` removes: characters up to U+0020, at both ends."""
    return text.strip(_TRIMMED)


def shorten(text: str) -> str:
    """Return a line as messages show it: trimmed, at most 120 characters."""
    text = trim(text)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def _logical_lines(text: str) -> Iterator[_LogicalLine]:
    # Java looks at the end of the file right after a line end that is one character long. That makes a
    # last backslash end its line there, which shows for a backslash alone: an entry with an empty key.
    if text.endswith(("\n", "\r")):
        text = text[:-1]
    lines = _LINE_END.split(text)
    parts: list[str] = []
    number, natural = 0, ""
    for current, line in enumerate(lines, start=1):
        body = line.lstrip(_BLANKS)
        if not parts:
            if not body or body[0] in "#!":
                continue
            number, natural = current, line
        continued = body.endswith("\\") and (len(body) - len(body.rstrip("\\"))) % 2 == 1
        if continued:
            body = body[:-1]
        if body:
            parts.append(body)
        if not continued or current == len(lines):
            yield _LogicalLine(number, natural, "".join(parts))
            parts = []


def _unescape(text: str, malformed: list[str]) -> str:
    if "\\" not in text:
        return text

    def replaced(escape: re.Match[str]) -> str:
        if escape["unit"]:
            return chr(int(escape["unit"], 16))
        if escape["other"] == "u":
            malformed.append(text[escape.start() : escape.start() + 6])
        return _CONTROLS.get(escape["other"], escape["other"])

    result = _ESCAPE.sub(replaced, text)
    if _SURROGATE.search(result):
        result = result.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return result


def _malformed_escape(prop: Property, escape: str) -> Problem:
    return Problem(
        Severity.ERROR,
        f"malformed escape {escape}",
        key=prop.key,
        origin=prop.origin,
        text=prop.text,
        cure="write \\u with four hexadecimal digits, or double the backslash if one is meant: \\\\u",
    )


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _unreadable(path: Path | str, what: str, cure: str) -> ConfigurationError:
    return ConfigurationError(
        problems=[Problem(Severity.ERROR, f"configuration file {path} {what}", cure=cure)]
    )
