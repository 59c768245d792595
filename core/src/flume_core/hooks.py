"""Hooks: how packages watch an agent and add commands, through pluggy.

A package registers a module or object under the entry-point group ``flume.hooks`` and marks functions
with `hookimpl`. Hooks only watch: an exception in one is logged and counted, never passed on.
"""

from __future__ import annotations

import argparse
from enum import Enum

import pluggy

from flume_core.batch import EventBatch

__all__ = ["GROUP", "LifecycleState", "hookimpl", "hookspec"]

GROUP = "flume.hooks"
"""The entry-point group of hook packages."""

hookspec = pluggy.HookspecMarker("flume")
hookimpl = pluggy.HookimplMarker("flume")


class LifecycleState(Enum):
    """Where a component is in its life."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    """It failed and is tried again with back-off."""
    FAILED = "failed"
    """It failed permanently; it is tried again at the longest back-off."""
    STOPPED = "stopped"


@hookspec
def flume_lifecycle(agent: str, component: str, state: LifecycleState, reason: str) -> None:
    """Watch the state of components (``SOURCE.r1``); ``reason`` says why, or is empty."""


@hookspec
def flume_batch_committed(agent: str, source: str, channel: str, batch: EventBatch) -> None:
    """Watch batches after their commit to a channel. Called in the source's thread: be quick."""


@hookspec
def flume_cli_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add commands to ``flume``: ``commands.add_parser(...).set_defaults(run=function)``.

    ``function(arguments)`` returns the exit code.
    """
