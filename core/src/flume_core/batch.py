"""The event batch: an immutable sequence of events, and the unit of work everywhere.

To a plugin author a batch is a sequence of `Event`: ``len``, iteration and indexing are all there is
to know. Inside, bodies are kept in one of a few forms that convert lazily and headers in columns (a
mapping shared by all events, and a list of values for each key that varies), so that work on a whole
batch costs nanoseconds per event. The bulk operations below never make an `Event`.

Batches are never changed after they are made, may be used by several threads at once, and share what
they have in common: slicing, adding headers and concatenating copy no body where the form allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias, overload

from flume_core._bodies import Bodies, Buffer, count_lines
from flume_core._headers import NO_COLUMNS, Column, Headers
from flume_core.event import NO_HEADERS, Event

__all__ = ["EMPTY_BATCH", "Buffer", "Column", "EventBatch"]

_Slice: TypeAlias = "slice[int | None, int | None, int | None]"


class EventBatch(Sequence[Event]):
    """An immutable sequence of events with columnar headers. Make one with the ``from_`` methods."""

    __slots__ = ("__weakref__", "_bodies", "_headers")

    def __init__(self, bodies: Bodies, headers: Headers) -> None:
        self._bodies = bodies
        self._headers = headers

    # --- making batches

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> EventBatch:
        """Return a batch of the events given, in their order."""
        held = events if isinstance(events, list) else list(events)
        if not held:
            return EMPTY_BATCH
        return cls(
            Bodies(len(held), plain=[event.body for event in held]),
            Headers.from_rows([event.headers for event in held]),
        )

    @classmethod
    def from_block(
        cls,
        block: Buffer,
        count: int | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        columns: Mapping[str, Column] = NO_COLUMNS,
    ) -> EventBatch:
        """Return a batch of the LF-terminated bodies in ``block``, which must end in LF or be empty.

        ``count`` is the number of LF in it, where the caller knows it already (it is not checked).
        The block is kept, not copied: the caller must not change it afterwards.
        """
        if len(block) and block[-1] != 10:
            raise ValueError("a block must end in LF: the last body is not terminated")
        if count is None:
            count = count_lines(block)
        bodies = Bodies(count, blocks=(block,) if count else ())
        return cls(bodies, _checked(headers, columns, count))

    @classmethod
    def from_bodies(
        cls,
        bodies: Iterable[bytes],
        headers: Mapping[str, str] = NO_HEADERS,
        columns: Mapping[str, Column] = NO_COLUMNS,
    ) -> EventBatch:
        """Return a batch with these bodies; a list is kept, not copied."""
        plain = bodies if isinstance(bodies, list) else list(bodies)
        count = len(plain)
        return cls(Bodies(count, plain=plain), _checked(headers, columns, count))

    @classmethod
    def from_packed(
        cls,
        packed: Buffer,
        count: int,
        headers: Mapping[str, str] = NO_HEADERS,
        columns: Mapping[str, Column] = NO_COLUMNS,
    ) -> EventBatch:
        """Return a batch over what `packed` made; it is decoded only when a body is asked for.

        ``count`` must be the number of bodies in it: the caller has checked the bytes (a checksum).
        """
        return cls(Bodies(count, packed=packed), _checked(headers, columns, count))

    @classmethod
    def concat(cls, batches: Iterable[EventBatch]) -> EventBatch:
        """Return the events of all batches in order; empty ones leave no trace."""
        parts = [batch for batch in batches if batch._bodies.count]
        if not parts:
            return EMPTY_BATCH
        if len(parts) == 1:
            return parts[0]
        return cls(
            Bodies.concat([part._bodies for part in parts]),
            Headers.concat([(part._headers, part._bodies.count) for part in parts]),
        )

    # --- a sequence of events

    def __len__(self) -> int:
        return self._bodies.count

    def __iter__(self) -> Iterator[Event]:
        return map(Event, self._bodies.iterate(), self._headers.rows(self._bodies.count))

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: _Slice) -> EventBatch: ...
    def __getitem__(self, index: int | _Slice) -> Event | EventBatch:
        """Return one event, or a batch of a slice with step 1."""
        if isinstance(index, slice):
            start, stop, step = index.indices(self._bodies.count)
            if step != 1:
                raise ValueError(
                    "a batch can only be sliced with step 1; use select() to pick events"
                )
            return self.slice(start, max(start, stop))
        body = self._bodies.plain()[index]
        return Event(body, self._headers.row(index))

    def __eq__(self, other: object) -> bool:
        """Compare event by event; the form of the bodies does not matter."""
        if not isinstance(other, EventBatch):
            return NotImplemented
        if len(self) != len(other) or self.bodies() != other.bodies():
            return False
        count = len(self)
        mine, theirs = self._headers, other._headers
        if not mine.columns and not theirs.columns:
            return not count or mine.shared == theirs.shared
        return all(a == b for a, b in zip(mine.rows(count), theirs.rows(count), strict=True))

    __hash__ = None  # type: ignore[assignment]  # compared by content, which is costly to hash

    def __repr__(self) -> str:
        headers = [*self._headers.shared, *self._headers.columns]
        return f"<EventBatch of {len(self)} events, headers {headers}>"

    def map_events(self, change: Callable[[Event], Event | None]) -> EventBatch:
        """Return the events that ``change`` makes of these, in order; None drops one.

        Where all bodies come back as they were, they keep their form: a block is not joined again.
        """
        bodies = list(self._bodies.iterate())
        events = map(Event, bodies, self._headers.rows(len(bodies)))
        kept = [changed for event in events if (changed := change(event)) is not None]
        made = EventBatch.from_events(kept)
        # Comparing lists of the very same objects looks at none of them.
        return EventBatch(self._bodies, made._headers) if made.bodies() == bodies else made

    # --- bodies in bulk

    @property
    def nbytes(self) -> int:
        """The bytes of all bodies together, without terminators and headers."""
        return self._bodies.nbytes()

    def bodies(self) -> list[bytes]:
        """Return all bodies. The list is shared: do not change it."""
        return self._bodies.plain()

    def buffers(self) -> Sequence[Buffer]:
        """Return buffers that together hold every body followed by LF, ready for ``writev``.

        Nothing is copied where a source made the batch from blocks.
        """
        return self._bodies.terminated()

    def joined(self, terminator: bytes = b"\n") -> bytes:
        """Return every body followed by ``terminator``, as one string of bytes."""
        if terminator == b"\n":
            return b"".join(self._bodies.terminated())
        if not self._bodies.count:
            return b""
        return terminator.join(self._bodies.plain()) + terminator

    def packed(self) -> Buffer:
        """Return all bodies as one msgpack array of byte strings, for disk or wire."""
        return self._bodies.packed()

    @property
    def is_block(self) -> bool:
        """Whether the bodies are kept as LF-terminated blocks, so that `buffers` is free."""
        return self._bodies.has_blocks()

    # --- headers in bulk

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that all events share, read-only."""
        return self._headers.shared

    @property
    def columns(self) -> Mapping[str, Column]:
        """The headers that vary: one value per event, None where an event lacks the key. Read-only."""
        return MappingProxyType(self._headers.columns)

    def header(self, key: str) -> Column:
        """Return the value of one header for each event; None where an event lacks it."""
        return self._headers.values(key, len(self))

    def with_headers(
        self, headers: Mapping[str, str], *, keep_existing: bool = False
    ) -> EventBatch:
        """Return the batch with ``headers`` added to every event.

        With ``keep_existing`` an event that has a key already keeps its own value.
        """
        return EventBatch(
            self._bodies, self._headers.with_shared(headers, keep_existing=keep_existing)
        )

    def with_column(self, key: str, column: Column, *, keep_existing: bool = False) -> EventBatch:
        """Return the batch with one header set per event; None leaves that event without it.

        Raises ValueError if ``column`` has not one value for each event. With ``keep_existing`` an
        event that has the key already keeps its own value.
        """
        if len(column) != len(self):
            raise ValueError(f"column {key!r} has {len(column)} values for {len(self)} events")
        return EventBatch(
            self._bodies, self._headers.with_column(key, column, keep_existing=keep_existing)
        )

    def without_headers(self, *names: str) -> EventBatch:
        """Return the batch without the headers named; names that are not there are no error."""
        return EventBatch(self._bodies, self._headers.without(names))

    def with_bodies(self, bodies: Sequence[bytes]) -> EventBatch:
        """Return the batch with other bodies, one for each event (else ValueError)."""
        if len(bodies) != len(self):
            raise ValueError(f"{len(bodies)} bodies for {len(self)} events")
        return EventBatch(Bodies(len(bodies), plain=list(bodies)), self._headers)

    # --- parts

    def slice(self, start: int, stop: int) -> EventBatch:
        """Return the events from ``start`` up to ``stop``; both are cut to the batch."""
        count = self._bodies.count
        start = min(max(start, 0), count)
        stop = min(max(stop, start), count)
        if start == 0 and stop == count:
            return self
        return EventBatch(self._bodies.slice(start, stop), self._headers.slice(start, stop))

    def select(self, keep: Sequence[object]) -> EventBatch:
        """Return the events for which ``keep`` (one entry per event) is true, in order."""
        if len(keep) != len(self):
            raise ValueError(f"{len(keep)} marks for {len(self)} events")
        bodies = self._bodies.select(keep)
        if bodies.count == self._bodies.count:
            return self
        return EventBatch(bodies, self._headers.select(keep))

    def partition(self, key: str) -> dict[str | None, EventBatch]:
        """Return one batch per value of a header, in order of first appearance; None: without it."""
        column = self._headers.columns.get(key)
        if column is None:
            return {self._headers.shared.get(key): self} if len(self) else {}
        values = list(dict.fromkeys(column))
        if len(values) == 1:
            return {values[0]: self}
        return {value: self.select([v == value for v in column]) for value in values}

    def indices(self, positions: Iterable[int]) -> EventBatch:
        """Return the events at these positions (IndexError if one is not there), in batch order."""
        keep = [False] * len(self)
        for position in positions:
            keep[position] = True
        return self.select(keep)


def _checked(headers: Mapping[str, str], columns: Mapping[str, Column], count: int) -> Headers:
    if not columns:
        return Headers(headers) if headers else _NONE
    for key, column in columns.items():
        if len(column) != count:
            raise ValueError(f"column {key!r} has {len(column)} values for {count} events")
    shared = (
        headers
        if headers.keys().isdisjoint(columns)
        else {k: v for k, v in headers.items() if k not in columns}
    )
    return Headers(shared, dict(columns))


_NONE = Headers()
EMPTY_BATCH = EventBatch(Bodies(0, plain=[]), _NONE)
"""The batch without events."""
