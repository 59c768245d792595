"""``${...}`` in configuration values: the variables of Flume, filled in before anything is validated.

=======================  ===========================================================================
``${env:NAME}``          environment variable; set but empty counts as set
``${sys:name}``          system property, ``-Dname=value`` on the command line
``${java:version}``      the same fact about this Python, worded differently; also ``runtime``, ``vm``,
                         ``os``, ``hardware``, ``locale``
``${date:yyyy-MM-dd}``   the time of loading, in a SimpleDateFormat pattern
``${key}``               another property of the merged configuration
``${x:-default}``        ``default`` where ``x`` does not resolve
``$${x}``                the text ``${x}``, which is not looked at again
=======================  ===========================================================================

Prefixes count in any case. A prefixed name that does not resolve is tried again as the property named
by what follows the colon. In a nested ``${a${b}}`` the inner one goes first. Values found are substituted
in turn. What does not resolve stays as written, which lets the placeholders of config filters
(``${f1['key']}``) through. Unlike Flume, which knows other properties in the order of a hash table, a
reference finds its property wherever it stands, and properties that need each other are an error.
"""

from __future__ import annotations

import locale
import os
import platform
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from flume_core.config.properties import Property, trim
from flume_core.errors import ConfigurationError, Problem, Severity

__all__ = ["MAX_NESTING", "MAX_TOTAL_LENGTH", "MAX_VALUE_LENGTH", "substitute", "unresolved"]

MAX_NESTING = 20
"""How deep ``${`` may be nested within one value."""
MAX_VALUE_LENGTH = 1024 * 1024
"""The most text that references may add to one value, in characters."""
MAX_TOTAL_LENGTH = 64 * 1024 * 1024
"""The most text that substitution may produce in one configuration, in characters."""

_Node = tuple[str, str]  # a scope (property, env, sys) and a name in it
_Steps = Generator[_Node, str | None, str]

_BRACE = re.compile(r"\$\{|\}")
_LEFT_OVER = re.compile(r"\$\{(?:(?P<scope>(?i:env|sys)):)?(?P<name>[^{}\[\]:]+)\}")
_KINDS = {"env": "environment variable", "sys": "system property", "": "property"}
_SHRINK = "look for references that multiply or contain each other; write values out"
_SHELL_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_DATE_TOKEN = re.compile(r"''|'|(?P<letter>[A-Za-z])(?P=letter)*|[^A-Za-z']+")


def substitute(
    properties: Mapping[str, Property],
    *,
    environ: Mapping[str, str],
    system: Mapping[str, str] = {},
    env_var_resolver: bool = False,
    now: Callable[[], datetime] | None = None,
) -> dict[str, Property]:
    """Return ``properties``, in their order, with the variables filled in and the values trimmed.

    Every ``text`` stays as written: what was filled in may be secret. ``env_var_resolver`` is the
    deprecated ``EnvVarResolverProperties``: a name that is no property is also looked up in ``environ``.
    ``now`` (with a zone; by default the local time) is called at most once, so that all dates agree.

    Raises ConfigurationError listing all references in a circle, unknown ``java:`` names, date letters
    that are not supported, and values beyond ``MAX_NESTING``, ``MAX_VALUE_LENGTH`` or ``MAX_TOTAL_LENGTH``.
    """
    values = {key: prop.value for key, prop in properties.items()}
    scopes = {"property": values, "env": environ, "sys": system}
    expander = _Expander(
        properties, scopes, env_var_resolver, now or (lambda: datetime.now().astimezone())
    )
    result = dict(properties)
    for key, prop in properties.items():
        if "${" in prop.value:
            result[key] = replace(prop, value=trim(expander.value_of(key)))
    if expander.problems:
        order = {key: position for position, key in enumerate(properties)}
        raise ConfigurationError(problems=sorted(expander.problems, key=lambda p: order[p.key]))
    return result


