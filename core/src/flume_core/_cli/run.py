"""Running an agent, for ``flume run`` and ``flume-ng agent`` alike."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from flume_core._cli.failures import CONFIGURATION
from flume_core._cli.logs import COMMAND, LogOptions, set_up
from flume_core._cli.signals import StopSignals
from flume_core.config.findings import Mode
from flume_core.errors import ConfigurationError

__all__ = ["RunOptions", "run_agent"]

_log = logging.getLogger(COMMAND)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Everything that a command line says about a run."""

    files: tuple[str, ...]
    name: str | None
    mode: Mode
    strict: bool = False
    environ: Mapping[str, str]
    system: Mapping[str, str]
    env_var_resolver: bool = False
    until_idle: bool = False
    give_up_after: float | None = None
    drain_timeout: float = 10.0
    logs: LogOptions
    notices: tuple[str, ...] = ()
    """What the user asked for and does not get, a line each."""


def run_agent(options: RunOptions) -> int:
    """Load, check, start and watch an agent; return the exit code of the command."""
    set_up(options.logs)
    with StopSignals() as signals:
        for notice in options.notices:
            _log.info("%s", notice)
        try:
            return _run(options, signals)
        except ConfigurationError as error:
            _refuse(error, options)
            return CONFIGURATION


def _run(options: RunOptions, signals: StopSignals) -> int:
    # These take most of the start; a mistake on the command line is told without them.
    from flume_core._cli.problems import log_warnings
    from flume_core._cli.supervision import Watch, supervise
    from flume_core._plugins.catalog import Catalog
    from flume_core._runtime.agent import Agent
    from flume_core._runtime.hook_relay import HookRelay
    from flume_core._runtime.load import load_plan

    catalog = Catalog.installed()
    plan = load_plan(
        options.files,
        options.name,
        catalog,
        mode=options.mode,
        strict=options.strict,
        environ=options.environ,
        system=options.system,
        env_var_resolver=options.env_var_resolver,
    )
    log_warnings(plan.problems)
    agent = Agent(
        plan,
        catalog,
        hooks=HookRelay.installed(),
        drain_timeout=options.drain_timeout,
        eager=options.until_idle,
    )
    watch = Watch(
        until_idle=options.until_idle,
        give_up_after=options.give_up_after,
        progress=options.logs.verbose > 0 or (sys.stderr.isatty() and not options.logs.quiet),
    )
    return supervise(agent, signals, watch)


def _refuse(error: ConfigurationError, options: RunOptions) -> None:
    from flume_core._cli.problems import log_refusal, refusal

    if options.logs.form == "json":
        log_refusal(error)
    else:
        print(refusal(error, options.files), file=sys.stderr)
