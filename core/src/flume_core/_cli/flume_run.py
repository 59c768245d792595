"""``flume run``: from its arguments to a run."""

from __future__ import annotations

import argparse
import os
from typing import Literal, cast

from flume_core._cli.logs import LogOptions
from flume_core._cli.run import RunOptions, run_agent
from flume_core._cli.system_properties import defined, standard
from flume_core.config.findings import Mode

__all__ = ["run"]

_GIVE_UP_AFTER = 60.0


def run(arguments: argparse.Namespace) -> int:
    """Run an agent; return the exit code."""
    give_up_after = cast(float | None, arguments.give_up_after)
    if give_up_after is None and arguments.until_idle:
        give_up_after = _GIVE_UP_AFTER
    return run_agent(
        RunOptions(
            files=tuple(arguments.files),
            name=arguments.name,
            mode=Mode.LENIENT if arguments.lenient else Mode.STRICT,
            strict=arguments.strict,
            environ=os.environ,
            system=standard() | defined(arguments.definitions),
            until_idle=arguments.until_idle,
            give_up_after=give_up_after,
            drain_timeout=arguments.drain_timeout,
            logs=LogOptions(
                arguments.verbose,
                arguments.quiet,
                cast(Literal["text", "json"], arguments.log_format),
            ),
        )
    )
