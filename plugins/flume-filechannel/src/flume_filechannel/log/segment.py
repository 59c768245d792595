"""The files of the log: made, used again, and removed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flume_filechannel.disk import Disk
from flume_filechannel.log.format import (
    HEADER_SIZE,
    SegmentHead,
    pack_segment_head,
    salt_seed,
)

__all__ = ["Segment", "SegmentStore", "Unsettled", "segment_name"]

_SPARES = 2
"""Files kept for use again; what is more is removed."""


def segment_name(id_: int) -> str:
    """Return the file name of a segment."""
    return f"segment-{id_:016d}.log"


@dataclass(slots=True, eq=False)
class Segment:
    """One file of the log that is open. The writer's lock guards what changes."""

    path: str
    fd: int
    head: SegmentHead
    end: int = HEADER_SIZE
    """Offset behind the last record."""
    synced: int = HEADER_SIZE
    """Offset up to which everything is on disk."""
    end_seq: int = 0
    """Number behind the last event."""
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        self.seed = salt_seed(self.head.salt)
        self.end_seq = max(self.end_seq, self.head.first_seq)


class SegmentStore:
    """The directories of the log. The writer's lock guards it."""

    def __init__(
        self, disk: Disk, directories: Sequence[str], size: int, minimum_space: int
    ) -> None:
        self._disk = disk
        self._directories = directories
        self._size = size
        self._minimum_space = minimum_space
        self._spares: list[str] = []
        self._turn = 0

    @property
    def size(self) -> int:
        """The length of new segments in bytes."""
        return self._size

    def create(
        self, id_: int, first_seq: int, least: int, records: Callable[[int], list[bytes]]
    ) -> Segment:
        """Make the next segment with its first records, on disk under its name when this returns.

        ``least`` is the room in bytes it must have for records; ``records`` gets the seed of their
        checksums. Raises OSError; a file that was begun then is a spare or gone; for `Unsettled` it may
        come back after a crash.
        """
        size = max(self._size, HEADER_SIZE + least)
        path, fd, size = self._file(id_, size)
        final = f"{os.path.dirname(path)}/{segment_name(id_)}"
        named = False
        try:
            head = SegmentHead(id_, secrets.randbits(64), first_seq, size, "")
            segment = Segment(path, fd, head)
            first = records(segment.seed)
            self._disk.write(fd, [pack_segment_head(head), *first], 0)
            self._disk.sync(fd)
            named = True
            self._disk.rename(path, final)
            self._disk.sync_directory(os.path.dirname(path))
        except BaseException as error:
            self._disk.close(fd)
            self._discard(path)
            if named and isinstance(error, OSError):
                self._discard(final)
                raise Unsettled(*error.args) from error
            raise
        segment.path = final
        segment.end = segment.synced = HEADER_SIZE + sum(map(len, first))
        return segment

    def _file(self, id_: int, size: int) -> tuple[str, int, int]:
        for path in tuple(self._spares):
            spare = self._reuse(path, size)
            if spare is not None:
                return path, *spare
        directory = self._directories[self._turn % len(self._directories)]
        self._turn += 1
        free = self._disk.free(directory)
        if free - size < self._minimum_space:
            raise NoSpace(
                f"{directory} has {free} bytes left; a new segment of {size} would leave less than"
                f" minimumRequiredSpace ({self._minimum_space})"
            )
        path = f"{directory}/spare-{id_:016d}.log"
        self._discard(path)
        return path, self._disk.create(path, size), size

    def _reuse(self, path: str, size: int) -> tuple[int, int] | None:
        """Open a spare; None if it is too short, and then it is removed if it is of no use at all."""
        try:
            fd = self._disk.open(path)
        except FileNotFoundError:
            self._spares.remove(path)
            return None
        length = self._disk.size(fd)
        if length < size:
            self._disk.close(fd)
            if length < self._size:
                self._spares.remove(path)
                self._discard(path)
            return None
        try:
            # Under the name of its last life it must not be found with the contents of the next one.
            self._disk.sync_directory(os.path.dirname(path))
        except OSError:
            self._disk.close(fd)
            raise
        self._spares.remove(path)
        return fd, length

    def adopt_spare(self, path: str) -> None:
        """Use a spare file that was found."""
        if len(self._spares) < _SPARES:
            self._spares.append(path)
        else:
            self._discard(path)

    def retire(self, segment: Segment) -> None:
        """Make a segment whose events are all taken a spare, or remove it. Raises OSError."""
        self._disk.close(segment.fd)
        if len(self._spares) < _SPARES and segment.head.size >= self._size:
            directory, name = os.path.split(segment.path)
            path = f"{directory}/{name.replace('segment-', 'spare-')}"
            self._disk.rename(segment.path, path)
            self._spares.append(path)
        else:
            self._disk.remove(segment.path)

    def _discard(self, path: str) -> None:
        try:
            self._disk.remove(path)
        except OSError:  # what cannot be removed now is found again as a spare at the next start
            return


class NoSpace(OSError):
    """The file system of the log is too full for another segment."""


class Unsettled(OSError):
    """A segment may or may not have got its name on disk."""
