"""Waiting in the main thread until a signal asks to stop, or somebody calls `wake`.

Handlers only note the signal and write to a pipe: they may interrupt code that holds any lock.
"""

from __future__ import annotations

import os
import select
import signal
import time
from types import FrameType, TracebackType

__all__ = ["StopSignals"]

# A terminal that closes stops the agent in order, as it does Java's.
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """Catches the signals that stop an agent, while it is entered. For the main thread only.

    SIGINT and SIGHUP stay ignored where they were, as under ``nohup``.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self.impatient = True
        """Whether a second signal ends the process on the spot: while there is nothing to stop."""
        self._previous: list[tuple[signal.Signals, object]] = []
        self._reader, self._writer = -1, -1

    def __enter__(self) -> StopSignals:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        os.set_blocking(self._reader, False)
        for number in _STOPPING:
            if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                self._previous.append((number, signal.signal(number, self._note)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous:
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned
        self._previous.clear()
        # The pipe stays: a thread that outlives us may still call `wake`. It goes with the process.

    def wait(self, seconds: float | None) -> None:
        """Return after ``seconds``, or earlier when a signal came or `wake` was called."""
        ready, _, _ = select.select([self._reader], [], [], seconds)
        if ready:
            os.read(self._reader, 4096)

    def wait_for(self, count: int, deadline: float | None = None) -> bool:
        """Wait until ``count`` signals came, or the monotonic ``deadline``; return whether they did."""
        while len(self.received) < count:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            self.wait(left)
        return True

    def wake(self) -> None:
        """End a `wait`. From any thread."""
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            return  # so much is waiting there that nobody can miss it

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        if self.impatient and len(self.received) > 1:
            os._exit(128 + number)
        self.wake()
