"""Calls hooks so that they can only watch: what they raise is logged and counted, never passed on."""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable

import pluggy

from flume_core import hooks
from flume_core._plugins.entry_points import load, scan
from flume_core.batch import EventBatch
from flume_core.errors import PluginError
from flume_core.hooks import LifecycleState

__all__ = ["HookRelay"]

_log = logging.getLogger("flume.hooks")


class HookRelay:
    """The hook implementations of one process."""

    def __init__(self) -> None:
        self._manager = _manager()
        self.failures = 0
        """How many calls ended in an exception of a hook."""

    @classmethod
    def installed(cls) -> HookRelay:
        """Return the hooks of all installed packages; one that fails to load is reported and left out."""
        relay = cls()
        group = [found for found in scan() if found.group == hooks.GROUP]
        for registration in group:
            try:
                relay.register(load(registration, group), registration.name)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - a plugin may even raise SystemExit
                _log.warning("hooks %s are left out: %s", registration.name, error)
        return relay

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add hook implementations. Raises `PluginError` for a hook that does not fit its contract."""
        for attribute in dir(plugin):
            function = getattr(plugin, attribute, None)
            if hasattr(function, "flume_impl") and inspect.iscoroutinefunction(function):
                raise PluginError(f"hook {attribute} of {name or plugin!r} must not be async")
        trial = _manager()  # because one that fits in part would stay registered in part
        try:
            trial.register(plugin, name)
            trial.check_pending()
            self._manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"hooks of {name or plugin!r} do not fit: {error}") from error

    def add_commands(self, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        """Let hooks add commands to ``flume``."""
        for hook in self._listeners("flume_cli_commands"):
            self._guard(hook, commands=commands)

    def lifecycle(self, agent: str, component: str, state: LifecycleState, reason: str) -> None:
        """Tell hooks about a change of state."""
        for hook in self._listeners("flume_lifecycle"):
            self._guard(hook, agent=agent, component=component, state=state, reason=reason)

    def batch_watch(self, agent: str, source: str) -> Callable[[str, EventBatch], None] | None:
        """Return what to call after each commit, or None when nobody listens, so that it costs nothing."""
        listeners = self._listeners("flume_batch_committed")
        if not listeners:
            return None

        def watch(channel: str, batch: EventBatch) -> None:
            for hook in listeners:
                self._guard(hook, agent=agent, source=source, channel=channel, batch=batch)

        return watch

    def _listeners(self, name: str) -> list[pluggy.HookCaller]:
        """Return a caller for each plugin: in a call to all of them one that fails ends it for the rest."""
        hook: pluggy.HookCaller = getattr(self._manager.hook, name)
        plugins = self._manager.get_plugins()
        return [
            self._manager.subset_hook_caller(name, plugins - {found.plugin})
            for found in hook.get_hookimpls()
        ]

    def _guard(self, hook: pluggy.HookCaller, **arguments: object) -> None:
        try:
            hook(**arguments)
        except Exception:  # noqa: BLE001 - an observer must never disturb the flow
            self.failures += 1
            _log.exception("a hook failed; it is ignored")


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("flume")
    manager.add_hookspecs(hooks)
    return manager
