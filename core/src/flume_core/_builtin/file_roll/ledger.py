"""What the sink keeps in a durable channel about its files, so that a crash repeats nothing.

The progress of the sink has one entry for each file that is not finished: the path, and as JSON a
`FileEntry`. The life of a file, where "committed" means that a take-commit carries the entry and
"stored" that this commit is on disk:

1. an entry without ``created`` is stored; then the file is created, and its name synced;
2. the entry with ``created`` and length 0 is stored;
3. for each batch: the bytes are written and synced, then the take is committed together with the new
   length. That commit may reach the disk whenever it does;
4. when the file is closed and has an in-use suffix: all commits are stored, then it is renamed and its
   name synced;
5. the removal of the entry is committed with some later batch.

So whatever prefix of the commits survives a crash, the recorded length is on disk, the bytes behind it
belong to events that the channel delivers again, and a file without an entry is complete. Step 2 tells
a file of ours from one that somebody else made under the announced name in the meantime: a file that
is announced only is removed when it is empty, and left alone otherwise.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from flume_core._builtin.file_roll.output import Output
from flume_core.channel import Channel
from flume_core.config.model import ComponentConfig
from flume_core.transaction import Transaction

__all__ = ["FileEntry", "Ledger"]

_RIDERS = 6
"""Most finished files whose removal one commit carries: their paths must stay below the limit."""


class FileEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a crash must not forget of a file."""

    final: str
    """The path it gets when complete."""
    length: int = 0
    """The bytes of committed events in it."""
    created: bool = False
    """Whether the file exists and is ours."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(FileEntry).decode


def _read(value: bytes) -> FileEntry | None:
    try:
        return _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class Ledger:
    """The entries of one sink. Does nothing where the channel does not keep progress."""

    def __init__(self, channel: Channel[ComponentConfig], owner: str) -> None:
        self.keeps = False
        self._channel = channel
        self._owner = owner
        self._pending: dict[str, bytes | None] = {}

    def start(self) -> None:
        """Ask the channel, which is started by now, whether it keeps anything."""
        self.keeps = self._channel.keeps_progress

    @property
    def pending(self) -> bool:
        """Whether entries changed that no commit has carried yet."""
        return bool(self._pending)

    def entries(self) -> dict[str, FileEntry | None]:
        """Return what is stored; None where it cannot be read."""
        stored = self._channel.progress(self._owner) if self.keeps else {}
        return {path: _read(value) for path, value in stored.items()}

    def announce(self, path: str, final: str) -> None:
        """Store that a file is about to be created (step 1)."""
        if self.keeps:
            self._pending[path] = _encode(FileEntry(final))
            self.store()

    def created(self, path: str, final: str) -> None:
        """Store that a file was created (step 2)."""
        if self.keeps:
            self._pending[path] = _encode(FileEntry(final, 0, True))
            self.store()

    def record(self, path: str, final: str, length: int) -> None:
        """Let the next commit carry a length."""
        if self.keeps:
            self._pending[path] = _encode(FileEntry(final, length, True))

    def forget(self, path: str) -> None:
        """Let the next commit remove an entry (step 5)."""
        if self.keeps:
            self._pending[path] = None

    def ride(
        self, tx: Transaction, output: Output | None = None, length: int = 0
    ) -> tuple[str, ...]:
        """Add to a take what its commit shall carry: the length of ``output``, and what is pending.

        Returns what `landed` wants to hear once that is committed.
        """
        riders = dict(islice(self._pending.items(), _RIDERS))
        carried = tuple(riders)
        if output is not None:
            riders[output.path] = _encode(FileEntry(output.final, length, True))
        tx.save_progress(self._owner, riders)
        return carried

    def landed(self, carried: tuple[str, ...]) -> None:
        """Drop what was pending: its transaction is committed."""
        for path in carried:
            del self._pending[path]

    def commit(self) -> None:
        """Commit everything that is pending, by itself."""
        while self._pending:
            with self._channel.transaction() as tx:
                tx.take(0)  # a take-commit, which `sync` covers
                carried = self.ride(tx)
            self.landed(carried)

    def store(self) -> None:
        """Return when everything committed so far, and everything pending, is on disk."""
        if self.keeps:
            self.commit()
            self._channel.sync()
