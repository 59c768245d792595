"""Which events are taken: all below a watermark, and some ranges above it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Ranges"]


class Ranges:
    """A set of event numbers that grows towards "all below the watermark". Not thread-safe."""

    def __init__(self, watermark: int = 0, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.watermark = watermark
        self._firsts: list[int] = []
        self._ends: list[int] = []
        for first, end in ranges:
            self.add(first, end)

    def add(self, first: int, end: int) -> None:
        """Add the numbers from ``first`` up to, not including, ``end``."""
        if first <= self.watermark:
            self.watermark = max(self.watermark, end)
        else:
            self._insert(first, end)
        firsts, ends = self._firsts, self._ends
        while firsts and firsts[0] <= self.watermark:
            self.watermark = max(self.watermark, ends[0])
            del firsts[0], ends[0]

    def _insert(self, first: int, end: int) -> None:
        firsts, ends = self._firsts, self._ends
        low = bisect_right(ends, first - 1)
        high = bisect_right(firsts, end)
        if low < high:
            first, end = min(first, firsts[low]), max(end, ends[high - 1])
        firsts[low:high] = [first]
        ends[low:high] = [end]

    def missing(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Return the parts of a range that are not in the set, in order."""
        at = max(first, self.watermark)
        for begin, stop in zip(self._firsts, self._ends, strict=True):
            if begin >= end:
                break
            if stop <= at:
                continue
            if begin > at:
                yield at, begin
            at = stop
        if at < end:
            yield at, end

    def total(self) -> int:
        """Return how many numbers above the watermark are in the set."""
        return sum(self._ends) - sum(self._firsts)

    def dump(self) -> list[int]:
        """Return ``[watermark, first, end, first, end, ...]``."""
        pairs = zip(self._firsts, self._ends, strict=True)
        return [self.watermark, *(number for pair in pairs for number in pair)]

    @classmethod
    def load(cls, dumped: Sequence[int]) -> Ranges:
        """Return what `dump` wrote."""
        return cls(dumped[0], zip(dumped[1::2], dumped[2::2], strict=True))

    def __bool__(self) -> bool:
        """Tell whether there is anything above the watermark."""
        return bool(self._firsts)
