"""Reusable field types and markers for configuration models.

A marker goes into ``Annotated`` beside the type::

    keep_alive: Annotated[int, Unit("s"), JavaRepairs()] = Field(3, alias="keep-alive", ge=0)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

__all__ = [
    "ByteSize",
    "Events",
    "JavaRepairs",
    "Millis",
    "Nested",
    "NestedComponent",
    "Seconds",
    "SubProperties",
    "Unit",
    "Words",
]


@dataclass(frozen=True, slots=True)
class Unit:
    """Marker: what a number counts (``ms``, ``s``, ``bytes``, ``events``). Shown in the documentation."""

    name: str


@dataclass(frozen=True, slots=True)
class JavaRepairs:
    """Marker: Java Flume replaces a bad value of this property by its default and goes on.

    In compatible mode the same happens with a warning; otherwise the bad value is an error.
    """


@dataclass(frozen=True, slots=True)
class SubProperties:
    """Marker for ``dict[str, str]``: collects every property that starts with ``prefix``, cut off.

    ``prefix`` ends in a dot: with ``headers.`` the property ``headers.f1.app`` arrives as ``f1.app``.
    """

    prefix: str


@dataclass(frozen=True, slots=True)
class Nested:
    """Marker for `NestedComponent`: another component that this one uses, configured in place.

    ``kind`` is its kind (``event_serializer``), ``key`` the property that names its type
    (``sink.serializer``); its own properties follow behind ``key`` and a dot. They are checked by that
    component's model. Make it with ``context.create(kind, nested.type, nested.settings)``.
    """

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class NestedComponent:
    """The value of a nested field: the type of a component and its own properties."""

    type: str
    settings: Mapping[str, str] = field(default_factory=dict)


def _words(value: object) -> object:
    if isinstance(value, str):
        return tuple(dict.fromkeys(value.split()))
    return tuple(value) if isinstance(value, list) else value


_SIZE = re.compile(r"([0-9]+)\s*([KMGT]i?B?|B)?", re.IGNORECASE)
_POWER = {"": 0, "B": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a size: write bytes as 1048576 or as 1 MiB")
    number, unit = match.groups()
    return int(number) * 1024 ** _POWER[(unit or "")[:1].upper()]


Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Names separated by white space, in order, each once."""

ByteSize: TypeAlias = Annotated[int, BeforeValidator(_size), Unit("bytes")]
"""Bytes: a plain number, or with K, M, G, T (powers of 1024)."""

Millis: TypeAlias = Annotated[int, Unit("ms")]
Seconds: TypeAlias = Annotated[int, Unit("s")]
Events: TypeAlias = Annotated[int, Unit("events")]
