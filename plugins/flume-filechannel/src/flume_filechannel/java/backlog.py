"""The events that wait in a Java channel, read from its files as they are asked for."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from flume_core.batch import EventBatch
from flume_core.event import Event
from flume_filechannel.java.data_file import DataFile
from flume_filechannel.java.findings import Finding, FindingKind, Findings
from flume_filechannel.java.locks import DirectoryLocks
from flume_filechannel.java.log_file import LogFile
from flume_filechannel.java.protobuf import MalformedMessage
from flume_filechannel.java.record import DisabledRecord

__all__ = ["JavaBacklog"]

_OPEN_FILES = 32
_OFFSET = (1 << 32) - 1


class JavaBacklog:
    """The waiting events of a Java channel, in the channel's order.

    Eight bytes of memory per event, and the batch being read. It holds the locks of the directories until
    `close` (it is a context manager). Not for several threads at once.
    """

    def __init__(
        self,
        pointers: array[int],
        files: Mapping[int, LogFile],
        findings: Findings,
        locks: DirectoryLocks,
    ) -> None:
        self._pointers = pointers
        self._files = files
        self._findings = findings
        self._locks = locks
        self._open: OrderedDict[int, DataFile] = OrderedDict()
        self._unreadable = 0

    @property
    def waiting(self) -> int:
        """How many events wait by the records of the channel, including any that cannot be read."""
        return len(self._pointers)

    @property
    def unreadable(self) -> int:
        """How many of the waiting events the last pass of `batches` had to leave out so far."""
        return self._unreadable

    @property
    def findings(self) -> Sequence[Finding]:
        """What was noticed so far. Damage to waiting events is noticed when `batches` comes to it."""
        return self._findings.all()

    @property
    def findings_not_kept(self) -> int:
        """How many further findings there were than are listed."""
        return self._findings.not_kept

    def batches(self, max_events: int = 1000, max_bytes: int = 8 << 20) -> Iterator[EventBatch]:
        """Give the waiting events, the next one first; each call begins anew.

        A batch ends at ``max_events`` events, or when its bodies reach ``max_bytes`` bytes. Events that
        cannot be read are left out and become findings.

        Raises:
            JavaChannelDamaged: an event cannot be read, and the backlog was made to fail then.
            JavaChannelError: a file cannot be read at all.
        """
        self._unreadable = 0
        events: list[Event] = []
        size = 0
        for pointer in self._pointers:
            event = self._event(pointer >> 32, pointer & _OFFSET)
            if event is None:
                continue
            events.append(event)
            size += len(event.body)
            if len(events) >= max_events or size >= max_bytes:
                yield EventBatch.from_events(events)
                events, size = [], 0
        if events:
            yield EventBatch.from_events(events)

    def close(self) -> None:
        """Close the files and give the locks back. The Java agent may start again then."""
        while self._open:
            self._open.popitem()[1].close()
        self._locks.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _event(self, file_id: int, offset: int) -> Event | None:
        data = self._open.get(file_id)
        if data is None:
            data = self._opened(file_id)
        try:
            return data.event(offset)
        except DisabledRecord:
            self._unreadable += 1
            self._findings.add(
                FindingKind.DISABLED_RECORD,
                data.path,
                "a waiting event that Java's integrity tool voided",
                offset,
            )
        except MalformedMessage as e:
            self._unreadable += 1
            self._findings.add(FindingKind.UNREADABLE_EVENT, data.path, str(e), offset)
        return None

    def _opened(self, file_id: int) -> DataFile:
        if len(self._open) >= _OPEN_FILES:
            self._open.popitem(last=False)[1].close()
        data = self._open[file_id] = self._files[file_id].open(self._findings)
        return data
