"""The options of ``flume-ng agent``: all that the original has, and what becomes of each here."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from flume_core._cli.commands import add_log_options, seconds
from flume_core._cli.failures import UsageFailure

__all__ = ["AgentArguments", "agent_parser", "parse_agent"]

_JAVA = ("-X", "-javaagent", "-agentlib", "-agentpath")

_EPILOG = """\
java options:
  -Dname=value          a system property, for ${sys:name}
  -Dflume.root.logger=LEVEL,console
  -X..., -javaagent..., -agentlib..., -agentpath...
                        no effect

examples:
  flume-ng agent -n a1 -c conf -f conf/flume.conf
  flume-ng agent -n a1 -c conf -f common.conf -f site.conf -Dlogs=/var/log/app
  flume-ng agent -n a1 -f flume.conf -Dflume.root.logger=DEBUG,console
"""


@dataclass(frozen=True, slots=True)
class _Refused:
    """An option of the original that would change what runs, and is not there yet."""

    flags: tuple[str, ...]
    instead: str


_REFUSED = (
    _Refused(("--conf-provider", "-prov"), "use -f"),
    _Refused(("--zkConnString", "-z"), "put the configuration into a file and use -f"),
    _Refused(("--zkBasePath", "-p"), "put the configuration into a file and use -f"),
)
_WITHOUT_EFFECT = (
    (("--classpath", "-C"), "CP", "there are no Java classes here"),
    (("--plugins-path",), "DIRS", "plugins are Python packages: pip install them"),
    (("--auth-provider", "-a"), "CLASS", "configurations come from files"),
    (("--conf-user", "-user"), "USER", "configurations come from files"),
    (("--conf-password", "-pwd"), "PASSWORD", "configurations come from files"),
    (("--backup-directory", "-b"), "DIR", "no backup of the configuration is kept yet"),
    (("--poll-interval", "-i"), "S", "the configuration is not read again yet"),
)


@dataclass(frozen=True)
class AgentArguments:
    """What a command line says."""

    options: argparse.Namespace
    """name, conf, files, dryrun, reload, help and our own options."""
    files: tuple[str, ...]
    definitions: tuple[str, ...]
    notices: tuple[str, ...]


def parse_agent(argv: Sequence[str]) -> AgentArguments:
    """Read the arguments behind ``agent``; -D and Java's options may stand anywhere among them.

    Raises `UsageFailure` for what is not supported, SystemExit as argparse does.
    """
    definitions = [word[2:] for word in argv if _defines(word)]
    java = [word for word in argv if word.startswith(_JAVA)]
    rest = [word for word in argv if not _defines(word) and not word.startswith(_JAVA)]
    options = agent_parser().parse_args(rest)
    for refused in _REFUSED:
        if getattr(options, _dest(refused.flags)) is not None:
            shown = "/".join(refused.flags)
            raise UsageFailure(f"{shown} is not supported yet: {refused.instead}")
    notices = [f"Java options have no effect here: {' '.join(java)}"] if java else []
    for flags, _, reason in _WITHOUT_EFFECT:
        if getattr(options, _dest(flags)) is not None:
            notices.append(f"{'/'.join(flags)} has no effect: {reason}")
    files, about_files = _files(options)
    return AgentArguments(options, files, tuple(definitions), (*notices, *about_files))


def agent_parser() -> argparse.ArgumentParser:
    """Return the parser of everything but -D and Java's own options."""
    parser = argparse.ArgumentParser(
        prog="flume-ng agent",
        usage="flume-ng agent -n NAME -f FILE [-c DIR] [-Dname=value] [options]",
        description="Run an agent as Apache Flume's launcher does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--name", "-n", metavar="NAME", required=True, help="the agent to run")
    add("--conf-file", "-f", metavar="FILE", action="append", default=[], help="repeatable; later"
        " files override earlier")  # fmt: skip
    add("--conf-uri", "-u", metavar="URI", action="append", default=[], help="a file: URI, in place"
        " of -f")  # fmt: skip
    add("--conf", "-c", metavar="DIR", help="its flume-env.sh is read for variables, never run")
    add("--dryrun", "-d", action="store_true", help="print the command, start nothing")
    add("--no-reload-conf", action="store_true", help="do not look for changes of the files")
    add("--strict", action="store_true", help="warnings count as errors")
    add("--lenient", action="store_true", help="drop broken components, with a warning")
    add("--drain-timeout", type=seconds, default=10.0, metavar="S",
        help="seconds that a stop waits for sinks to empty the channels (default 10)")  # fmt: skip
    add_log_options(parser)
    java = parser.add_argument_group("options of Java Flume that have no effect")
    for flags, metavar, reason in _WITHOUT_EFFECT:
        java.add_argument(*flags, metavar=metavar, help=reason)
    refused = parser.add_argument_group("options of Java Flume that are not supported yet")
    for each in _REFUSED:
        refused.add_argument(*each.flags, metavar="...", help=each.instead)
    return parser


def _defines(word: str) -> bool:
    return word.startswith("-D") and word != "-D"


def _dest(flags: tuple[str, ...]) -> str:
    return flags[0].removeprefix("--").replace("-", "_")


def _files(options: argparse.Namespace) -> tuple[tuple[str, ...], list[str]]:
    if options.strict and options.lenient:
        raise UsageFailure("--strict and --lenient exclude each other")
    if options.conf_uri:
        files = tuple(_file_of(uri) for uri in options.conf_uri)
        return files, ["-f is ignored where -u is given"] if options.conf_file else []
    if not options.conf_file:
        raise UsageFailure("name a configuration file with -f FILE")
    return tuple(options.conf_file), []


def _file_of(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise UsageFailure(f"-u {uri} is not supported yet: only file: URIs are; use -f FILE")
    return unquote(parts.path)
