"""Progress of a source over one or several channels: what is stored, and where to resume.

Every emit that carries progress gets a number. In each required channel that gets the batch, the
record of that commit holds, under ``source.NAME``:

* each changed entry, as 8 bytes of batch number (big endian) followed by the source's own value;
* the entry `LAST`: msgpack of (number, names of all required channels of that batch, the entries as
  they were before: key to value, or None).

After a crash the highest number decides. If every channel it names (and that the source still has)
holds that number, the source resumes after it, else before it. For each key the entry with the
highest number counts, wherever it is: batches of one source may go to different channels. An entry is
removed from every channel that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import NamedTuple

import msgspec

from flume_core.channel import Channel
from flume_core.config.model import ComponentConfig
from flume_core.errors import ContractError
from flume_core.transaction import Progress

__all__ = ["LAST", "BatchRecord", "SourceProgress"]

LAST = "\x00last"
"""The key of the entry that describes the last batch; sources cannot use it."""

_NUMBER = Struct(">Q")


class _Last(msgspec.Struct, array_like=True):
    number: int
    channels: list[str]
    before: dict[str, bytes | None]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Last).decode


class BatchRecord(NamedTuple):
    """The progress of one batch: what each channel's commit carries, and how to undo it."""

    parts: dict[str, dict[str, bytes | None]]
    changes: dict[str, bytes | None]
    before: dict[str, bytes | None]
    homes: dict[str, set[str]]
    """The channels that held the entries which the batch removes."""


class SourceProgress:
    """Keeps the progress of one source. Not thread-safe: the channel processor holds a lock."""

    def __init__(self, source: str, channels: Mapping[str, Channel[ComponentConfig]]) -> None:
        self.owner = f"source.{source}"
        self._channels = channels
        self._number = 0
        self._values: dict[str, bytes] = {}
        self._homes: dict[str, set[str]] = {}

    @property
    def kept(self) -> bool:
        """Whether all required channels keep progress, without which none of it is used."""
        return bool(self._channels) and all(c.keeps_progress for c in self._channels.values())

    @property
    def home(self) -> str:
        """The channel that takes progress which no batch carries."""
        return next(iter(self._channels))

    def resume(self) -> Mapping[str, bytes]:
        """Read what the channels hold; return the entries to go on from."""
        if not self.kept:
            return {}
        newest: dict[str, tuple[int, bytes]] = {}
        lasts: dict[str, _Last] = {}
        self._homes = {}
        for name, channel in self._channels.items():
            for key, stored in channel.progress(self.owner).items():
                if key == LAST:
                    lasts[name] = _decode(stored)
                    continue
                self._homes.setdefault(key, set()).add(name)
                number = _NUMBER.unpack_from(stored)[0]
                if key not in newest or number > newest[key][0]:
                    newest[key] = (number, stored[_NUMBER.size :])
        self._values = {key: value for key, (_, value) in newest.items()}
        if lasts:
            last = max(lasts.values(), key=lambda record: record.number)
            self._number = last.number
            named = [name for name in last.channels if name in self._channels]
            if not all(name in lasts and lasts[name].number == last.number for name in named):
                _apply(self._values, last.before)
        return dict(self._values)

    def record(self, progress: Progress, targets: Sequence[str]) -> BatchRecord:
        """Number a batch and return what each channel's commit must carry; ``targets`` get the batch.

        A channel beside the targets appears where an entry must be removed from it.
        """
        if LAST in progress:
            raise ContractError(f"{self.owner} uses the reserved progress key {LAST!r}")
        self._number += 1
        prefix = _NUMBER.pack(self._number)
        before = {key: self._values.get(key) for key in progress}
        last = _encode(_Last(self._number, list(targets), before))
        found: dict[str, dict[str, bytes | None]] = {name: {LAST: last} for name in targets}
        gone: dict[str, set[str]] = {}
        for key, value in progress.items():
            homes = self._homes.setdefault(key, set())
            for name in targets:
                found[name][key] = None if value is None else prefix + value
            if value is None:
                for name in homes.difference(targets):
                    found.setdefault(name, {})[key] = None
                gone[key] = self._homes.pop(key)
            else:
                homes.update(targets)
        _apply(self._values, progress)
        return BatchRecord(found, dict(progress), before, gone)

    def undo(self, record: BatchRecord) -> None:
        """Forget a batch that some channel lacks; its source may go back and drop it.

        A channel may have it already. The next batch begins where this one did all the same: were it
        lost to the others in a crash, the source has to go back to there.
        """
        _apply(self._values, record.before)
        for key, homes in record.homes.items():
            self._homes.setdefault(key, set()).update(homes)

    def redo(self, record: BatchRecord) -> None:
        """Take up a batch again that was undone."""
        _apply(self._values, record.changes)
        for key in record.homes:
            self._homes.pop(key, None)


def _apply(values: dict[str, bytes], changes: Mapping[str, bytes | None]) -> None:
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
