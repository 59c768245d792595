"""The thread that polls a source, or that starts one with threads of its own."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event as Flag
from threading import Thread
from time import monotonic

from flume_core._runtime.backoff import Backoff
from flume_core._runtime.channel_processor import PROGRESS_DELAY, ChannelProcessor
from flume_core._runtime.sink_runner import describe
from flume_core._runtime.states import States
from flume_core.component import Component, Status
from flume_core.config.model import ComponentConfig, PollableSourceConfig
from flume_core.errors import ChannelError, ConfigurationError, PermanentError
from flume_core.hooks import LifecycleState
from flume_core.source import PollableSource, Source

__all__ = ["SourceRunner"]

_RESTART = 3.0
"""Seconds between tries to start a source, as Flume's supervisor waits."""
_QUIET = 2.0
"""Seconds without data after which a listening source counts as caught up."""
_BRIEF = 1.0
"""A poll that failed on a channel sooner than this did not wait for room: the runner must wait."""
_EAGER = 0.02
"""Longest idle wait of an eager runner, in seconds."""


class SourceRunner:
    """Runs one source, and starts and stops its ``helpers``: interceptors and selector."""

    def __init__(
        self,
        source: Source[ComponentConfig],
        processor: ChannelProcessor,
        states: States,
        helpers: Sequence[Component[ComponentConfig]] = (),
        *,
        eager: bool = False,
    ) -> None:
        self.source = source
        self._helpers = tuple(helpers)
        self.component = f"SOURCE.{source.name}"
        self.processor = processor
        self._states = states
        self._eager = eager
        self._stop = source.context.stopping
        self._thread = Thread(target=self._run, name=f"source-{source.name}", daemon=True)
        self._helpers_started = 0
        self._caught_up = 0
        self._started_at: float | None = None
        self.first_try = Flag()
        self.refused: ConfigurationError | None = None
        """Set when the source says that it can never start."""

    def start(self) -> None:
        """Start the thread; `first_try` is set when the source had its first start."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()

    def join(self, timeout: float) -> bool:
        """Wait for the thread up to ``timeout`` seconds; tell whether it ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def caught_up(self) -> bool:
        """Whether the source has nothing to give now: twice running, or quiet for two seconds."""
        if self._started_at is None:
            return False
        if isinstance(self.source, PollableSource):
            return self._caught_up >= 2
        return monotonic() - max(self._started_at, self.processor.last_emit) >= _QUIET

    def _run(self) -> None:
        try:
            if self._start():
                if isinstance(self.source, PollableSource):
                    self._poll(self.source)
                else:
                    while not self._stop.wait(PROGRESS_DELAY):
                        self.processor.flush_progress()
        finally:
            self.first_try.set()
            self._finish()

    def _start(self) -> bool:
        self._states.set(self.component, LifecycleState.STARTING)
        while not self._stop.is_set():
            try:
                for helper in self._helpers[self._helpers_started :]:
                    helper.start()
                    self._helpers_started += 1
                self.source.start()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is retried and shown
                if isinstance(error, ConfigurationError) and not self.first_try.is_set():
                    self.refused = error
                    return False
                self._trouble(error, "cannot start: ")
                self.first_try.set()
                self.source.context.clock.wait(self._stop, _RESTART)
            else:
                self._started_at = monotonic()
                self._states.set(self.component, LifecycleState.RUNNING)
                self.first_try.set()
                return True
        return False

    def _poll(self, source: PollableSource[ComponentConfig]) -> None:
        increment, longest = _waits(source.config)
        idle = Backoff(increment, min(longest, _EAGER) if self._eager else longest)
        failing = Backoff(increment, longest)
        poll, stopping = source.poll, self._stop.is_set
        clock, healthy = source.context.clock, True
        while not stopping():
            began = clock.monotonic()
            try:
                status = poll()
            except Exception as error:
                healthy = False
                self._caught_up = 0
                self._trouble(error)
                if isinstance(error, ChannelError):
                    if clock.monotonic() - began < _BRIEF:
                        clock.wait(self._stop, max(failing.next(), error.after or 0.0))
                else:
                    source.log.debug("poll failed", exc_info=True)
                    clock.wait(self._stop, longest)
                continue
            if not healthy:
                healthy = True
                failing.reset()
                self._states.set(self.component, LifecycleState.RUNNING)
            self.processor.flush_progress()
            if status is Status.READY:
                self._caught_up = 0
                idle.reset()
            else:
                self._caught_up += 1
                clock.wait(self._stop, idle.next())

    def _finish(self) -> None:
        for component in (self.source, *self._helpers):
            try:
                component.stop()
            except Exception:
                component.log.exception("stopping failed")
        self.processor.flush_progress(at_once=True)
        if self.refused is None:
            self._states.set(self.component, LifecycleState.STOPPED)

    def _trouble(self, error: Exception, prefix: str = "") -> None:
        permanent = isinstance(error, (PermanentError, ConfigurationError))
        state = LifecycleState.FAILED if permanent else LifecycleState.RETRYING
        self._states.set(self.component, state, f"{prefix}{describe(error)}")


def _waits(config: ComponentConfig) -> tuple[float, float]:
    """Return the growth and the ceiling of idle waits, in seconds."""
    if isinstance(config, PollableSourceConfig):
        return config.backoff_sleep_increment / 1000, config.max_backoff_sleep / 1000
    return 1.0, 5.0
