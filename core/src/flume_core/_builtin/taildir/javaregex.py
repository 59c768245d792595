"""Java regular expressions, as Flume configurations hold them, compiled for Python.

Most of the syntax is the same. Translated: POSIX classes (``\\p{Alpha}``), quoting (``\\Q...\\E``),
named groups, ``\\z``, octal, control and long hexadecimal escapes. What has no counterpart (unions and
intersections of classes, Unicode properties, ...) is refused; nothing is matched differently in silence.
"""

from __future__ import annotations

import re
import string
import warnings

__all__ = ["compile_java"]

_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7F",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": re.escape(string.punctuation),
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1F\x7F",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0B\f\r",
}
_POSIX_ESCAPE = re.compile(r"\\([pP])\{(?:Is)?(\w+)\}")
_OTHER_ESCAPES = re.compile(
    r"\\(?:0(?P<octal>[0-3]?[0-7]{1,2})|x\{(?P<hex>[0-9a-fA-F]+)\}|c(?P<control>.)|k<(?P<group>\w+)>)"
)
_REFUSED = "hHVvRXG"  # escapes of Java that Python lacks, or reads differently (\v)


def compile_java(pattern: str) -> re.Pattern[str]:
    """Return ``pattern`` compiled; ``fullmatch`` it. Raises ValueError with the reason if that fails.

    As in Java, ``\\d``, ``\\w``, ``\\s`` and ``(?i)`` are about ASCII.
    """
    translated = _Translation(pattern).run()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Python warns where it may read a class differently one day
        try:
            return re.compile(translated, re.ASCII)
        except (re.error, OverflowError, Warning) as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


class _Translation:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.in_class = False

    def run(self) -> str:
        parts = []
        while self.at < len(self.pattern):
            parts.append(self._escape() if self.pattern[self.at] == "\\" else self._plain())
        return "".join(parts)

    def _plain(self) -> str:
        text, at = self.pattern, self.at
        if self.in_class:
            if text[at] == "[" or text.startswith("&&", at):
                raise self._refusal("unions and intersections of classes")
            if text[at] == "]":
                self.in_class = False
        elif text[at] == "[":
            return self._open_class()
        elif text.startswith("(?<", at) and text[at + 3 : at + 4] not in ("=", "!"):
            self.at += 3
            return "(?P<"
        self.at += 1
        return text[at]

    def _open_class(self) -> str:
        # A bracket directly behind the opening one is a member in both languages.
        start = self.at
        self.in_class = True
        self.at += 2 if self.pattern.startswith("[^", start) else 1
        if self.pattern.startswith("]", self.at):
            self.at += 1
        return self.pattern[start : self.at]

    def _escape(self) -> str:
        text, at = self.pattern, self.at
        letter = text[at + 1 : at + 2]
        if letter == "Q":
            return self._quoted()
        if letter in ("p", "P"):
            return self._posix()
        found = _OTHER_ESCAPES.match(text, at)
        if found:
            self.at = found.end()
            return _other(found)
        if letter and letter in _REFUSED:
            raise self._refusal(f"\\{letter}")
        self.at += 2
        return {"z": r"\Z", "e": r"\x1B"}.get(letter, "\\" + letter)

    def _quoted(self) -> str:
        end = self.pattern.find("\\E", self.at)
        end = len(self.pattern) if end < 0 else end
        quoted = self.pattern[self.at + 2 : end]
        self.at = end + 2
        return re.escape(quoted)

    def _posix(self) -> str:
        found = _POSIX_ESCAPE.match(self.pattern, self.at)
        members = _POSIX.get(found[2]) if found else None
        if found is None or members is None:
            raise self._refusal(self.pattern[self.at :].split("}")[0] + "}")
        self.at = found.end()
        if found[1] == "p":
            return members if self.in_class else f"[{members}]"
        if self.in_class:
            raise self._refusal(f"{found[0]} within a class")
        return f"[^{members}]"

    def _refusal(self, what: str) -> ValueError:
        return ValueError(
            f"{self.pattern!r} uses {what} of Java's regular expressions, which Python's lack;"
            " write it as a class of characters, such as [a-z]"
        )


def _other(found: re.Match[str]) -> str:
    if found["group"]:
        return f"(?P={found['group']})"
    if found["control"]:
        return re.escape(chr(ord(found["control"]) ^ 64))
    code = int(found["octal"], 8) if found["octal"] else int(found["hex"], 16)
    return re.escape(chr(code))
