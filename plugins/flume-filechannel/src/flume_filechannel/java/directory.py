"""Reads the directories of a Java file channel: what is there, what it means, what waits.

**Which records are replayed.** Java deletes a data file once nothing in it waits. With one data directory the
files that are left are enough: a take is never in an older file than its put. With several it is not so: a
take may have been written to an older file of another directory, which may be gone while the file of its put
is still there, and a replay of what is left would deliver that event again. The checkpoint knows better. So
it is used whenever it is whole and at least one data file names it in its metadata (which also keeps the
checkpoint of another channel out), and the records behind it are replayed on top, as Java does. Otherwise all
files are replayed from their start, and where that may repeat events a finding says so.

Nothing is ever written to the directories.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flume_filechannel.java.backlog import JavaBacklog
from flume_filechannel.java.checkpoint import BadCheckpoint, Checkpoint, read_checkpoint
from flume_filechannel.java.encryption import KeyLookup
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind, Findings, OnCorruption
from flume_filechannel.java.locks import DirectoryLocks
from flume_filechannel.java.log_file import LogFile, find_log_files, holds_log_files
from flume_filechannel.java.record import Entry
from flume_filechannel.java.replay import in_order, replay

__all__ = ["JavaDirectories", "find_java_channel", "read_java_channel"]

_OFFSET = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class JavaDirectories:
    """The directories of one Java channel."""

    data_dirs: tuple[Path, ...]
    checkpoint_dir: Path | None


def find_java_channel(directory: Path) -> JavaDirectories:
    """Return the directories of the channel in ``directory``: a data directory, or one above it.

    The checkpoint is looked for in the places that Flume's default and its documentation use: the same
    directory, and ``checkpoint`` in it or beside it. Raises JavaChannelError if no data file is there.
    """
    data: tuple[Path, ...] = ()
    if holds_log_files(directory):
        data = (directory,)
    elif directory.is_dir():
        data = tuple(each for each in sorted(directory.iterdir()) if holds_log_files(each))
    if not data:
        raise JavaChannelError(
            f"there is no data file log-<number> in {directory} or directly below: "
            "give the channel's dataDirs"
        )
    places = (directory, directory / "checkpoint", data[0].parent / "checkpoint")
    found = next((each for each in places if (each / "checkpoint").is_file()), None)
    return JavaDirectories(data, found)


def read_java_channel(
    data_dirs: Sequence[Path],
    checkpoint_dir: Path | None = None,
    *,
    keys: KeyLookup | None = None,
    on_corruption: OnCorruption = "report",
) -> JavaBacklog:
    """Lock and replay a Java file channel; return what waits in it. The caller closes the backlog.

    Args:
        data_dirs: all of the channel's ``dataDirs``, in any order.
        checkpoint_dir: its ``checkpointDir``, or None to replay all data files. An uncompressed backup
            checkpoint may be given in its place.
        keys: gives the key for an alias if files are encrypted, for instance `read_key_store(...)`.
        on_corruption: ``report`` leaves damaged parts out and lists them; ``fail`` raises at the first.

    Raises:
        JavaChannelLocked: a running agent holds one of the directories.
        JavaChannelDamaged: damage was met, with ``fail``.
        JavaChannelError: a directory is not there, has no data files, or cannot be read; a key is
            missing or wrong; the version is unknown.
    """
    findings, locks = Findings(on_corruption), DirectoryLocks()
    try:
        directories = _distinct(data_dirs)
        checkpoint_dirs = [] if checkpoint_dir is None else [checkpoint_dir]
        for directory in _distinct([*directories, *checkpoint_dirs]):
            locks.take(directory, findings)
        groups = [find_log_files(directory, keys, findings) for directory in directories]
        files = _by_id(groups)
        if not files:
            named = ", ".join(map(str, data_dirs))
            raise JavaChannelError(f"no data file log-<number> in {named}: give the dataDirs")
        checkpoint = _checkpoint(checkpoint_dir, files, findings)
        _report_gaps(files, len([group for group in groups if group]), checkpoint, findings)
        pointers = _replay(groups, files, checkpoint, findings)
        return JavaBacklog(_readable(pointers, files, findings), files, findings, locks)
    except BaseException:
        locks.release()
        raise


def _distinct(directories: Iterable[Path]) -> list[Path]:
    """Return each directory once, whatever its names: a lock must be opened once only."""
    found: dict[Path, None] = {}
    for directory in directories:
        if not directory.is_dir():
            raise JavaChannelError(f"{directory} is not a directory")
        found[directory.resolve()] = None
    return list(found)


def _by_id(groups: Iterable[Sequence[LogFile]]) -> dict[int, LogFile]:
    files: dict[int, LogFile] = {}
    for group in groups:
        for log in group:
            other = files.setdefault(log.file_id, log)
            if other is not log:
                raise JavaChannelError(
                    f"{other.path} and {log.path} have the same id: directories of different channels "
                    "(or a copy) were given together"
                )
    return files


def _checkpoint(
    directory: Path | None, files: Mapping[int, LogFile], findings: Findings
) -> Checkpoint | None:
    if directory is None:
        return None
    try:
        checkpoint = read_checkpoint(directory)
        if not any(log.knows(checkpoint.order) for log in files.values()):
            raise BadCheckpoint("no data file knows this checkpoint")
    except BadCheckpoint as e:
        findings.add(
            FindingKind.CHECKPOINT_UNUSED,
            directory,
            f"{e}; all data files were replayed from their start",
        )
        return None
    return checkpoint


def _report_gaps(
    files: Mapping[int, LogFile],
    directories: int,
    checkpoint: Checkpoint | None,
    findings: Findings,
) -> None:
    """Java deletes from the smallest id on; a gap above what is still needed is a file that is missing."""
    oldest = newest = 0
    if checkpoint is None:
        oldest, newest = min(files), max(files)
    elif checkpoint.queue:
        # Pointers have the file's id in front.
        oldest, newest = max(min(checkpoint.queue) >> 32, min(files)), max(files)
    present = sum(1 for each in files if each >= oldest)
    missing = max(0, newest - oldest + 1 - present)
    example = files[max(files)].path.parent
    if checkpoint is None and directories > 1 and (missing or oldest > 1):
        findings.add(
            FindingKind.MISSING_FILES,
            example,
            "without a checkpoint, and with older data files deleted, events that were already "
            "delivered may come again",
        )
    elif missing:
        findings.add(
            FindingKind.MISSING_FILES,
            example,
            f"{missing} data files between log-{oldest} and log-{newest} are not there: "
            "were all dataDirs given?",
        )


def _replay(
    groups: Iterable[Sequence[LogFile]],
    files: Mapping[int, LogFile],
    checkpoint: Checkpoint | None,
    findings: Findings,
) -> array[int]:
    order = None if checkpoint is None else checkpoint.order
    streams = [_entries(group, order, findings) for group in groups]
    returning = [] if checkpoint is None else _returning(checkpoint, files, findings)
    return replay(in_order(streams), files.keys(), checkpoint, returning)


def _entries(group: Sequence[LogFile], order: int | None, findings: Findings) -> Iterator[Entry]:
    """Give the records of one directory, file by file as they were written."""
    for log in group:
        data = log.open(findings)
        try:
            start = log.start(order)
            if not data.begins_record(start):
                findings.add(
                    FindingKind.METADATA,
                    log.path,
                    f"no record begins at byte {start}, where the replay should: read from its start",
                )
                start = log.start(None)
            yield from data.entries(start)
        finally:
            data.close()


def _returning(
    checkpoint: Checkpoint, files: Mapping[int, LogFile], findings: Findings
) -> list[int]:
    """Return the takes in flight in the order of their puts, the best that can be known of theirs."""
    pointers = sorted({each for taken in checkpoint.takes.values() for each in taken})
    orders: dict[int, int] = {}
    for file_id in sorted({each >> 32 for each in pointers} & files.keys()):
        data = files[file_id].open(findings)
        try:
            for each in pointers:
                if each >> 32 == file_id:
                    order = data.order_at(each & _OFFSET)
                    orders[each] = checkpoint.order if order is None else order
        finally:
            data.close()
    return sorted(pointers, key=lambda each: (orders.get(each, checkpoint.order), each))


def _readable(pointers: array[int], files: Mapping[int, LogFile], findings: Findings) -> array[int]:
    """Leave out events of files that are gone, with one finding for each file."""
    lost = Counter(each >> 32 for each in pointers if each >> 32 not in files)
    if not lost:
        return pointers
    example = files[max(files)].path.parent
    for file_id, count in sorted(lost.items()):
        findings.add(
            FindingKind.UNREADABLE_EVENT,
            example / f"log-{file_id}",
            f"{count} waiting events are in this file, which is not there: were all dataDirs given?",
        )
    return array("Q", (each for each in pointers if each >> 32 in files))