def unresolved(properties: Mapping[str, Property]) -> list[Problem]:
    """Return a warning for each ``${env:NAME}`` or ``${sys:name}`` that ``substitute`` left as it was.

    So is ``${NAME}`` in capitals, which is most likely an environment variable. Config-filter
    placeholders, other names, and what is written as ``$${...}`` are not mentioned.
    """
    problems: list[Problem] = []
    for prop in properties.values():
        for match in {match[0]: match for match in _LEFT_OVER.finditer(prop.value)}.values():
            scope, name = (match["scope"] or "").lower(), match["name"]
            if "$" + match[0] in prop.text or not (scope or _SHELL_NAME.fullmatch(name)):
                continue
            cure = f"set it for the agent, or write a default: ${{{scope}:{name}:-value}}"
            if not scope:
                cure = f"write ${{env:{name}}} if the environment variable is meant"
            message = f"{match[0]} stays as it is: there is no {_KINDS[scope]} {name}"
            warning = Problem(Severity.WARNING, message, prop.key, prop.origin, prop.text, cure)
            problems.append(warning)
    return problems


class _Refused(Exception):
    """A value is too deep or too long to be expanded; the arguments are message and cure."""


class _Expander:
    """Expands every property and variable at most once, without recursion from one to the next.

    The expansion of one value is a generator that asks for the nodes it needs. The path of those that
    wait for each other shows every circle, and may be as long as the configuration.
    """

    def __init__(
        self,
        properties: Mapping[str, Property],
        scopes: Mapping[str, Mapping[str, str]],
        env_var_resolver: bool,
        now: Callable[[], datetime],
    ) -> None:
        self.problems: list[Problem] = []
        self._properties = properties
        self._scopes = scopes
        self._env_var_resolver = env_var_resolver
        self._now = cache(now)
        self._done: dict[_Node, str | None] = {}
        self._path: dict[_Node, _Steps] = {}
        self._length = 0

    def value_of(self, key: str) -> str:
        """Return the expanded value of a property; ``problems`` says whether it is one."""
        answer = self._ask(("property", key))
        while self._path:
            node, steps = next(reversed(self._path.items()))
            try:
                answer = self._ask(steps.send(answer))
                continue
            except StopIteration as finished:
                answer = finished.value
            except _Refused as refusal:
                self._report(*refusal.args)
                answer = ""  # what needs this value should not be reported as well
            self._count(answer)
            self._done[node] = answer
            del self._path[node]
        return answer or ""

    def _ask(self, node: _Node) -> str | None:
        """Answer for a known node; put another one on the path, where None is what it is started with."""
        if node in self._done:
            return self._done[node]
        if node in self._path:
            names = list(self._path)
            self._report_circle([*names[names.index(node) :], node])
            return None
        text = self._scopes[node[0]].get(node[1])
        if text is None or "${" not in text:
            self._done[node] = text
            return text
        self._path[node] = self._expand(text, node)
        return None

    def _expand(self, text: str, node: _Node) -> _Steps:
        parts: list[str] = []
        added = position = 0
        while (start := text.find("${", position)) >= 0 and (end := _closing(text, start + 2)) >= 0:
            if start > 0 and text[start - 1] == "$":
                parts.append(text[position : start - 1] + "${")
                position = start + 2
                continue
            expression = text[start + 2 : end]
            if "${" in expression:
                expression = yield from self._expand(expression, node)
                self._count(expression)
            value = yield from self._resolve(expression, node)
            parts += text[position:start], text[start : end + 1] if value is None else value
            added += len(parts[-1])
            if added > MAX_VALUE_LENGTH:
                raise _Refused(f"references add more than {MAX_VALUE_LENGTH} characters", _SHRINK)
            position = end + 1
        parts.append(text[position:])
        return "".join(parts)

    def _resolve(self, expression: str, node: _Node) -> Generator[_Node, str | None, str | None]:
        name, has_default, default = expression.partition(":-")
        prefix, has_prefix, rest = name.partition(":")
        value: str | None = None
        if has_prefix:
            name, scope = rest, prefix.lower()
            if scope in ("env", "sys"):
                value = yield scope, name
            elif scope == "java":
                value = self._java(name)
            elif scope == "date":
                value = self._date(name)
        # Flume never shows a property to itself: `home = ${env:home}` and `home = ${home:-/}` work.
        if value is None and node != ("property", name):
            value = yield "property", name
        if value is None and self._env_var_resolver:
            value = yield "env", name
        if value is None and has_default:
            return default
        if value is None and not has_prefix and node == ("property", name):
            self._report_circle([node, node])
        return value

    def _java(self, name: str) -> str | None:
        if name in _JAVA_FACTS:
            return _JAVA_FACTS[name]()
        self._report("unknown name after java:", f"use one of {', '.join(_JAVA_FACTS)}")
        return None

    def _date(self, pattern: str) -> str | None:
        try:
            return _format_date(pattern, self._now())
        except ValueError as e:
            letters = " ".join(_DATE_LETTERS)
            self._report(str(e), f"use only {letters}, and put other letters between quotes (')")
            return None

    def _count(self, text: str) -> None:
        self._length += len(text)
        if self._length > MAX_TOTAL_LENGTH:
            self._report(f"all values together exceed {MAX_TOTAL_LENGTH} characters", _SHRINK)
            raise ConfigurationError(problems=self.problems)

    def _report_circle(self, circle: list[_Node]) -> None:
        shown = " -> ".join(name if s == "property" else f"{s}:{name}" for s, name in circle)
        self._report(f"the value refers back to itself: {shown}", "write one of them out")

    def _report(self, message: str, cure: str) -> None:
        key = next(name for scope, name in reversed(self._path) if scope == "property")
        prop = self._properties[key]
        self.problems.append(Problem(Severity.ERROR, message, key, prop.origin, prop.text, cure))


