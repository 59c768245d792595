"""What is saved about files, and taken up again: the position file, its companion, the channel's progress.

The position file is Flume's (see `positions`). Beside it, ``<positionFile>.ids`` holds what that has no
place for, as JSON of version 1::

    {"version":1,"replaced":DIGEST,"written":DIGEST,"files":[MARK,...]}

A MARK is an `identity.Mark` by its field names. The two digests are of the position file that was there
before and of the one written right after this file: a position file with either of them is ours, and
the marks are at least as new; a crash between the two writes does no harm. With any other, somebody else
(Java Flume, an operator) wrote the position file: then its entries count, the marks only tell files.
Without a position file there is nothing to take up, whatever the companion says.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flume_core._builtin.taildir import positions
from flume_core._builtin.taildir.files import Tail
from flume_core._builtin.taildir.identity import Mark, decode, digest
from flume_core._builtin.taildir.storage import make_private_directory, replace_file
from flume_core.errors import ConfigurationError

__all__ = ["Known", "Ledger", "Taken"]

_VERSION = 1


@dataclass(slots=True)
class Known:
    """A position that waits for its file to be found."""

    mark: Mark
    in_channel: bool = False
    """Whether the channel's progress has it."""
    by_path: bool = False
    """Whether inode and path are enough, as in Flume: somebody else wrote it, without a fingerprint."""
    since: float | None = None
    """Since when the file is missing (monotonic seconds); None until it was looked for."""
    quoted: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.quoted = positions.quote(self.mark.file)

    def begins_like(self, tail: Tail) -> bool:
        """Tell whether an open file begins as the one that is missing did."""
        mark = self.mark
        known = 0 < mark.covered <= len(tail.head)
        return known and digest(tail.head[: mark.covered]) == mark.head

    def holds(self, tail: Tail, size: int) -> bool:
        """Tell whether an open file of ``size`` bytes can be taken up here. Raises OSError."""
        mark = self.mark
        if mark.pos > size:
            return False
        if not self.begins_like(tail) and not (self.by_path or not mark.covered):
            return False
        if not mark.measured:
            return True
        return digest(os.pread(tail.fd, mark.measured, mark.pos - mark.measured)) == mark.last


class Taken(NamedTuple):
    """Where to go on with a file."""

    key: str
    """Its key in progress; empty if it has none yet."""
    file: str
    """The path that it had."""
    pos: int
    changed: bool
    """Whether it is not what it was, and is to be read from its start."""


