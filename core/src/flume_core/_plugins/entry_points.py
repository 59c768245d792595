"""The entry points of installed packages, read once; and loading one of them, through stevedore.

Listing imports nothing and keeps the distribution of every name, so that messages can say which package
a component comes from. This is the only module that knows stevedore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

__all__ = ["PREFIX", "Registration", "load", "scan"]

PREFIX = "flume."
"""What the names of all our entry-point groups begin with."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One name that an installed distribution registers in one of our groups."""

    entry_point: metadata.EntryPoint
    package: str
    version: str

    @property
    def group(self) -> str:
        return self.entry_point.group

    @property
    def name(self) -> str:
        return self.entry_point.name

    @property
    def value(self) -> str:
        """``module:Class``, as the package's metadata have it."""
        return self.entry_point.value

    @property
    def provider(self) -> str:
        return f"{self.package} {self.version}".rstrip()


def scan(distributions: Iterable[metadata.Distribution] | None = None) -> tuple[Registration, ...]:
    """Return all registrations, in the order of ``sys.path``.

    A distribution that is found twice (an editable install beside the metadata of a build) counts once,
    as for the import system: the first on the path.
    """
    found: list[Registration] = []
    seen: set[str] = set()
    for distribution in metadata.distributions() if distributions is None else distributions:
        ours = list(_our_entry_points(distribution))
        if not ours:
            continue
        # Parsing the metadata costs ten times the entry points, hence only now.
        described = distribution.metadata
        package = str(described["Name"] or "unnamed package")
        identity = re.sub(r"[-_.]+", "-", package).lower()
        if identity not in seen:
            seen.add(identity)
            version = str(described["Version"] or "")
            found += (Registration(entry_point, package, version) for entry_point in ours)
    return tuple(found)


def load(registration: Registration, group: Sequence[Registration]) -> object:
    """Import what a registration names, and nothing else; return it.

    ``group`` is all that was found in the same entry-point group. Raises whatever the import raises.
    """
    from stevedore.driver import DriverManager
    from stevedore.exception import MultipleMatches, NoMatches
    from stevedore.extension import ExtensionManager

    # stevedore would otherwise read its cache on disk, which misses packages installed in the last two
    # minutes and stops at a damaged file. What is in this table already keeps it from looking there.
    table = getattr(ExtensionManager, "ENTRY_POINT_CACHE", None)
    if not isinstance(table, dict):
        return registration.entry_point.load()
    others = (r.entry_point for r in group if r.name != registration.name)
    table[registration.group] = [registration.entry_point, *others]
    try:
        manager: DriverManager[object] = DriverManager(registration.group, registration.name)
    except (NoMatches, MultipleMatches):
        return registration.entry_point.load()
    return manager.driver


def _our_entry_points(distribution: metadata.Distribution) -> Iterator[metadata.EntryPoint]:
    names: set[tuple[str, str]] = set()
    for entry_point in distribution.entry_points:
        identity = (entry_point.group, entry_point.name)
        if entry_point.group.startswith(PREFIX) and identity not in names:
            names.add(identity)
            yield entry_point
