"""Files and directories that cannot be read at the moment."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from flume_core.metrics import ComponentMetrics

__all__ = ["Troubles"]


class Troubles:
    """Logs and counts a trouble once for as long as it lasts. Used by one thread.

    Whoever looks at all files reports each trouble in every round; what is not reported in a round is
    over.
    """

    def __init__(self, log: logging.Logger, metrics: ComponentMetrics) -> None:
        self._log = log
        self._metrics = metrics
        self._round = 0
        self._reasons: dict[str, tuple[str, int]] = {}

    def add(self, path: str, error: OSError) -> None:
        """Report that something cannot be read."""
        reason = error.strerror or str(error)
        before = self._reasons.get(path)
        if before is None or before[0] != reason:
            self._log.warning("%s cannot be read: %s; trying again", path, reason)
            self._metrics.add(EventReadFail=1)
        self._reasons[path] = (reason, self._round)

    def lasts(self, path: str) -> None:
        """Report that a trouble lasts: it was not even tried to read the file."""
        if path in self._reasons:
            self._reasons[path] = (self._reasons[path][0], self._round)

    def end_round(self) -> None:
        """Forget what was not reported since the last round."""
        if self._reasons:
            self._reasons = {p: r for p, r in self._reasons.items() if r[1] == self._round}
        self._round += 1

    def __iter__(self) -> Iterator[str]:
        return (f"{path} cannot be read: {reason}" for path, (reason, _) in self._reasons.items())
