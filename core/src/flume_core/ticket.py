"""Tickets: the promise that something handed over is, or will be, committed."""

from __future__ import annotations

from threading import Condition

__all__ = ["Ticket"]


class Ticket:
    """The outcome of an asynchronous commit; completes once, with success or with an error.

    Any thread may wait; the one that commits calls `succeed` or `fail`.
    """

    __slots__ = ("_changed", "_done", "_error")

    def __init__(self) -> None:
        self._changed = Condition()
        self._done = False
        self._error: BaseException | None = None

    @classmethod
    def completed(cls, error: BaseException | None = None) -> Ticket:
        """Return a ticket that is complete already."""
        ticket = cls()
        ticket._done = True
        ticket._error = error
        return ticket

    @property
    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._done

    @property
    def error(self) -> BaseException | None:
        """Why it failed; None while it is open and when it succeeded."""
        return self._error

    def succeed(self) -> None:
        """Complete with success. Completing twice is ignored: the first outcome stands."""
        self._complete(None)

    def fail(self, error: BaseException) -> None:
        """Complete with an error."""
        self._complete(error)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds (None: for ever); raise the error if it failed.

        Returns False if the outcome is still not known.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._done, timeout):
                return False
        if self._error is not None:
            raise self._error
        return True

    def _complete(self, error: BaseException | None) -> None:
        with self._changed:
            if not self._done:
                self._error = error
                self._done = True
                self._changed.notify_all()
