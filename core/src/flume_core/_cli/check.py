"""``flume check``: every problem of every agent in the files, with line and cure."""

from __future__ import annotations

import argparse
import os

from flume_core._cli.failures import CONFIGURATION, OK
from flume_core._cli.guarantees import flows
from flume_core._cli.problems import counted
from flume_core._cli.system_properties import defined, standard
from flume_core._plugins.catalog import Catalog
from flume_core._runtime.load import CheckReport, check_files
from flume_core.config.findings import Mode

__all__ = ["check"]


def check(arguments: argparse.Namespace) -> int:
    """Print what is wrong, and what each flow promises; return 1 if something is wrong."""
    report = check_files(
        arguments.files,
        Catalog.installed(),
        mode=_mode(arguments),
        agent=arguments.name,
        environ=os.environ,
        system=standard() | defined(arguments.definitions),
    )
    for problem in report.problems:
        print(f"{problem}\n")
    for plan in report.plans.values():
        for flow in flows(plan):
            print(flow)
    if report.plans:
        print()
    print(
        f"{', '.join(arguments.files)}: {_scope(report, arguments.name)}{counted(report.problems)}"
    )
    wrong = report.failed or (arguments.strict and bool(report.problems))
    return CONFIGURATION if wrong else OK


def _mode(arguments: argparse.Namespace) -> Mode:
    if arguments.lenient:
        return Mode.LENIENT
    return Mode.COMPATIBLE if arguments.compatible else Mode.STRICT


def _scope(report: CheckReport, name: str | None) -> str:
    agents = [name] if name else list(report.agents)
    return f"agent{'s' * (len(agents) > 1)} {', '.join(agents)}: " if agents else ""
