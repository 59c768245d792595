"""The command ``flume``: its options, and the way from a subcommand's name to its code."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, cast

from flume_core._cli.failures import OK, UsageFailure

__all__ = ["add_log_options", "flume_parser", "run_command", "seconds"]

_Run: TypeAlias = Callable[[argparse.Namespace], int]
_Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_EXAMPLES = """\
examples:
  flume check flume.conf               find every mistake; start nothing
  flume run flume.conf                 run the only agent in the file, until Ctrl-C
  flume run flume.conf -n a1           run the agent a1
  flume run flume.conf --until-idle    move what is there, then exit
  flume components                     what is installed
  flume components file_roll           its properties, defaults and units

exit codes: 0 clean, 1 configuration, 2 usage, 3 runtime, 128+n on a second signal n
"""
_RUN_EXAMPLES = """\
examples:
  flume run flume.conf -n a1 -Dlogs=/var/log/app     ${sys:logs} in the file is /var/log/app
  flume run flume.conf --until-idle --give-up-after 300
  flume run flume.conf --log-format json -v

Ctrl-C or SIGTERM stops in order: sources first, then what channels hold in memory is delivered.
A second one stops at once.
"""


class _Command(NamedTuple):
    help: str
    add: Callable[[argparse.ArgumentParser], None]
    run: _Run
    epilog: str = ""


def run_command(argv: list[str]) -> int:
    """Run ``flume`` with these arguments; return the exit code."""
    if not argv:
        flume_parser(hooks=True).print_help()
        return OK
    if argv[0] == "help":
        argv = [*argv[1:], "--help"]
    known = argv[0] in _COMMANDS or argv[0] == "--version"
    parser = flume_parser(hooks=not known)
    arguments = parser.parse_args(argv)
    run = cast(_Run | None, getattr(arguments, "run", None))
    if run is None:
        raise UsageFailure("no command is given; flume help lists them")
    return run(arguments)


def flume_parser(*, hooks: bool) -> argparse.ArgumentParser:
    """Return the parser of ``flume``; with ``hooks``, the commands of installed packages too."""
    parser = argparse.ArgumentParser(
        prog="flume",
        description="Collect, aggregate and move log data: runs Apache Flume configurations.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="store_const", const=_version, dest="run", help="print it"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in _COMMANDS.items():
        sub = subparsers.add_parser(
            name,
            help=command.help,
            description=command.help[:1].upper() + command.help[1:] + ".",
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add(sub)
        sub.set_defaults(run=command.run)
    if hooks:
        _add_commands_of_hooks(subparsers)
    return parser


def _add_commands_of_hooks(subparsers: _Subparsers) -> None:
    from importlib import metadata

    # Reading this is cheap; the hooks' own machinery is not, and most often nobody has any.
    if metadata.entry_points(group="flume.hooks"):
        from flume_core._runtime.hook_relay import HookRelay

        HookRelay.installed().add_commands(subparsers)


# --- options


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument(
        "--until-idle", action="store_true", help="deliver what is there, then stop and exit"
    )
    parser.add_argument(
        "--give-up-after",
        type=seconds,
        metavar="S",
        help="exit with 3 when a component keeps failing for S seconds"
        " (with --until-idle 60, otherwise never)",
    )
    parser.add_argument(
        "--drain-timeout",
        type=seconds,
        default=10.0,
        metavar="S",
        help="seconds that a stop waits for sinks to empty the channels (default 10)",
    )
    _add_modes(parser, compatible=False)
    add_log_options(parser)


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    _add_modes(parser, compatible=True)


def _add_components(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "type", metavar="TYPE", nargs="?", help="a type (file_roll) or a kind (sink); default: all"
    )


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add -v, -q and --log-format."""
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument(
        "-v", "--verbose", action="count", default=0, help="log more; -vv everything"
    )
    volume.add_argument("-q", "--quiet", action="store_true", help="log errors only")
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="on stderr (default text)"
    )


def _add_nothing(parser: argparse.ArgumentParser) -> None:
    del parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a configuration, .properties or .toml; of several, later ones override earlier",
    )
    parser.add_argument(
        "-n", "--name", metavar="NAME", help="the agent; not needed where there is one"
    )
    parser.add_argument(
        "-D",
        dest="definitions",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a system property, for ${sys:NAME}",
    )


def _add_modes(parser: argparse.ArgumentParser, *, compatible: bool) -> None:
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--strict", action="store_true", help="warnings count as errors")
    modes.add_argument(
        "--lenient",
        action="store_true",
        help="drop broken components, with a warning, and go on with the others",
    )
    if compatible:
        modes.add_argument(
            "--compatible",
            action="store_true",
            help="as flume-ng agent: what Java Flume puts up with is a warning",
        )


def seconds(text: str) -> float:
    """Return an option's value as seconds. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


# --- what they do


def _run(arguments: argparse.Namespace) -> int:
    from flume_core._cli.flume_run import run

    return run(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from flume_core._cli.check import check

    return check(arguments)


def _components(arguments: argparse.Namespace) -> int:
    from flume_core._cli.components import components

    return components(arguments.type)


def _version(arguments: argparse.Namespace) -> int:
    from flume_core._cli.version import version

    print(version())
    return OK


_COMMANDS = {
    "run": _Command("run an agent", _add_run, _run, _RUN_EXAMPLES),
    "check": _Command("report everything that is wrong in a configuration", _add_check, _check),
    "components": _Command(
        "list what is installed, or explain a component", _add_components, _components
    ),
    "version": _Command("print the version", _add_nothing, _version),
}
