"""The ``file_roll`` sink: writes events into files of one directory and begins a new one in time.

Followed as in Flume: the properties, the names of the files, that they are written under their final
names (unless ``sink.inUseSuffix`` asks otherwise), and that each transaction's bytes are handed to the
operating system before the commit, without waiting for the disk.

Not as in Flume, on purpose:

* a file is created with its first event, so there are no empty ones; ``sink.rollInterval`` counts
  from then;
* a file that exists is never overwritten: the next number is taken;
* what a failed transaction wrote is cut off again, so its events do not stand in the file twice;
* READY is the answer whenever events were delivered, also if that emptied the channel.

With a channel that keeps progress nothing is lost or repeated when the process or the machine dies;
see `flume_core._builtin.file_roll.ledger` for the order of things. Then a file
is synced after each write and before the transactions in it are committed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from flume_core._builtin.file_roll.burst import Burst
from flume_core._builtin.file_roll.config import FileRollConfig
from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.files import Files
from flume_core._builtin.file_roll.ledger import Ledger
from flume_core._builtin.file_roll.names import file_names
from flume_core._builtin.file_roll.output import Output
from flume_core.config.model import ComponentConfig
from flume_core.errors import ChannelError, ConfigurationError
from flume_core.metrics import MetricValue
from flume_core.serializer import EventSerializer
from flume_core.sink import Sink, SinkContext, Status

__all__ = ["FileRollSink"]

_TIDY_INTERVAL = 30.0
"""Seconds after which files that could not be completed are tried again."""


class FileRollSink(Sink[FileRollConfig]):
    """Writes events to files that roll by time."""

    disk: ClassVar[Disk] = Disk()

    def __init__(self, config: FileRollConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        self._channel = context.channel
        self._now = context.clock.monotonic
        self._batch_size = config.batch_size
        self._ledger = Ledger(context.channel, self.owner)
        names = file_names(config, context.clock)
        self._files = Files(config, names, self.disk, self._ledger, self._serializer, context.log)
        self._output: Output | None = None
        self._roll_at = self._tidy_at = math.inf
        self._due = math.inf
        """When there is something to do besides delivering: the only thing looked at for each batch."""
        self._attempted = self._delivered = self._written = 0
        self._complete = self._underflow = self._empty = 0
        self._created = self._closed = self._failed = self._write_failed = self._read_failed = 0
        self.metrics.provide(self._figures)

    @classmethod
    def claims(cls, config: FileRollConfig) -> Iterable[str]:
        """Return the directory and the prefix: two sinks with both in common would mix their files."""
        directory, prefix = os.path.split(f"{config.directory}/{config.prefix}")
        return (f"directory {os.path.realpath(directory)} with file prefix {prefix!r}",)

    def start(self) -> None:
        """Put the files of a run that crashed right, where the channel knows them.

        A missing directory is no failure yet: as in Flume that is one of delivery.
        """
        self._ledger.start()
        self._files.recover()
        self._plan()
        stranded = self._files.stranded()
        if stranded:
            self.log.warning(
                "%d files in %s were in use when a run ended abruptly, %s for one; rename what no other"
                " agent is writing", len(stranded), self.config.directory, stranded[0],
            )  # fmt: skip

    def process(self) -> Status:
        """Append what is waiting to the current file and commit; see `Sink.process`.

        Several batches are written, and where that is needed synced, together; each is committed in a
        transaction of its own. Raises `RetryableError` when the directory is missing or a file cannot
        be written.
        """
        if self._now() >= self._due:
            self._keep_up()
        burst = Burst(self._channel)
        try:
            burst.take(self._batch_size)
            if not burst.batches:
                self._ledger.commit()
                self._empty += 1
                return Status.BACKOFF
            self._deliver(burst)
        except BaseException as error:
            burst.rollback()
            self._undo(error)
            raise
        return Status.READY

    def _deliver(self, burst: Burst) -> None:
        ledger, batches = self._ledger, burst.batches
        self._attempted += sum(map(len, batches))
        output = self._output or self._open()
        sizes = output.write_all(batches)
        if ledger.keeps:
            output.sync()
        for batch, size in zip(batches, sizes, strict=True):
            if ledger.keeps:
                carried = ledger.ride(burst.next, output, output.length + size)
                burst.commit_next()
                ledger.landed(carried)
            else:
                burst.commit_next()
            output.settle_next(size)
            self._written += size
            self._count_delivered(len(batch))

    def _count_delivered(self, count: int) -> None:
        self._delivered += count
        if count < self._batch_size:
            self._underflow += 1
        else:
            self._complete += 1

    def stop(self) -> None:
        """Complete the current file."""
        if self._output is not None:
            self._close()
        else:
            self._files.tidy()
        for file in self._files.unfinished:
            self.log.error(
                "%s is left as it is: the first %d bytes are to be kept, the name should be %s",
                file.path, file.length, file.final,
            )  # fmt: skip
        try:
            self._ledger.commit()
        except ChannelError as e:
            # The next start finds these files complete and forgets them then.
            self.log.warning("the channel did not take the last progress: %s", e)

    def summary(self) -> Sequence[str]:
        """Return how many files were written."""
        return (
            f"{self._created} files with {self._delivered} events, {self._written} bytes, in"
            f" {self.config.directory}",
        )

    # --- files

    def _open(self) -> Output:
        try:
            output = self._output = self._files.create()
        except BaseException:
            self._failed += 1
            raise
        self._created += 1
        if self.config.roll_interval > 0:
            self._roll_at = self._now() + self.config.roll_interval
        self._plan()
        self.log.debug("writing %s", output.path)
        return output

    def _close(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            self._files.close(output)
            self._closed += 1
        self._roll_at = math.inf

    def _keep_up(self) -> None:
        if self._now() >= self._roll_at:
            self._close()
        else:
            self._files.tidy()
        self._tidy_at = math.inf
        self._plan()

    def _plan(self) -> None:
        if not self._files.unfinished:
            self._tidy_at = math.inf
        elif self._tidy_at == math.inf:
            self._tidy_at = self._now() + _TIDY_INTERVAL
        self._due = min(self._roll_at, self._tidy_at)

    def _undo(self, error: BaseException) -> None:
        """Take what the failed transaction wrote out of the file, or give the file up."""
        if isinstance(error, ChannelError):
            self._read_failed += 1
        else:
            self._write_failed += 1
        if self._output is not None and not self._output.cut_back():
            self._close()
        self._plan()

    def _serializer(self) -> EventSerializer[ComponentConfig]:
        chosen = self.config.event_serializer
        made = self.context.create("event_serializer", chosen.type, chosen.settings)
        if not isinstance(made, EventSerializer):
            raise ConfigurationError(f"sink.serializer {chosen.type} is not an event serializer")
        return made

    def _figures(self) -> Mapping[str, MetricValue]:
        return {
            "ConnectionCreatedCount": self._created,
            "ConnectionClosedCount": self._closed,
            "ConnectionFailedCount": self._failed,
            "BatchCompleteCount": self._complete,
            "BatchUnderflowCount": self._underflow,
            "BatchEmptyCount": self._empty,
            "EventDrainAttemptCount": self._attempted,
            "EventDrainSuccessCount": self._delivered,
            "EventWriteFail": self._write_failed,
            "ChannelReadFail": self._read_failed,
        }
