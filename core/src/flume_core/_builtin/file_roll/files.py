"""The output files of one sink: made, completed, and put right after a failure or a crash."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress

from flume_core._builtin.file_roll.config import FileRollConfig
from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.ledger import Ledger
from flume_core._builtin.file_roll.names import FileNames
from flume_core._builtin.file_roll.output import ClosedFile, Output, explain
from flume_core.config.model import ComponentConfig
from flume_core.errors import ChannelError, FlumeError, RetryableError
from flume_core.serializer import EventSerializer

__all__ = ["Files"]


class Files:
    """Creates and completes files. With a ledger that keeps, in the order that `ledger` demands."""

    def __init__(
        self,
        config: FileRollConfig,
        names: FileNames,
        disk: Disk,
        ledger: Ledger,
        new_serializer: Callable[[], EventSerializer[ComponentConfig]],
        log: logging.Logger,
    ) -> None:
        self._config = config
        self._names = names
        self._disk = disk
        self._ledger = ledger
        self._new_serializer = new_serializer
        self._log = log
        self.unfinished: list[ClosedFile] = []
        """Closed files that could not be cut back or renamed yet; `tidy` tries again."""

    # --- a new file

    def create(self) -> Output:
        """Create the next file, under a name that nobody has. Raises `RetryableError`."""
        directory = os.path.realpath(self._config.directory)
        if not self._disk.exists(directory):
            raise RetryableError(
                f"directory {self._config.directory} does not exist: create it (sink.directory), this"
                " sink makes files only"
            )
        while True:
            final = f"{directory}/{self._names.candidate()}"
            path = final + self._config.in_use_suffix
            if not self._disk.exists(final) and not self._disk.exists(path):
                output = self._create(path, final)
                if output is not None:
                    return output
            self._names.advance()

    def _create(self, path: str, final: str) -> Output | None:
        """Create a file; None if somebody else was faster."""
        try:
            self._ledger.announce(path, final)
            fd = self._disk.create(path)
        except FileExistsError:
            self._ledger.forget(path)
            return None
        except OSError as e:
            self._ledger.forget(path)
            raise RetryableError(f"cannot create {path}: {explain(e)}") from e
        except ChannelError:
            self._ledger.forget(path)
            raise
        self._names.advance()
        try:
            self._make_known(path, final)
            serializer = self._new_serializer()
            serializer.start()
            return Output(self._disk, fd, path, final, serializer)
        except BaseException:
            # Nothing was written yet: it is removed like every file without events.
            self.unfinished.append(ClosedFile(path, final, 0))
            with suppress(OSError):
                self._disk.close(fd)
            raise

    def _make_known(self, path: str, final: str) -> None:
        if self._ledger.keeps:
            try:
                self._disk.sync_directory(os.path.dirname(path))
            except OSError as e:
                raise RetryableError(f"cannot sync the directory of {path}: {explain(e)}") from e
            self._ledger.created(path, final)

    # --- a complete file

    def close(self, output: Output) -> None:
        """Complete a file. What fails is logged and left to `tidy`; nothing is raised."""
        file = output.close(sync=self._ledger.keeps)
        if file.trouble:
            self._log.error("%s is not closed properly: %s", file.path, file.trouble)
        if file.path != file.final:
            self._ledger.record(file.path, file.final, file.length)
        self.unfinished.append(file)
        self.tidy()

    def tidy(self) -> None:
        """Try to complete every file that is not; what fails is logged and kept."""
        waiting, self.unfinished = self.unfinished, []
        for at, file in enumerate(waiting):
            try:
                self._finish(file)
            except (OSError, FlumeError) as e:
                reason = explain(e) if isinstance(e, OSError) else e
                self._log.warning(
                    "%s is not complete yet, trying again later: %s", file.path, reason
                )
                self.unfinished.append(file)
            except BaseException:
                self.unfinished += waiting[at:]
                raise

    def _finish(self, file: ClosedFile) -> None:
        """Bring a closed file to its last state. May be repeated, also by another process."""
        disk, durable = self._disk, self._ledger.keeps
        size = disk.size(file.path)
        if size is None:
            self._report_missing(file)
        elif size and not file.ours:
            self._log.warning("%s was made by somebody else: left alone", file.path)
        elif not file.length:
            disk.remove(file.path)
        else:
            # A cut by the process before may not be on disk: it is synced even if the length is right.
            if file.cut and (durable or size > file.length):
                self._cut(file, size)
            if file.path != file.final:
                self._ledger.store()
                disk.rename(file.path, self._free(file.final))
        if durable:
            disk.sync_directory(os.path.dirname(file.path))
            self._ledger.forget(file.path)

    def _cut(self, file: ClosedFile, size: int) -> None:
        if size < file.length:
            self._log.error(
                "%s has %d bytes, %d were written: somebody cut it, or the disk lost the rest",
                file.path, size, file.length,
            )  # fmt: skip
        self._disk.cut(file.path, min(size, file.length), sync=self._ledger.keeps)

    def _report_missing(self, file: ClosedFile) -> None:
        if file.length and not self._disk.exists(file.final):
            self._log.warning("%s is gone: somebody moved or removed it", file.path)

    def _free(self, final: str) -> str:
        """Return a final name that nobody has; nearly always the one that was meant."""
        target = final
        while self._disk.exists(target):
            name = os.path.basename(self._names.candidate())
            target = f"{os.path.dirname(final)}/{name}"
            self._names.advance()
        return target

    # --- after a crash

    def recover(self) -> None:
        """Cut every recorded file back to its recorded length and complete it; touch no other.

        Raises `RetryableError` while a file in ``sink.directory`` resists: events that are delivered
        again must not stand there twice.
        """
        self.unfinished = []
        for path, entry in self._ledger.entries().items():
            if entry is None:
                self._log.error("what the channel recorded of %s cannot be read: left alone", path)
            else:
                file = ClosedFile(path, entry.final, entry.length, cut=True, ours=entry.created)
                self.unfinished.append(file)
        self.tidy()
        here = os.path.realpath(self._config.directory)
        resisting = [file.path for file in self.unfinished if os.path.dirname(file.path) == here]
        if resisting:
            raise RetryableError(
                f"cannot put {', '.join(resisting)} right after a crash; see the log"
            )
        # A former directory may be gone for good. Its entries stay, should it come back with a mount.
        self.unfinished = [f for f in self.unfinished if self._disk.exists(os.path.dirname(f.path))]
        self._ledger.commit()

    def stranded(self) -> list[str]:
        """Return the names of files that a run without such records left under their in-use names."""
        suffix = self._config.in_use_suffix
        if not suffix:
            return []
        matches = self._names.pattern(suffix).fullmatch
        known = {os.path.basename(file.path) for file in self.unfinished}
        try:
            names = self._disk.names(self._config.directory)
        except OSError:
            return []  # reported when the first file cannot be created
        return sorted(name for name in names if matches(name) and name not in known)
