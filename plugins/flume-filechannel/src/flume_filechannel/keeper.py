"""The channel's own threads: one syncs what was committed without waiting, one keeps the log in order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Event, Thread
from time import monotonic

from flume_core.errors import ChannelError
from flume_filechannel.log.writer import Entry, Writer

__all__ = ["Keeper"]


class Keeper:
    """Syncs commits in the background, syncs takes now and then, frees segments, writes checkpoints."""

    def __init__(
        self,
        writer: Writer,
        log: logging.Logger,
        checkpoint: Callable[[], None],
        *,
        sync_interval: float,
        checkpoint_interval: float,
    ) -> None:
        self._writer = writer
        self._log = log
        self._checkpoint = checkpoint
        self._sync_interval = sync_interval
        self._checkpoint_interval = checkpoint_interval
        self._stopping = Event()
        self._asked = Condition()
        self._entry: Entry | None = None
        self._syncer: Thread | None = None
        self._housekeeper = Thread(target=self._keep_house, name="file-channel", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._housekeeper.start()

    def stop(self) -> None:
        """End both threads, after the syncs that were asked for."""
        self._stopping.set()
        with self._asked:
            self._asked.notify_all()
        if self._syncer is not None:
            self._syncer.join()
        if self._housekeeper.is_alive():
            self._housekeeper.join()

    def sync_soon(self, entry: Entry) -> None:
        """See to it that a put gets to disk."""
        with self._asked:
            self._entry = entry
            if self._syncer is None:
                self._syncer = Thread(target=self._sync, name="file-channel-sync", daemon=True)
                self._syncer.start()
            self._asked.notify_all()

    def _sync(self) -> None:
        while True:
            with self._asked:
                while self._entry is None:
                    if self._stopping.is_set():
                        return
                    self._asked.wait()
                entry, self._entry = self._entry, None
            try:
                self._writer.wait(entry)
            except ChannelError as e:  # the tickets know it; the operator should as well
                self._log.error("%s", e)

    def _keep_house(self) -> None:
        next_checkpoint = monotonic() + self._checkpoint_interval
        while not self._stopping.wait(self._sync_interval):
            try:
                if self._writer.dirty:
                    self._writer.sync()
                self._writer.reclaim()
            except ChannelError as e:
                self._log.warning("%s", e)
            if monotonic() >= next_checkpoint:
                self._checkpoint()
                next_checkpoint = monotonic() + self._checkpoint_interval
