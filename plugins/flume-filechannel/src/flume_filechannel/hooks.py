"""What this package adds to the command ``flume``."""

from __future__ import annotations

import argparse

from flume_core.hooks import hookimpl

__all__ = ["flume_cli_commands"]

_EXAMPLES = """\
examples:
  flume channel import /var/lib/java/data --checkpoint-dir /srv/flume/cp --data-dirs /srv/flume/data
"""


@hookimpl
def flume_cli_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``flume channel``."""
    channel = commands.add_parser("channel", help="work on the directories of a file channel")
    actions = channel.add_subparsers(dest="action", required=True, metavar="ACTION")
    parser = actions.add_parser(
        "import",
        help="copy what waits in a Java file channel into one of ours",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("directory", metavar="DIR", help="the Java channel's data directory, or the one above")
    add("--checkpoint-dir", required=True, metavar="DIR", help="checkpointDir of our channel")
    add("--data-dirs", required=True, metavar="DIRS", help="dataDirs of our channel, by commas")
    add("--capacity", type=int, metavar="N", help="events our channel may hold (default: enough)")
    add("--key-store", metavar="FILE", help="key store (JCEKS) of an encrypted channel")
    add("--key-store-password-file", metavar="FILE", help="holds the password of the key store")
    add(
        "--fail-on-corruption",
        action="store_true",
        help="stop at damaged records instead of leaving them out",
    )
    parser.set_defaults(run=_import)


def _import(arguments: argparse.Namespace) -> int:
    # Only now: every `flume --help` comes through this module.
    from flume_filechannel.commands.importing import run_import

    return run_import(arguments)
