"""System properties: what ``-Dname=value`` sets, and the few that every Java program has."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Iterable

from flume_core._cli.failures import UsageFailure

__all__ = ["defined", "standard"]


def standard() -> dict[str, str]:
    """Return the properties that are there without ``-D``, under Java's names."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        user = str(os.getuid())
    return {
        "file.separator": os.sep,
        "java.io.tmpdir": tempfile.gettempdir(),
        "line.separator": os.linesep,
        "path.separator": os.pathsep,
        "user.dir": os.getcwd(),
        "user.home": os.path.expanduser("~"),
        "user.name": user,
    }


def defined(definitions: Iterable[str]) -> dict[str, str]:
    """Return what ``name=value`` texts define, later ones winning. Raises `UsageFailure`."""
    found: dict[str, str] = {}
    for definition in definitions:
        name, _, value = definition.partition("=")
        if not name:
            raise UsageFailure(f"-D{definition} names no property: write -Dname=value")
        found[name] = value
    return found