def _closing(text: str, position: int) -> int:
    nested = 0
    for brace in _BRACE.finditer(text, position):
        if brace[0] == "}" and nested == 0:
            return brace.start()
        nested += -1 if brace[0] == "}" else 1
        if nested > MAX_NESTING:
            raise _Refused(f"${{ is nested deeper than {MAX_NESTING} levels", _SHRINK)
    return -1


def _format_date(pattern: str, when: datetime) -> str:
    """Format like SimpleDateFormat; raises ValueError for a letter that is not supported."""
    parts: list[str] = []
    quoted = False
    for token in _DATE_TOKEN.finditer(pattern):
        text, letter = token[0], token["letter"]
        if text == "'":
            quoted = not quoted
        elif quoted or not letter:
            parts.append("'" if text == "''" else text)
        elif letter in _DATE_LETTERS:
            parts.append(_DATE_LETTERS[letter](when, len(text)))
        else:
            raise ValueError(f"date letter {letter} is not supported")
    return "".join(parts)


def _offset(when: datetime, width: int) -> str:
    text = f"{when:%z}"[: 3 if width == 1 else 5]
    return "Z" if not when.utcoffset() else text if width < 3 else f"{text[:3]}:{text[3:]}"


_DATE_LETTERS: dict[str, Callable[[datetime, int], str]] = {
    "y": lambda t, n: f"{t.year % 100:02}" if n == 2 else f"{t.year:0{n}}",
    "M": lambda t, n: f"{t.month:0{n}}" if n < 3 else f"{t:%b}" if n == 3 else f"{t:%B}",
    "d": lambda t, n: f"{t.day:0{n}}",
    "D": lambda t, n: f"{t.timetuple().tm_yday:0{n}}",
    "E": lambda t, n: f"{t:%a}" if n < 4 else f"{t:%A}",
    "a": lambda t, n: "AM" if t.hour < 12 else "PM",
    "H": lambda t, n: f"{t.hour:0{n}}",
    "k": lambda t, n: f"{t.hour or 24:0{n}}",
    "h": lambda t, n: f"{t.hour % 12 or 12:0{n}}",
    "m": lambda t, n: f"{t.minute:0{n}}",
    "s": lambda t, n: f"{t.second:0{n}}",
    "S": lambda t, n: f"{t.microsecond // 1000:0{n}}",
    "z": lambda t, n: f"{t:%Z}",
    "Z": lambda t, n: _offset(t, 3) if n == 2 else f"{t:%z}"[:5],
    "X": _offset,
}
_JAVA_FACTS: dict[str, Callable[[], str]] = {
    "version": lambda: f"Python version {platform.python_version()}",
    "runtime": lambda: f"{platform.python_implementation()} (build {platform.python_build()[0]})",
    "vm": lambda: f"{platform.python_implementation()} ({platform.python_compiler()})",
    "os": lambda: f"{platform.system()} {platform.release()}, architecture: {platform.machine()}",
    "hardware": lambda: f"processors: {os.cpu_count()}, architecture: {platform.machine()}",
    "locale": lambda: f"default locale: {locale.setlocale(locale.LC_CTYPE)}",
}
