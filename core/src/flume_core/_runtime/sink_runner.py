"""The thread that drives the sinks of one group, or one sink that is in no group."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event as Flag
from threading import Thread

from flume_core._runtime.backoff import Backoff
from flume_core._runtime.states import States
from flume_core.channel import Channel
from flume_core.component import ComponentContext, Status
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError, PermanentError, RetryableError
from flume_core.hooks import LifecycleState
from flume_core.sink import Sink
from flume_core.sink_processor import SinkProcessor

__all__ = ["RunningSink", "SinkRunner"]

_LONGEST = 5.0
_SLICE = 0.05
"""Seconds between looks at the channels when a group's sinks use several."""


class RunningSink:
    """A sink as processors see it: started on first use, its state kept; see `SinkHandle`."""

    def __init__(self, sink: Sink[ComponentConfig], states: States) -> None:
        self.sink = sink
        self.component = f"SINK.{sink.name}"
        self._states = states
        self._process = sink.process
        self._started = False
        self._running = False
        self._failed = False

    @property
    def name(self) -> str:
        """The sink's name."""
        return self.sink.name

    def ensure_started(self) -> None:
        """Start the sink unless it is started; what it raises leaves here, and is tried again later."""
        if self._started:
            return
        self._states.set(self.component, LifecycleState.STARTING)
        try:
            self.sink.start()
        except ConfigurationError:
            raise
        except Exception as error:
            self._trouble(error, "cannot start: ")
            raise
        self._started = True
        self._failed = False

    def process(self) -> Status:
        """Let the sink process one batch, starting it first where needed."""
        if not self._started:
            try:
                self.ensure_started()
            except ConfigurationError as error:
                self._trouble(error, "cannot start: ")
                raise
        try:
            status = self._process()
        except Exception as error:
            self._trouble(error)
            raise
        # That there was nothing to do does not show that what failed works again.
        if not self._running and (status is Status.READY or not self._failed):
            self._running = True
            self._failed = False
            self._states.set(self.component, LifecycleState.RUNNING)
        return status

    def stop(self) -> None:
        """Stop the sink."""
        try:
            self.sink.stop()
        finally:
            self._states.set(self.component, LifecycleState.STOPPED)

    def _trouble(self, error: Exception, prefix: str = "") -> None:
        self._running = False
        self._failed = True
        permanent = isinstance(error, (PermanentError, ConfigurationError))
        state = LifecycleState.FAILED if permanent else LifecycleState.RETRYING
        self._states.set(self.component, state, f"{prefix}{describe(error)}")


class SinkRunner:
    """Calls a sink processor again and again, with Flume's waits."""

    def __init__(
        self,
        processor: SinkProcessor[ComponentConfig],
        sinks: Sequence[RunningSink],
        channels: Sequence[Channel[ComponentConfig]],
        context: ComponentContext,
        stopping: Sequence[Flag],
    ) -> None:
        self.processor = processor
        self.sinks = tuple(sinks)
        self._channels = tuple(dict.fromkeys(channels))
        self._context = context
        self._stop = context.stopping
        self._all_flags = (context.stopping, *stopping)
        self._thread = Thread(target=self._run, name=f"sink-{context.name}", daemon=True)
        self.first_try = Flag()
        self.refused: ConfigurationError | None = None
        """Set when a component says that it can never start."""

    def start(self) -> None:
        """Start the thread; `first_try` is set when every sink had its first start."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ask the thread to end, wait for it up to ``timeout`` seconds, and tell whether it did."""
        for flag in self._all_flags:
            flag.set()
        for channel in self._channels:
            channel.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._first_start()
        except ConfigurationError as error:
            self.refused = error
            return
        finally:
            self.first_try.set()
        idle, failed = Backoff(1.0, _LONGEST), Backoff(_LONGEST, _LONGEST)
        process = self.processor.process
        stopping = self._stop.is_set
        while not stopping():
            try:
                status = process()
            except Exception as error:
                after = error.after if isinstance(error, RetryableError) else None
                self._context.log.debug("processing failed", exc_info=True)
                self._context.clock.wait(self._stop, max(failed.next(), after or 0.0))
                continue
            failed.reset()
            if status is Status.READY:
                idle.reset()
            else:
                self._wait(idle.next())

    def _first_start(self) -> None:
        while not self._stop.is_set():
            try:
                self.processor.start()
                break
            except ConfigurationError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again and shown
                self._context.log.warning("cannot start, is tried again: %s", describe(error))
                self.first_try.set()
                self._context.clock.wait(self._stop, _LONGEST)
        for sink in self.sinks:
            try:
                sink.ensure_started()
            except ConfigurationError:
                raise
            except Exception:
                self._context.log.debug("%s could not start", sink.component, exc_info=True)

    def _wait(self, seconds: float) -> None:
        if len(self._channels) == 1:
            self._channels[0].wait(seconds)
            return
        clock = self._context.clock
        deadline = clock.monotonic() + seconds
        while not any(channel.wait(0) for channel in self._channels):
            left = deadline - clock.monotonic()
            if left <= 0 or clock.wait(self._stop, min(left, _SLICE)):
                return


def describe(error: BaseException) -> str:
    """Return an error for people: its text, with the class where the text alone says little."""
    text = str(error)
    if isinstance(error, (RetryableError, PermanentError, ConfigurationError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
