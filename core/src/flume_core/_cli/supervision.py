"""One agent's run as the command line sees it: start, watch, stop, sum up.

`Agent.start` and `Agent.stop` wait, so they run in a thread of their own: the main thread stays free
for signals.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from time import monotonic

from flume_core._cli import tuning
from flume_core._cli.failures import OK, RUNTIME
from flume_core._cli.logs import COMMAND
from flume_core._cli.signals import StopSignals
from flume_core._runtime.agent import Agent
from flume_core.errors import RetryableError
from flume_core.hooks import LifecycleState

__all__ = ["Watch", "supervise"]

_log = logging.getLogger(COMMAND)

_IDLE_LOOK = 0.02
_FAILURE_LOOK = 0.25
_PROGRESS = 10.0
_AT_ONCE = 1.0
"""Seconds that a stop may still take after a second signal; then the process ends as it is."""


@dataclass(frozen=True, slots=True)
class Watch:
    """When a run ends by itself, and what is told in between."""

    until_idle: bool = False
    give_up_after: float | None = None
    """Seconds for which a component may keep failing; None: any time."""
    progress: bool = False


class _Task(Thread):
    """A call in the background; ``error`` is what it raised."""

    def __init__(self, name: str, call: Callable[[], None], done: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._call = call
        self._done = done
        self.error: BaseException | None = None
        self.ended = False

    def run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self.error = error
        finally:
            self.ended = True
            self._done()


def supervise(agent: Agent, signals: StopSignals, watch: Watch) -> int:
    """Run ``agent`` until a signal, idleness or a lasting failure ends it; return the exit code.

    Raises what `Agent.start` raises.
    """
    return _Run(agent, signals, watch).run()


class _Run:
    def __init__(self, agent: Agent, signals: StopSignals, watch: Watch) -> None:
        self._agent = agent
        self._signals = signals
        self._watch = watch
        self._since = monotonic()
        self._next_progress = self._since + _PROGRESS
        self._last_totals = (0, 0)
        self._reason = ""

    def run(self) -> int:
        self._signals.impatient = False
        if self._signals.received:
            return OK
        tuning.before_start()
        if not self._start():
            return self._stop_and_sum_up()
        tuning.after_start()
        while not self._over():
            self._signals.wait(self._patience())
        return self._stop_and_sum_up()

    def _start(self) -> bool:
        """Start the agent; return whether it runs, and nobody has asked to stop it meanwhile."""
        self._since = monotonic()
        task = _Task("start", self._agent.start, self._signals.wake)
        task.start()
        asked = False
        while not task.ended:
            asked = asked or bool(self._signals.received) or self._given_up()
            if asked and self._waits_for_a_channel():
                self._agent.abort()
            if len(self._signals.received) > 1:
                self._leave_at_once(task)
            self._signals.wait(_FAILURE_LOOK)
        broken_off = asked and isinstance(task.error, RetryableError)
        if task.error is not None and not broken_off:
            raise task.error
        return not asked

    def _waits_for_a_channel(self) -> bool:
        """Whether the start hangs where nothing flows yet: only then may it be broken off.

        Later, events may be on their way, and a stop has to deliver them.
        """
        return any(
            each.component.startswith("CHANNEL.") and each.state is LifecycleState.RETRYING
            for each in self._agent.status().components
        )

    def _over(self) -> bool:
        if self._signals.received or self._given_up():
            return True
        if self._watch.progress and monotonic() >= self._next_progress:
            self._tell_progress()
        return self._watch.until_idle and self._agent.is_idle()

    def _given_up(self) -> bool:
        limit = self._watch.give_up_after
        failing = self._agent.failing() if limit is not None else None
        if failing is not None and limit is not None and failing[1] >= limit:
            component, seconds, reason = failing
            self._reason = f"{component} has been failing for {seconds:.0f} s: {reason}"
        return bool(self._reason)

    def _patience(self) -> float | None:
        if self._watch.until_idle:
            return _IDLE_LOOK
        if self._watch.give_up_after is not None:
            return _FAILURE_LOOK
        return max(0.0, self._next_progress - monotonic()) if self._watch.progress else None

    def _stop_and_sum_up(self) -> int:
        troubled = [
            (each.component, each.reason)
            for each in self._agent.status().components
            if each.state in (LifecycleState.RETRYING, LifecycleState.FAILED)
        ]
        task = _Task("stop", self._agent.stop, self._signals.wake)
        task.start()
        while not task.ended:
            if len(self._signals.received) > 1:
                self._leave_at_once(task)
            self._signals.wait(_FAILURE_LOOK)
        if task.error is not None:
            raise task.error
        self._sum_up(troubled)
        if self._reason:
            _log.error("given up: %s", self._reason)
            return RUNTIME
        return OK

    def _sum_up(self, troubled: list[tuple[str, str]]) -> None:
        came, went = self._agent.totals()
        seconds = monotonic() - self._since
        rate = went / seconds if seconds > 0 else 0.0
        for line in self._agent.summary():
            _log.info("%s", line)
        for component, reason in troubled:
            _log.warning("%s was failing: %s", component, reason)
        _log.info(
            "agent %s: %s events in, %s out, %.1f s, %s events/s",
            self._agent.name,
            f"{came:,}",
            f"{went:,}",
            seconds,
            f"{rate:,.0f}",
            extra={"fields": {"in": came, "out": went, "seconds": seconds, "rate": rate}},
        )

    def _tell_progress(self) -> None:
        now = monotonic()
        period = now - (self._next_progress - _PROGRESS)
        totals = self._agent.totals()
        (came, went), (came_before, went_before) = totals, self._last_totals
        _log.info(
            "%.0f s: %s events in (%s/s), %s out (%s/s)",
            now - self._since,
            f"{came:,}",
            f"{(came - came_before) / period:,.0f}",
            f"{went:,}",
            f"{(went - went_before) / period:,.0f}",
        )
        self._last_totals = totals
        self._next_progress = now + _PROGRESS

    def _leave_at_once(self, task: _Task) -> None:
        """After a second signal: give draining up, and end the process, whatever still runs in it."""
        number = self._signals.received[1]
        self._agent.abort()
        _log.error("stopped at once by a second signal; what was not delivered may be lost")
        task.join(_AT_ONCE)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                continue
        os._exit(128 + number)
