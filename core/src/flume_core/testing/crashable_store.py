"""What a crashable channel keeps when it crashes: the stand-in for a disk."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition
from weakref import WeakValueDictionary

from flume_core.batch import EventBatch
from flume_core.errors import ConfigurationError
from flume_core.testing.crash_points import CrashPoints

__all__ = ["CrashableStore"]

_named: WeakValueDictionary[str, CrashableStore] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class _Record:
    """One commit: what it added, what it took away (by first sequence number), its progress."""

    added: Mapping[int, EventBatch] = field(default_factory=dict)
    taken: Sequence[tuple[int, int]] = ()
    progress: Mapping[str, Mapping[str, bytes | None]] = field(default_factory=dict)
    lazy: bool = False


@dataclass(slots=True)
class _State:
    waiting: dict[int, EventBatch] = field(default_factory=dict)
    progress: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def copy(self) -> _State:
        owners = {owner: dict(entries) for owner, entries in self.progress.items()}
        return _State(dict(self.waiting), owners)

    def cut(self, first: int, count: int) -> None:
        """Make the events from ``first`` on an entry of their own, ``count`` long."""
        batch = self.waiting.get(first)
        if batch is None:
            holder = max(start for start in self.waiting if start < first)
            self.cut(holder, first - holder)
            batch = self.waiting[first]
        if count < len(batch):
            self.waiting[first] = batch.slice(0, count)
            self.waiting[first + count] = batch.slice(count, len(batch))

    def apply(self, record: _Record) -> None:
        self.waiting.update(record.added)
        for first, count in record.taken:
            self.cut(first, count)
            del self.waiting[first]
        for owner, entries in record.progress.items():
            kept = self.progress.setdefault(owner, {})
            for key, value in entries.items():
                if value is None:
                    kept.pop(key, None)
                else:
                    kept[key] = value


class CrashableStore:
    """Outlives the channels that use it, one at a time, and what they had not committed.

    ``lazy``: commits other than those of puts reach the "disk" with the next `sync`; until then a crash
    loses all of them, or with ``seed`` the last few (a random number of them). Commits of puts always
    survive. Give ``points`` to try crash points. Thread-safe.
    """

    def __init__(
        self,
        name: str = "",
        *,
        lazy: bool = False,
        seed: int | None = None,
        points: CrashPoints | None = None,
    ) -> None:
        self.name = name or f"store-{id(self):x}"
        self.lock = Condition()
        self.user: object = None
        """The channel that has the store open; the store's lock is held to look."""
        self.points = points or CrashPoints()
        self.crashes = 0
        """How often it crashed."""
        self._lazy = lazy
        self._random = None if seed is None else random.Random(seed)
        self._records: list[_Record] = []
        self._next = 0
        self._settle(_State())
        self.points.on_strike(self.crash)
        _named[self.name] = self

    @classmethod
    def named(cls, name: str) -> CrashableStore:
        """Return the living store of that name, for channels made from a configuration."""
        store = _named.get(name)
        if store is None:
            raise ConfigurationError(f"there is no CrashableStore named {name!r}; make it first")
        return store

    # --- what tests call

    def use(self, points: CrashPoints) -> None:
        """Crash at these points from now on."""
        self.points = points
        points.on_strike(self.crash)

    def crash(self) -> None:
        """Lose what is not "on disk"; whoever has the store open can no longer use it."""
        with self.lock:
            self.crashes += 1
            self.user = None
            lost = sum(record.lazy for record in self._records)
            if self._random is not None:
                lost = self._random.randint(0, lost)
            state, left = self._synced, sum(record.lazy for record in self._records) - lost
            for record in self._records:
                left -= record.lazy
                if not record.lazy or left >= 0:
                    state.apply(record)
            self._settle(state)
            self.lock.notify_all()

    def events(self) -> EventBatch:
        """Return what waits, in order, those in open takes included."""
        with self.lock:
            return EventBatch.concat(batch for _, batch in sorted(self._state.waiting.items()))

    # --- what the channel calls, holding the lock

    def segments(self) -> list[tuple[int, EventBatch]]:
        """Return what waits: the sequence number of the first event of each batch, and the batch."""
        return sorted(self._state.waiting.items())

    def progress(self, owner: str) -> Mapping[str, bytes]:
        """Return a copy of the progress of an owner."""
        return dict(self._state.progress.get(owner, {}))

    def add(self, batches: Sequence[EventBatch]) -> dict[int, EventBatch]:
        """Give sequence numbers to batches that are about to be committed."""
        added: dict[int, EventBatch] = {}
        for batch in batches:
            added[self._next] = batch
            self._next += len(batch)
        return added

    def commit(
        self,
        added: Mapping[int, EventBatch],
        taken: Sequence[tuple[int, int]],
        progress: Mapping[str, Mapping[str, bytes | None]],
        *,
        lazy: bool,
    ) -> None:
        """Make a commit take effect; if ``lazy``, a store that is lazy has it "on disk" later."""
        record = _Record(added, taken, progress, lazy)
        self._state.apply(record)
        if self._lazy:
            self._records.append(record)

    def sync(self) -> None:
        """Bring every commit so far to the "disk"."""
        if self._records:
            self._settle(self._state)

    def _settle(self, state: _State) -> None:
        self._records.clear()
        self._state, self._synced = state, state.copy() if self._lazy else state
