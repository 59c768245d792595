"""Opening a log: which segments there are, what is taken, and where it ends.

The newest segment knows what is taken and all progress (its first record and what follows), so only
that one is read, from where the checkpoint says that it was known. Without a checkpoint it is read as
a whole; if its first record is damaged, so is the one before, and so on: never an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from flume_core.errors import ConfigurationError
from flume_filechannel.disk import Disk
from flume_filechannel.log.checkpoint import Checkpoint
from flume_filechannel.log.format import (
    HEADER_SIZE,
    PUT,
    STATE,
    UnknownVersion,
    unpack_segment_head,
)
from flume_filechannel.log.ranges import Ranges
from flume_filechannel.log.records import (
    AllProgress,
    Undecodable,
    decode_progress,
    decode_ranges,
    merge_progress,
)
from flume_filechannel.log.scan import Damage, Found, scan
from flume_filechannel.log.segment import Segment, segment_name

__all__ = ["Recovered", "recover"]


class Recovered(NamedTuple):
    """What a log holds."""

    segments: list[Segment]
    spares: list[str]
    taken: Ranges
    progress: AllProgress
    next_seq: int
    findings: list[str]
    """What was not as it should be, for the operator."""
    lost: int
    """Events that are known to be gone with the segment they were in."""


def recover(disk: Disk, directories: Sequence[str], checkpoint: Checkpoint | None) -> Recovered:
    """Open all segments and find out what they hold. Raises OSError, and `ConfigurationError` for

    files of a newer version.
    """
    findings: list[str] = []
    segments, spares = _open_all(disk, directories, findings)
    taken, progress, next_seq, lost = Ranges(), AllProgress(), 0, 0
    if segments:
        taken, progress, next_seq = _replay(disk, segments, checkpoint, findings)
        for segment, successor in pairwise(segments):
            segment.end_seq = successor.head.first_seq
        segments[-1].end_seq = next_seq
        lost = _look_for_gaps(segments, taken, findings)
    return Recovered(segments, spares, taken, progress, next_seq, findings, lost)


def _open_all(
    disk: Disk, directories: Sequence[str], findings: list[str]
) -> tuple[list[Segment], list[str]]:
    segments: dict[int, Segment] = {}
    spares: list[str] = []
    for directory in directories:
        for name in sorted(disk.names(directory)):
            path = f"{directory}/{name}"
            if name.startswith("spare-") and name.endswith(".log"):
                spares.append(path)
            elif name.startswith("segment-") and name.endswith(".log"):
                segment = _open(disk, path)
                if segment is None or segment_name(segment.head.id) != name:
                    findings.append(f"{path} has no segment header that checks: set aside")
                    disk.rename(path, f"{path}.damaged")
                    if segment is not None:
                        disk.close(segment.fd)
                else:
                    segments[segment.head.id] = segment
    return [segments[id_] for id_ in sorted(segments)], spares


def _open(disk: Disk, path: str) -> Segment | None:
    fd = disk.open(path)
    try:
        head = unpack_segment_head(disk.read(fd, HEADER_SIZE, 0))
    except UnknownVersion as e:
        disk.close(fd)
        raise ConfigurationError(
            f"{path} was written by a newer version of flume-filechannel ({e}); install that one"
        ) from e
    if head is None:
        disk.close(fd)
        return None
    # A file that is shorter than its header says lost its end.
    return Segment(path, fd, head._replace(size=min(head.size, disk.size(fd))))


def _replay(
    disk: Disk,
    segments: list[Segment],
    checkpoint: Checkpoint | None,
    findings: list[str],
) -> tuple[Ranges, AllProgress, int]:
    last = segments[-1]
    if checkpoint is not None and checkpoint.fits(last.head):
        taken, progress = Ranges.load(checkpoint.taken), checkpoint.progress
        state = _State(taken, progress, checkpoint.next_seq, known=True)
        state.read(disk, last, checkpoint.offset, findings)
        return state.taken, state.progress, state.next_seq
    begin = len(segments)
    state = _State(Ranges(), AllProgress(), 0, known=False)
    while not state.known and begin:
        begin -= 1
        state = _State(Ranges(), AllProgress(), segments[begin].head.first_seq, known=False)
        for at in range(begin, len(segments)):
            first_seq = segments[at].head.first_seq
            if state.next_seq > first_seq:
                state.next_seq = first_seq  # what is above it was given up
            state.next_seq = max(state.next_seq, first_seq)
            state.read(disk, segments[at], HEADER_SIZE, findings if at == begin else [])
    if not state.known:
        findings.append(
            "no segment says what is taken: everything that is there is delivered (again)"
        )
        state.taken.add(0, segments[0].head.first_seq)
    return state.taken, state.progress, state.next_seq


class _State:
    """What is known while segments are read."""

    def __init__(self, taken: Ranges, progress: AllProgress, next_seq: int, *, known: bool) -> None:
        self.taken = taken
        self.progress = progress
        self.next_seq = next_seq
        self.known = known

    def read(self, disk: Disk, segment: Segment, offset: int, findings: list[str]) -> None:
        """Apply the records of a segment from ``offset``."""
        segment.end = offset
        for found in scan(disk, segment, offset, self.next_seq):
            if isinstance(found, Damage):
                findings.append(
                    f"{segment.path}: damage from offset {found.offset} to {found.end},"
                    f" {found.end_seq - found.first_seq} events"
                )
                continue
            try:
                self._apply(found)
            except Undecodable as e:
                findings.append(f"{segment.path}: the record at {found.offset} is unreadable: {e}")
            segment.end = found.offset + found.head.size

    def _apply(self, found: Found) -> None:
        head, payload = found.head, found.payload
        self.next_seq = head.seq + (head.events if head.kind == PUT else 0)
        split = head.headers_len
        progress = decode_progress(payload[split : split + head.progress_len])
        if head.kind == STATE:
            self.taken = Ranges.load(decode_ranges(payload[:split]))
            self.progress = {}
            self.known = True
        elif head.kind != PUT:
            numbers = decode_ranges(payload[:split])
            for first, end in zip(numbers[::2], numbers[1::2], strict=True):
                self.taken.add(first, end)
        merge_progress(self.progress, progress)


def _look_for_gaps(segments: list[Segment], taken: Ranges, findings: list[str]) -> int:
    """Report segments that are missing at the beginning; return how many events are lost with them."""
    first = segments[0].head.first_seq
    lost = sum(end - begin for begin, end in taken.missing(taken.watermark, first))
    if first > taken.watermark:
        findings.append(
            f"{lost} events (in {taken.watermark} to {first - 1}) are gone: the segment before"
            f" {os.path.basename(segments[0].path)} is missing"
        )
        taken.add(taken.watermark, first)
    return lost
