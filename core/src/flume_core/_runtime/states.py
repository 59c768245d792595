"""The state of every component of an agent, for status, hooks and the decision to give up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from flume_core.hooks import LifecycleState

__all__ = ["ComponentState", "States"]

_log = logging.getLogger("flume.lifecycle")
_TROUBLE = (LifecycleState.RETRYING, LifecycleState.FAILED)
_REMIND = 60.0
"""Seconds after which a failure that goes on is logged again."""


@dataclass(frozen=True)
class ComponentState:
    """Where a component is, and since when (monotonic seconds) it fails without a break."""

    state: LifecycleState = LifecycleState.IDLE
    reason: str = ""
    failing_since: float | None = None
    logged_at: float = 0.0


class States:
    """The states of one agent's components. Any thread may set them."""

    def __init__(self, agent: str, tell: Callable[[str, str, LifecycleState, str], None]) -> None:
        self._agent = agent
        self._tell = tell
        self._lock = Lock()
        self._states: dict[str, ComponentState] = {}

    def get(self, component: str) -> ComponentState:
        """Return the state of ``SOURCE.r1`` and the like."""
        return self._states.get(component, ComponentState())

    def set(self, component: str, state: LifecycleState, reason: str = "") -> None:
        """Record a state; log and tell hooks what is new."""
        now = monotonic()
        with self._lock:
            old = self.get(component)
            since = (old.failing_since or now) if state in _TROUBLE else None
            new = old.state is not state or old.reason != reason
            due = state in _TROUBLE and now - old.logged_at >= _REMIND
            logged = now if new or due else old.logged_at
            self._states[component] = ComponentState(state, reason, since, logged)
        if new or due:
            self._report(component, old, state, reason)
        if new:
            self._tell(self._agent, component, state, reason)

    def failing(self, spared: Collection[str] = ()) -> tuple[str, float, str] | None:
        """Return the component, of those not ``spared``, that fails longest: with seconds and reason."""
        now = monotonic()
        with self._lock:
            found = [
                (name, now - state.failing_since, state.reason)
                for name, state in self._states.items()
                if state.failing_since is not None and name not in spared
            ]
        return max(found, key=lambda entry: entry[1], default=None)

    def _report(
        self, component: str, old: ComponentState, state: LifecycleState, reason: str
    ) -> None:
        if state in _TROUBLE:
            level = logging.ERROR if state is LifecycleState.FAILED else logging.WARNING
            _log.log(level, "%s %s: %s", component, _WORDS[state], reason)
        elif state is LifecycleState.RUNNING and old.state in _TROUBLE:
            _log.info("%s works again", component)
        elif state in (LifecycleState.RUNNING, LifecycleState.STOPPED):
            _log.debug("%s is %s", component, state.value)


_WORDS = {
    LifecycleState.RETRYING: "is retried",
    LifecycleState.FAILED: "failed and is retried at the longest back-off",
}
