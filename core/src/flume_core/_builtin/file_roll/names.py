"""The names of output files: what Flume calls path managers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from flume_core._builtin.file_roll.config import FileRollConfig, PathManager
from flume_core.component import Clock

__all__ = ["FileNames", "file_names"]


class FileNames:
    """Makes ``<prefix><stamp>-<number>[.<extension>]``; numbers begin at 1 with each new stamp.

    A name stays the candidate until `advance`: what a failed attempt did not use is offered again.
    """

    def __init__(self, prefix: str, extension: str, stamp: Callable[[], str]) -> None:
        self._prefix = prefix
        self._ending = f".{extension}" if extension else ""
        self._stamp = stamp
        self._last = ""
        self._number = 1

    def candidate(self) -> str:
        """Return the name to try next."""
        stamp = self._stamp()
        if stamp != self._last:
            self._last, self._number = stamp, 1
        return f"{self._prefix}{stamp}-{self._number}{self._ending}"

    def advance(self) -> None:
        """Go on to the next number: the candidate was used, here or by somebody else."""
        self._number += 1

    def pattern(self, suffix: str) -> re.Pattern[str]:
        """Return what matches the base names that this object makes, with ``suffix`` behind them."""
        prefix = self._prefix.rpartition("/")[2]
        return re.compile(rf"{re.escape(prefix)}\d+-\d+{re.escape(self._ending + suffix)}")


def file_names(config: FileRollConfig, clock: Clock) -> FileNames:
    """Return the names that a configuration asks for; called once, when the sink is configured."""
    stamp: Callable[[], str]
    if config.path_manager is PathManager.ROLLTIME:

        def stamp() -> str:
            return time.strftime("%Y%m%d%H%M%S", time.localtime(clock.time()))
    else:
        configured = str(int(clock.time() * 1000))

        def stamp() -> str:
            return configured

    return FileNames(config.prefix, config.extension, stamp)
