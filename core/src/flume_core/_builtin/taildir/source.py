"""The ``taildir`` source."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flume_core._builtin.taildir.config import TaildirConfig
from flume_core._builtin.taildir.cutter import Cut, Cutter
from flume_core._builtin.taildir.files import Rewritten, Tail
from flume_core._builtin.taildir.following import Following, most_open_files
from flume_core._builtin.taildir.ledger import Ledger
from flume_core._builtin.taildir.matcher import FileGroup
from flume_core._builtin.taildir.tracker import Tracker
from flume_core._builtin.taildir.troubles import Troubles
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import ChannelError, ConfigurationError
from flume_core.metrics import MetricValue
from flume_core.source import PollableSource, SourceContext, Status
from flume_core.ticket import Ticket
from flume_core.transaction import Progress

__all__ = ["TaildirSource"]

_OFFSET_HEADER = "byteoffset"
_FLYING = 16  # commits under way at once, all of one block of 1 MiB
_MOST_REMOVED = 500  # keys in one record of progress, which may take 64 KiB


class _Pending(NamedTuple):
    """A batch handed over; if the channel refuses it, it is offered again before anything else."""

    tail: Tail
    batch: EventBatch
    pos: int
    progress: Progress | None


class TaildirSource(PollableSource[TaildirConfig]):
    """Follows text files that grow, through rotation, truncation and restarts.

    Unlike Flume, `poll` answers READY for as long as there is something to read, a renamed file goes on
    where it was, and the position file is replaced as a whole.
    """

    def __init__(self, config: TaildirConfig, context: SourceContext) -> None:
        super().__init__(config, context)
        self._ledger = Ledger(config.position_file, self.log)
        self._troubles = Troubles(self.log, self.metrics)
        self._following = Following(most_open_files(), ())
        self._tracker: Tracker | None = None
        self._cutter = Cutter(
            batch_size=config.batch_size,
            max_line_length=config.max_line_length,
            log=self.log,
            offset_header=_OFFSET_HEADER if config.byte_offset_header else "",
        )
        self._turn: tuple[Tail, Iterator[Cut]] | None = None
        self._pending: deque[_Pending] = deque()
        self._flying: deque[tuple[_Pending, Ticket]] = deque()
        self._left = config.max_batch_count
        self._keeps_progress = False
        self._received = self._accepted = 0
        self._next_save = 0.0
        self._save_failed = ""
        self.metrics.declare("EventReadFail", "ChannelWriteFail", "GenericProcessingFail")
        self.metrics.provide(self._batch_counts)

    @classmethod
    def claims(cls, config: TaildirConfig) -> Iterable[str]:
        """Return the position file."""
        return (f"position file {config.position_file}",)

    def _batch_counts(self) -> Mapping[str, MetricValue]:
        return {
            "AppendBatchReceivedCount": self._received,
            "AppendBatchAcceptedCount": self._accepted,
        }

    # --- life cycle

    def start(self) -> None:
        """Read the saved positions and find the files.

        Raises ConfigurationError if a directory of a group is missing, the position file cannot be
        used, or the system is not POSIX.
        """
        if not hasattr(os, "pread"):
            raise ConfigurationError(
                f"source {self.name}: taildir needs the file semantics of POSIX,"
                " which this system lacks; use another source here"
            )
        groups = self._groups()
        self._keeps_progress = self.emitter.keeps_progress
        self._ledger.load(self.emitter.progress() if self._keeps_progress else {})
        self._following.close_all()
        self._following = Following(most_open_files(), self._ledger.keys())
        now = self.context.clock.monotonic()
        self._tracker = Tracker(
            groups,
            self._ledger,
            self._following,
            self._troubles,
            self.log,
            header=self.config.file_header_key if self.config.file_header else "",
            skip_to_end=self.config.skip_to_end,
            patience=self.config.idle_timeout / 1000,
        )
        self._tracker.scan(now)
        self._next_save = now + self.config.write_pos_interval / 1000
        if self.config.skip_to_end:
            self._save()  # or a crash would skip what is written from now on

    def _groups(self) -> list[FileGroup]:
        config = self.config
        headers: dict[str, dict[str, str]] = {}
        for name, value in config.headers.items():
            group, _, key = name.partition(".")
            headers.setdefault(group, {})[key] = value
        for unused in sorted((config.patterns.keys() | headers.keys()) - set(config.filegroups)):
            self.log.warning("file group %s is not in filegroups: it is ignored", unused)
        groups = []
        for rank, name in enumerate(config.filegroups):
            if name not in config.patterns:
                self.log.warning("filegroups.%s is missing: file group %s is ignored", name, name)
                continue
            files = FileGroup(
                name,
                rank,
                config.patterns[name],
                headers.get(name, {}),
                cached=config.cache_pattern_matching,
            )
            if not os.path.isdir(files.directory):
                raise ConfigurationError(
                    f"source {self.name}: filegroups.{name} = {config.patterns[name]}:"
                    f" there is no directory {files.directory}; create it, or correct the path"
                )
            groups.append(files)
        return groups

    def stop(self) -> None:
        """Save the positions of what is committed, and close all files."""
        if self._tracker is not None:
            self._save()
            self._following.close_all()
        self._turn = None
        self._pending.clear()

    def summary(self) -> Sequence[str]:
        """Return the files with an unfinished last line, and what could not be read or saved."""
        lines = [
            f"{tail.path}: {tail.held_back} bytes of an unfinished last line are left for the next run"
            for tail in self._following
            if tail.held_back
        ]
        lines += self._troubles
        if self._save_failed:
            lines.append(self._save_failed)
        return lines

    # --- polling

    def poll(self) -> Status:
        """Emit the batches of one block (1 MiB) of one file, or all that were refused before.

        BACKOFF if nothing was there in any file. Raises what the emitter raises; the same batch is
        then emitted again in the next poll, and no position moves before it is committed.
        """
        tracker = self._tracker
        assert tracker is not None, "poll is called after start"
        now = self.context.clock.monotonic()
        if now >= self._next_save:
            self._next_save = now + self.config.write_pos_interval / 1000
            self._save()
        before = self._accepted
        while self._pending:
            self._commit(*self._pending.popleft())
        if self._turn is None:
            tail = tracker.next(now)
            if tracker.met:
                # A file that is renamed away and a kill before the next saving would leave its rest
                # behind: nothing would tell that it was ever followed.
                tracker.met = False
                self._save()
            if tail is None:
                self._forget_obsolete()
                return Status.BACKOFF
            self._begin_turn(tracker, tail, now)
        if self._turn is not None:
            self._work(tracker, *self._turn)
        return Status.READY if self._accepted > before or tracker.queue else Status.BACKOFF

    def _begin_turn(self, tracker: Tracker, tail: Tail, now: float) -> None:
        try:
            self._following.open(tail)
            self._turn = (tail, self._cutter.turn(tail, self._left))
        except Rewritten:
            tracker.start_over(tail, "was truncated and filled again, or is another file")
        except OSError as error:
            tracker.failed(tail, error, now)
            self._left = self.config.max_batch_count

    def _work(self, tracker: Tracker, tail: Tail, turn: Iterator[Cut]) -> None:
        stopped = self.context.stopping.is_set
        commit = self._start_commit if self._keeps_progress else self._commit
        try:
            for batch, pos in turn:
                self._received += 1
                self._left -= 1
                commit(
                    tail, batch, pos, self._progress(tail, pos) if self._keeps_progress else None
                )
                if stopped():
                    return
        finally:
            self._land()
        self._turn = None
        tracker.turn_over(tail, yields=self._left <= 0)
        if self._left <= 0 or not tail.queued:
            self._left = self.config.max_batch_count

    def _start_commit(
        self, tail: Tail, batch: EventBatch, pos: int, progress: Progress | None
    ) -> None:
        """Hand over a batch without waiting for the disk, unless many are under way."""
        handed = _Pending(tail, batch, pos, progress)
        try:
            ticket = self.emitter.emit_async(batch, progress)
        except BaseException as error:  # noqa: BLE001 - it is raised in its turn, behind what is under way
            ticket = Ticket.completed(error)
        self._flying.append((handed, ticket))
        if ticket.error is not None:
            self._land()
        elif len(self._flying) >= _FLYING:
            self._land_one()

    def _land(self) -> None:
        while self._flying:
            self._land_one()

    def _land_one(self) -> None:
        """Wait for the oldest commit under way. If it failed, so did all later ones: they are kept."""
        handed, ticket = self._flying.popleft()
        try:
            ticket.wait()
        except BaseException as error:
            self._pending.extend([handed, *(later for later, _ in self._flying)])
            self._flying.clear()
            self.emitter.rewind()
            failed = isinstance(error, ChannelError)
            self.metrics.add(**{"ChannelWriteFail" if failed else "GenericProcessingFail": 1})
            raise
        handed.tail.pos = handed.pos
        self._accepted += 1

    def _commit(self, tail: Tail, batch: EventBatch, pos: int, progress: Progress | None) -> None:
        try:
            self.emitter.emit(batch, progress)
        except BaseException as error:
            self._pending.appendleft(_Pending(tail, batch, pos, progress))
            if isinstance(error, ChannelError):
                self.metrics.add(ChannelWriteFail=1)
            else:
                self.metrics.add(GenericProcessingFail=1)
            raise
        tail.pos = pos
        self._accepted += 1

    # --- positions

    def _progress(self, tail: Tail, pos: int) -> Progress:
        progress: dict[str, bytes | None] = {}
        if self._ledger.obsolete:
            progress.update(dict.fromkeys(self._take_obsolete()))
        progress[tail.key] = tail.mark(pos)
        return progress

    def _forget_obsolete(self) -> None:
        """Remove from the channel's progress what belongs to files that are gone."""
        if not self._ledger.obsolete:
            return
        removed = self._take_obsolete()
        if removed and self._keeps_progress:
            try:
                self.emitter.emit(EMPTY_BATCH, dict.fromkeys(removed))
            except ChannelError:
                self._ledger.obsolete += removed
                self.metrics.add(ChannelWriteFail=1)
                raise

    def _take_obsolete(self) -> list[str]:
        obsolete = self._ledger.obsolete
        in_use = {tail.key for tail in self._following}
        taken = [key for key in obsolete[:_MOST_REMOVED] if key not in in_use]
        del obsolete[:_MOST_REMOVED]
        for key in taken:
            self._following.free_key(key)
        return taken

    def _save(self) -> None:
        try:
            self._ledger.save(self._following.tails())
            self._save_failed = ""
        except OSError as error:
            reason = f"{self.config.position_file} cannot be written: {error.strerror or error}"
            if reason != self._save_failed:
                self._save_failed = reason
                self.log.error("%s; trying again", reason)
            self.metrics.add(GenericProcessingFail=1)