class Ledger:
    """The positions that are saved, and those whose files are not at hand. Used by one thread."""

    def __init__(self, path: str, log: logging.Logger) -> None:
        self.path = path
        self._log = log
        self._known: dict[int, list[Known]] = {}
        self._written: bytes | None = None
        self._state: tuple[bytes, bytes] | None = None
        self.obsolete: list[str] = []
        """Keys to be removed from the channel's progress."""

    # --- reading what was saved

    def load(self, progress: Mapping[str, bytes]) -> None:
        """Read what was saved, ``progress`` of the channel included.

        Creates the directory of the position file. Raises ConfigurationError for what an operator
        must repair: an unreadable file or directory, or a file that is no position file.
        """
        self._known = {}
        self._state = None
        raw = self._written = self._read_positions()
        for known in self._from_channel(progress):
            self.add(known)
        if raw:
            for known in self._from_files(raw):
                self.add(known)

    def _read_positions(self) -> bytes | None:
        directory = os.path.dirname(self.path)
        try:
            make_private_directory(directory)
            with open(self.path, "rb") as file:
                raw = file.read()
        except FileNotFoundError:
            raw = None
        except OSError as error:
            raise ConfigurationError(
                f"positionFile {self.path} cannot be used: {error.strerror or error};"
                " name a file in a directory that the agent may write to"
            ) from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"positionFile {self.path}: the agent may not write to its directory;"
                " allow it, or name a file elsewhere"
            )
        return raw

    def _from_channel(self, progress: Mapping[str, bytes]) -> Iterator[Known]:
        for key, raw in progress.items():
            try:
                yield Known(decode(raw), in_channel=True)
            except ValueError as error:
                self._log.warning("progress of %s in the channel is not understood: %s", key, error)

    def _from_files(self, raw: bytes) -> Iterator[Known]:
        try:
            entries, whole = positions.parse(raw)
        except positions.PositionError as error:
            raise ConfigurationError(
                f"positionFile {self.path} is not a position file: {error};"
                " restore it, or remove it to read all files from their start"
            ) from error
        if not whole:
            self._log.warning(
                "%s is cut off or damaged: the %d entries before that count; other files are read"
                " from their start",
                self.path,
                len(entries),
            )
        ours, marks = self._read_ids(digest(raw))
        if ours:
            yield from (Known(mark) for mark in marks)
            return
        heads = {mark.inode: mark for mark in marks}
        for inode, pos, path in entries:
            told = heads.get(inode)
            if told is None:
                mark = Mark("", path, inode, pos)
            else:
                mark = Mark("", path, inode, pos, told.head, told.covered)
            yield Known(mark, by_path=True)

    def _read_ids(self, written: str) -> tuple[bool, list[Mark]]:
        path = self.path + ".ids"
        try:
            with open(path, "rb") as file:
                value = json.loads(file.read())
            if not isinstance(value, dict) or value.get("version") != _VERSION:
                raise ValueError("it is of a version that this release does not know")
            marks = [decode(entry) for entry in value["files"]]
            return written in (value["replaced"], value["written"]), marks
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._log.warning(
                "%s cannot be used (%s): files are known by inode and path alone", path, error
            )
        return False, []

    # --- positions whose files are not at hand

    def add(self, known: Known) -> None:
        """Keep a position until its file is found."""
        self._known.setdefault(known.mark.inode, []).append(known)

    def __iter__(self) -> Iterator[Known]:
        return (known for same_inode in self._known.values() for known in same_inode)

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def inodes(self) -> Collection[int]:
        """Return the inodes of the files that are missing."""
        return self._known.keys()

    def keys(self) -> set[str]:
        """Return the keys in use."""
        return {known.mark.key for known in self}

    def take(self, tail: Tail, size: int) -> Taken | None:
        """Return the position at which to go on with an open file; None if nothing is known of it.

        What the channel says wins, unless another entry is ahead of it: that one was written by
        somebody else, who has read on. A file that changed since is read from its start. Raises
        OSError.
        """
        # An inode under its old path has no second file: what is known of it is of this one.
        mine = [
            known
            for known in self._known.get(tail.id[1], ())
            if known.mark.file == tail.path or known.begins_like(tail)
        ]
        if not mine:
            return None
        shrunk = any(known.mark.pos > size and known.begins_like(tail) for known in mine)
        valid = [] if shrunk else [known for known in mine if known.holds(tail, size)]
        self._drop(tail.id[1], mine)
        stored = [known for known in mine if known.in_channel]
        key = next((known.mark.key for known in stored or mine if known.mark.key), "")
        self.obsolete += [known.mark.key for known in stored if known.mark.key != key]
        pos = max((known.mark.pos for known in valid), default=0)
        if (
            stored
            and valid
            and not any(known.in_channel and known.mark.pos == pos for known in valid)
        ):
            self._log.warning(
                "%s: the position file is at %d, ahead of the channel: whoever wrote it has read on;"
                " continuing there",
                tail.path,
                pos,
            )
        return Taken(key, mine[0].mark.file, pos, changed=not valid)

    def still_there(self, inode: int) -> None:
        """Keep what is known of an inode: its file is there, but cannot be opened."""
        for known in self._known.get(inode, ()):
            known.since = None

    def expire(self, now: float, patience: float, missing: Collection[str]) -> None:
        """Drop positions whose files are gone for ``patience`` seconds.

        Directories in ``missing`` cannot be listed: nothing is known about files in those.
        """
        gone = []
        for known in self:
            if known.since is None or os.path.dirname(known.mark.file) in missing:
                known.since = now
            elif now - known.since >= patience:
                gone.append(known)
        for known in gone:
            self._drop(known.mark.inode, [known])
            if known.in_channel:
                self.obsolete.append(known.mark.key)

    def _drop(self, inode: int, dropped: Collection[Known]) -> None:
        left = [known for known in self._known[inode] if not any(known is d for d in dropped)]
        if left:
            self._known[inode] = left
        else:
            del self._known[inode]

    # --- saving

    def save(self, tails: Collection[Tail]) -> None:
        """Write both files if the positions changed. Raises OSError."""
        entries = [(tail.id[1], tail.pos, tail.quoted) for tail in tails]
        entries += [(known.mark.inode, known.mark.pos, known.quoted) for known in self]
        text = positions.render(entries)
        marks = [tail.full_mark() for tail in tails]
        marks += [json.dumps(_members(known.mark)).encode() for known in self]
        files = b",".join(marks)
        if (text, files) == self._state:
            return
        ids = b'{"version":%d,"replaced":"%b","written":"%b","files":[%b]}\n' % (
            _VERSION,
            digest(self._written or b"").encode(),
            digest(text).encode(),
            files,
        )
        replace_file(self.path + ".ids", ids)
        if text != self._written:
            replace_file(self.path, text)
        self._written = text
        self._state = (text, files)


def _members(mark: Mark) -> dict[str, str | int]:
    return {name: getattr(mark, name) for name in mark.__struct_fields__}
