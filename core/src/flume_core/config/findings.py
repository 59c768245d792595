"""What is found wrong in a configuration, weighed by mode, and the helpers that word it.

How much a finding counts depends on the mode:

==========  ================  ================  =================================
finding     STRICT            COMPATIBLE        LENIENT
==========  ================  ================  =================================
fatal       error             error             error
broken      error             error             warning, the component is dropped
repaired    error             warning           warning
noted       warning           warning           warning
==========  ================  ================  =================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from enum import StrEnum

from flume_core.config.properties import Property
from flume_core.errors import ConfigurationError, Problem, Severity

__all__ = [
    "Findings",
    "Mode",
    "Tolerable",
    "as_written",
    "is_secret",
    "masked",
    "mentioned",
    "nearest",
    "quoted",
    "with_severity",
    "without_value",
]

_SECRET = re.compile(r"passw|passphrase|secret|token|credential|api[-_.]?key", re.IGNORECASE)
_SIMILAR = 0.6


class Mode(StrEnum):
    """What a configuration is held to."""

    STRICT = "strict"
    """Whatever is wrong or unknown is an error. What ``flume run`` and ``flume check`` do."""
    COMPATIBLE = "compatible"
    """What Java Flume ignores or repairs is a warning. What ``flume-ng agent`` does."""
    LENIENT = "lenient"
    """As COMPATIBLE, and a broken component is dropped with a warning, as in Java Flume."""


class Tolerable(str):
    """A line of a component's own ``check`` about something that Java Flume puts up with.

    ``effect`` says what then happens, here as there: ``sink k2 comes after k1``.
    """

    __slots__ = ("effect",)
    effect: str

    def __new__(cls, line: str, effect: str) -> Tolerable:
        """Make a line that counts as an error in STRICT only."""
        made = super().__new__(cls, line)
        made.effect = effect
        return made


class Findings:
    """Collects what is wrong with one agent or one component of it."""

    def __init__(self, mode: Mode, agent: str = "", dropped: str = "") -> None:
        self.mode = mode
        self.agent = agent
        self.dropped = dropped
        """What LENIENT does about a broken component, for the message: ``sink k1 is dropped``."""
        self.failed = False
        """Whether something is broken, so that the component or agent cannot run."""
        self.suggested: set[str] = set()
        """Keys that a misspelt one was probably meant for: in STRICT they are not missing as well."""
        self.problems: list[Problem] = []

    @property
    def strict(self) -> bool:
        """Whether the mode is STRICT."""
        return self.mode is Mode.STRICT

    def fatal(
        self, message: str, *, key: str = "", at: Property | None = None, cure: str = ""
    ) -> None:
        """Report what keeps the whole agent from running, in every mode."""
        self.failed = True
        self._add(Severity.ERROR, message, key, at, cure)

    def broken(
        self, message: str, *, key: str = "", at: Property | None = None, cure: str = ""
    ) -> None:
        """Report what keeps a component from running."""
        self.failed = True
        if self.mode is Mode.LENIENT:
            effect = f"; {self.dropped}" if self.dropped else ""
            self._add(Severity.WARNING, message + effect, key, at, cure)
        else:
            self._add(Severity.ERROR, message, key, at, cure)

    def refused(
        self, error: ConfigurationError, *, key: str = "", at: Property | None = None
    ) -> None:
        """Report what an exception says that keeps a component from running."""
        for problem in error.problems:
            self.broken(problem.message, key=key, at=at, cure=problem.cure)
        if not error.problems:
            self.broken(str(error), key=key, at=at)

    def repaired(
        self,
        message: str,
        *,
        effect: str,
        key: str = "",
        at: Property | None = None,
        cure: str = "",
    ) -> None:
        """Report what Java Flume puts up with; ``effect`` says what then happens, here as there."""
        if self.strict:
            self.failed = True
            self._add(Severity.ERROR, message, key, at, cure)
        else:
            self._add(Severity.WARNING, f"{message}; {effect}", key, at, cure)

    def noted(
        self, message: str, *, key: str = "", at: Property | None = None, cure: str = ""
    ) -> None:
        """Report what may be meant."""
        self._add(Severity.WARNING, message, key, at, cure)

    def part(self) -> Findings:
        """Return findings of their own for a part, which can fail alone; `join` takes them over."""
        return Findings(self.mode, self.agent, self.dropped)

    def join(self, part: Findings) -> None:
        """Take over what was found in a part, its failure included."""
        self.problems += part.problems
        self.failed |= part.failed
        self.suggested |= part.suggested

    def _add(
        self, severity: Severity, message: str, key: str, at: Property | None, cure: str
    ) -> None:
        origin = at.origin if at else None
        text = masked(at) if at else ""
        key = key or (at.key if at else "")
        self.problems.append(Problem(severity, message, key, origin, text, cure, self.agent))


def nearest(
    word: str, choices: Iterable[str], similarity: float = _SIMILAR, *, alone: bool = False
) -> str | None:
    """Return the choice that was most likely meant by ``word``; None if nothing is close.

    Case, hyphens, dots and underscores count for nothing. ``similarity`` is from 0 to 1, which is
    equality. Of choices that are equally close the first wins, or with ``alone`` none.
    """
    matcher = SequenceMatcher(b=_plain(word), autojunk=False)
    best, best_ratio, tied = None, 0.0, False
    for choice in dict.fromkeys(choices):
        matcher.set_seq1(_plain(choice))
        limit = max(similarity, best_ratio)
        if matcher.real_quick_ratio() < limit or matcher.quick_ratio() < limit:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio and ratio >= similarity:
            best, best_ratio, tied = choice, ratio, False
        elif ratio == best_ratio:
            tied = True
    return None if alone and tied else best


def mentioned(message: str, properties: Mapping[str, Property]) -> str | None:
    """Return the longest key that a message names, to find the line it is about."""
    named = (
        key
        for key in properties
        if re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-]|\.\w)", message)
    )
    return max(named, key=len, default=None)


def is_secret(key: str) -> bool:
    """Return whether a property's name says that its value is not to be shown."""
    parts = key.split(".", 3)
    return _SECRET.search(parts[3] if len(parts) == 4 else key) is not None


def masked(prop: Property) -> str:
    """Return a property's line as messages may show it."""
    return f"{prop.key} = ***" if is_secret(prop.key) else prop.text


def quoted(prop: Property) -> str:
    """Return a property's value for a message, or words for it if it must not be shown.

    A value that is not on its line as such was filled in from elsewhere, and may be a secret.
    """
    return f"'{prop.value}'" if _may_show(prop) else "the value"


def as_written(prop: Property) -> str:
    """Return a property's value for a cure, or dots where it must not be shown."""
    return prop.value if prop.value and _may_show(prop) else "..."


def without_value(message: str, prop: Property) -> str:
    """Return a message of somebody else's making without a value that must not be shown."""
    if _may_show(prop):
        return message
    for part in sorted({prop.value, *prop.value.split()}, key=len, reverse=True):
        if part:
            message = message.replace(part, "***")
    return message


def with_severity(problems: Iterable[Problem], severity: Severity) -> tuple[Problem, ...]:
    """Return the problems, all of one severity."""
    return tuple(replace(problem, severity=severity) for problem in problems)


def _may_show(prop: Property) -> bool:
    as_written = prop.value in prop.text and "${" not in prop.text
    return as_written and not is_secret(prop.key)


def _plain(word: str) -> str:
    return re.sub(r"[-_.]", "", word).casefold() or word
