"""Configurations given as Python mappings, as embedding programs do, turned into properties."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from decimal import Decimal

from flume_core.config.properties import Property, shorten, trim
from flume_core.config.structure import LISTS
from flume_core.errors import ConfigurationError, Origin, Problem, Severity

__all__ = ["flatten"]


def flatten(mapping: Mapping[str, object], agent: str) -> dict[str, Property]:
    """Return the properties that a mapping stands for, behind the agent's name.

    Keys are dotted or nested: ``{"sinks.k1.type": "logger"}``, ``{"sinks": {"k1": {"type": "logger"}}}``.
    Lists may be text or lists; where components are nested and nothing lists them, all are meant. The
    empty key is the value of a mapping itself. Raises ConfigurationError for values that have no text.
    """
    problems: list[Problem] = []
    found: dict[str, Property] = {}
    for key, value in _leaves(mapping, ""):
        try:
            text = trim(_as_text(value))
        except TypeError as e:
            cure = "write text, a number, a boolean, a path, or a list of these"
            problems.append(Problem(Severity.ERROR, str(e), key, cure=cure, agent=agent))
            continue
        path = f"{agent}.{key}"
        found[path] = Property(path, text, Origin("", len(found) + 1), shorten(f"{path} = {text}"))
    if problems:
        raise ConfigurationError(problems=problems)
    return found


def _leaves(mapping: Mapping[str, object], path: str) -> Iterator[tuple[str, object]]:
    if _is_list_of_components(path) and "" not in mapping:
        names = [str(key) for key, value in mapping.items() if isinstance(value, Mapping)]
        if names:
            yield path, names
    for name, value in mapping.items():
        key = ".".join(part for part in (path, str(name)) if part)
        if isinstance(value, Mapping):
            yield from _leaves(value, key)
        else:
            yield key, value


def _is_list_of_components(path: str) -> bool:
    parts = path.split(".")
    return path in LISTS or (parts[0] == "sources" and parts[2:] == ["interceptors"])


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, list | tuple):
        return " ".join(map(_as_text, value))
    raise TypeError(f"a value of type {type(value).__name__} has no form in a configuration")
