"""The headers of a batch: a mapping that all events share, and a column for each key that varies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, repeat
from types import MappingProxyType
from typing import TypeAlias

from flume_core.event import NO_HEADERS

__all__ = ["NO_COLUMNS", "Column", "Headers"]

Column: TypeAlias = Sequence[str | None]
"""One value per event; None where an event lacks the header."""

NO_COLUMNS: Mapping[str, Column] = MappingProxyType({})


class Headers:
    """Immutable columnar headers. A key is shared or a column, never both."""

    __slots__ = ("columns", "shared")

    def __init__(
        self, shared: Mapping[str, str] = NO_HEADERS, columns: Mapping[str, Column] = NO_COLUMNS
    ) -> None:
        self.shared = shared if type(shared) is MappingProxyType else MappingProxyType(dict(shared))
        self.columns = columns

    def rows(self, count: int) -> Iterator[Mapping[str, str]]:
        """Return the headers of each of ``count`` events, read-only."""
        if not self.columns:
            return repeat(self.shared, count)
        shared = dict(self.shared)
        rows = [shared.copy() for _ in range(count)]
        for name, column in self.columns.items():
            for row, value in zip(rows, column, strict=True):
                if value is not None:
                    row[name] = value
        return map(MappingProxyType, rows)

    def row(self, index: int) -> Mapping[str, str]:
        """Return the headers of the event at ``index``, read-only."""
        if not self.columns:
            return self.shared
        row = dict(self.shared)
        for name, column in self.columns.items():
            value = column[index]
            if value is not None:
                row[name] = value
        return MappingProxyType(row)

    def values(self, key: str, count: int) -> Column:
        """Return the value of one header for each event."""
        column = self.columns.get(key)
        return column if column is not None else [self.shared.get(key)] * count

    def with_shared(self, added: Mapping[str, str], *, keep_existing: bool) -> Headers:
        """Return the headers with ``added`` for every event."""
        if not self.columns or self.columns.keys().isdisjoint(added):
            merged = {**added, **self.shared} if keep_existing else {**self.shared, **added}
            return Headers(MappingProxyType(merged), self.columns)
        if not keep_existing:
            columns = {k: c for k, c in self.columns.items() if k not in added}
            return Headers({**self.shared, **added}, columns)
        filled = {
            k: [added[k] if v is None else v for v in c] if k in added else c
            for k, c in self.columns.items()
        }
        new = {k: v for k, v in added.items() if k not in filled}
        return Headers({**new, **self.shared}, filled)

    def with_column(self, key: str, column: Column, *, keep_existing: bool) -> Headers:
        """Return the headers with a column set; None in it means that the event lacks the key."""
        if keep_existing:
            if key in self.shared:
                return self
            old = self.columns.get(key)
            if old is not None:
                column = [n if o is None else o for o, n in zip(old, column, strict=True)]
        shared: Mapping[str, str] = self.shared
        if key in shared:
            shared = {k: v for k, v in shared.items() if k != key}
        return Headers(shared, {**self.columns, key: column})

    def without(self, names: Iterable[str]) -> Headers:
        """Return the headers without the keys named."""
        gone = set(names)
        shared: Mapping[str, str] = self.shared
        if not gone.isdisjoint(shared):
            shared = {k: v for k, v in shared.items() if k not in gone}
        return Headers(shared, {k: c for k, c in self.columns.items() if k not in gone})

    def slice(self, start: int, stop: int) -> Headers:
        """Return the headers of the events from ``start`` up to ``stop``."""
        if not self.columns:
            return self
        return Headers(self.shared, {k: c[start:stop] for k, c in self.columns.items()})

    def select(self, keep: Sequence[object]) -> Headers:
        """Return the headers of the events for which ``keep`` is true."""
        if not self.columns:
            return self
        return Headers(self.shared, {k: list(compress(c, keep)) for k, c in self.columns.items()})

    @staticmethod
    def concat(parts: Sequence[tuple[Headers, int]]) -> Headers:
        """Return the headers of batches put one behind the other; each part comes with its count."""
        first = parts[0][0]
        if not first.columns and all(
            h is first or (not h.columns and h.shared == first.shared) for h, _ in parts
        ):
            return first
        names = dict.fromkeys(k for h, _ in parts for k in (*h.shared, *h.columns))
        shared: dict[str, str] = {}
        columns: dict[str, Column] = {}
        for name in names:
            value = first.shared.get(name)
            if value is not None and all(h.shared.get(name) == value for h, _ in parts):
                shared[name] = value
                continue
            column: list[str | None] = []
            for headers, count in parts:
                column += headers.values(name, count)
            columns[name] = column
        return Headers(shared, columns)

    @staticmethod
    def from_rows(rows: list[Mapping[str, str]]) -> Headers:
        """Return the columnar form of one mapping per event."""
        if not rows:
            return Headers()
        first = rows[0]
        if rows == [first] * len(rows):
            return Headers(first)
        # The union of exact dicts costs a third of going through their keys, but forgets the order.
        same_keys = first.keys() == set().union(*rows)
        names = first if same_keys else dict.fromkeys(chain.from_iterable(rows))
        shared: dict[str, str] = {}
        columns: dict[str, Column] = {}
        for name in names:
            column = [row.get(name) for row in rows]
            value = column[0]
            if value is not None and column.count(value) == len(column):
                shared[name] = value
            else:
                columns[name] = column
        return Headers(shared, columns)
