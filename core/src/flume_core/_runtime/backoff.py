"""Retry arithmetic, with Flume's numbers; nothing here sleeps."""

from __future__ import annotations

__all__ = ["Backoff"]


class Backoff:
    """Waits that grow by ``increment`` with each failure in a row, up to ``longest`` (seconds)."""

    __slots__ = ("count", "increment", "longest")

    def __init__(self, increment: float = 1.0, longest: float = 5.0) -> None:
        self.increment = increment
        self.longest = longest
        self.count = 0

    def next(self) -> float:
        """Return the seconds to wait now, and count."""
        self.count += 1
        return min(self.count * self.increment, self.longest)

    def reset(self) -> None:
        """Begin again with the shortest wait."""
        self.count = 0
