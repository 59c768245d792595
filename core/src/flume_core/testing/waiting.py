"""Waiting without sleeping: conditions with a deadline, and threads whose failures are not lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TypeVar

__all__ = ["DEADLINE", "Background", "OneThread", "wait_until"]

T = TypeVar("T")

DEADLINE = 15.0
"""Seconds after which something that should happen at once counts as not happening."""

_PAUSE = 0.002


def wait_until(
    condition: Callable[[], object], what: str = "the condition", seconds: float | None = None
) -> None:
    """Return as soon as ``condition()`` is true; raise AssertionError after ``seconds`` (`DEADLINE`).

    ``what`` says in the message what did not come true.
    """
    seconds = DEADLINE if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds:g} s")
        time.sleep(_PAUSE)


class Background:
    """Threads of a test; leaving the ``with`` block waits for them and raises what they raised.

    ::

        with Background() as background:
            background.run(producer, 1)
            background.run(consumer)
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = DEADLINE if seconds is None else seconds
        self._threads: list[Thread] = []
        self.errors: list[BaseException] = []
        """What the threads raised so far."""

    def run(self, function: Callable[..., object], *args: object) -> Thread:
        """Call ``function(*args)`` in a thread of its own."""

        def guarded() -> None:
            try:
                function(*args)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that joins
                self.errors.append(error)

        thread = Thread(target=guarded, daemon=True, name=f"test-{len(self._threads)}")
        self._threads.append(thread)
        thread.start()
        return thread

    @property
    def running(self) -> bool:
        """Whether any of the threads still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def settle(self, seconds: float = 0.05) -> None:
        """Give the threads a moment to get where they wait; no outcome may depend on it."""
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            time.sleep(_PAUSE)

    def join(self) -> None:
        """Wait for all threads; raise what the first failing one raised, or that one does not end."""
        deadline = time.monotonic() + self._seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self.errors:
            raise self.errors[0]
        if self.running:
            raise AssertionError(f"a thread of the test is still waiting after {self._seconds:g} s")

    def __enter__(self) -> Background:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.join()


class OneThread:
    """A thread that makes all calls to one component, as its runner does; see `call`."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True, name="test-runner")
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Call ``function()`` in the thread; return or raise what it does, and not later than that.

        Raises AssertionError if it takes longer than `DEADLINE`.
        """
        future: Future[T] = Future()

        def answer() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                future.set_exception(error)

        self._calls.put(answer)
        done, _ = wait([future], DEADLINE)
        if not done:
            raise AssertionError(f"{function} has not returned after {DEADLINE:g} s")
        return future.result()

    def post(self, function: Callable[[], None]) -> None:
        """Call ``function()`` in the thread after the calls made so far, without waiting for it."""
        self._calls.put(function)

    def close(self) -> None:
        """End the thread after the calls made so far."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
