"""Reading the variables of a shell script without running it: ``flume-env.sh``.

Understood are ``NAME=value`` and ``export NAME=value`` with quotes, backslashes, comments and
references (``$NAME``, ``${NAME}``, ``${NAME:-default}``). A line with anything else has no effect, and
nothing inside ``if``, loops, functions or ``case`` has: whether it would run is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ShellVariables", "read_script"]

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^{}$`\"'\\]*)?\})"
)
_OPENING = {"if", "for", "while", "until", "case", "select", "{"}
_HERE = re.compile(r"<<-?\s*([^\s<]+)")
_CLOSING = {"fi", "done", "esac", "}"}
_CONTROL = set("`()&|<>")


@dataclass
class ShellVariables:
    """What a script leaves behind."""

    values: dict[str, str]
    """All variables, those of the environment before it included."""
    exported: set[str]
    """The names that programs started by the script would see."""
    ignored: list[int] = field(default_factory=list)
    """The lines, from 1, that are not understood."""

    def environment(self) -> dict[str, str]:
        """Return what programs started by the script would see."""
        return {name: self.values[name] for name in self.exported if name in self.values}


def read_script(text: str, environ: Mapping[str, str], **preset: str) -> ShellVariables:
    """Return the variables after ``text``; ``preset`` ones are there before it, not exported by that."""
    found = ShellVariables({**environ, **preset}, set(environ))
    depth = 0
    scanner = _Scanner(text, found.values)
    while (command := scanner.command()) is not None:
        words, line, plain = command
        here = None if plain else _HERE.search(" ".join(words))
        if here:
            found.ignored += scanner.skip_document(here[1])
        first = words[0] if words else ""
        if first in _CLOSING:
            depth = max(0, depth - 1)
            found.ignored.append(line)
        elif first in _OPENING or words[-1:] == ["{"]:
            depth += 1
            found.ignored.append(line)
        elif depth or not plain or not _assign(words, found):
            found.ignored.append(line)
    return found


def _assign(words: list[str], found: ShellVariables) -> bool:
    """Carry out ``[export] NAME[=value]...``; return whether the words are that."""
    if not words:
        return True
    exporting = words[0] == "export"
    pairs: list[tuple[str, str | None]] = []
    for word in words[1:] if exporting else words:
        match = _ASSIGNMENT.fullmatch(word)
        if match:
            pairs.append((match[1], match[2]))
        elif exporting and _NAME.fullmatch(word):
            pairs.append((word, None))
        else:
            return False
    for name, value in pairs:
        if value is not None:
            found.values[name] = value
        if exporting:
            found.exported.add(name)
    return True


class _Scanner:
    """Cuts a script into commands, with quotes taken away and references filled in."""

    def __init__(self, text: str, values: Mapping[str, str]) -> None:
        self._text = text
        self._values = values
        self._at = 0
        self._line = 1
        self._plain = True

    def command(self) -> tuple[list[str], int, bool] | None:
        """Return words, line, and whether all of it is understood; None at the end."""
        words: list[str] = []
        self._plain = True
        start = 0
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in "\n;":
                self._step(1)
                if words or not self._plain:
                    break
            elif char in " \t\r":
                self._step(1)
            elif char == "#":
                self._skip_line()
            elif self._text.startswith("\\\n", self._at):
                self._step(2)
            else:
                start = start or self._line
                words.append(self._word())
        else:
            if not words and self._plain:
                return None
        return words, start, self._plain

    def skip_document(self, delimiter: str) -> range:
        """Skip lines up to and with the one that is the delimiter; return their numbers."""
        first = self._line
        while self._at < len(self._text):
            start = self._at
            self._skip_line()
            line = self._text[start : self._at]
            self._step(1)
            if line.strip() == delimiter:
                break
        return range(first, self._line)

    def _word(self) -> str:
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in " \t\r\n;":
                break
            if char == "'":
                parts.append(self._quoted())
            elif char == '"':
                parts.append(self._double_quoted())
            elif char == "\\":
                parts.append(self._text[self._at + 1 : self._at + 2].replace("\n", ""))
                self._step(2)
            elif char == "$":
                parts.append(self._reference())
            else:
                self._plain &= char not in _CONTROL
                parts.append(char)
                self._step(1)
        return "".join(parts)

    def _quoted(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            return self._unended()
        inside = self._text[self._at + 1 : end]
        self._step(len(inside) + 2)
        return inside

    def _double_quoted(self) -> str:
        self._step(1)
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._step(1)
                return "".join(parts)
            if char == "\\" and self._text[self._at + 1 : self._at + 2] in tuple('$`"\\\n'):
                parts.append(self._text[self._at + 1].replace("\n", ""))
                self._step(2)
            elif char == "$":
                parts.append(self._reference())
            else:
                self._plain &= char != "`"
                parts.append(char)
                self._step(1)
        return self._unended()

    def _reference(self) -> str:
        match = _REFERENCE.match(self._text, self._at)
        if match is None:
            following = self._text[self._at + 1 : self._at + 2]
            # A dollar sign before anything but a name stands for itself; the rest needs a shell.
            self._plain &= not following or following in " \t\n;\"'/.,:"
            self._step(1)
            return "$"
        self._step(len(match[0]))
        value = self._values.get(match["plain"] or match["braced"], "")
        return value or (match["default"] or "")[2:]

    def _unended(self) -> str:
        self._plain = False
        self._step(len(self._text) - self._at)
        return ""

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._step((len(self._text) if end < 0 else end) - self._at)

    def _step(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count
