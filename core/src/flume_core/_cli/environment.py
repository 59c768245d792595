"""What ``flume-ng`` takes from its configuration directory: ``flume-env.sh``, never executed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flume_core._cli.failures import UsageFailure
from flume_core._cli.shell_variables import ShellVariables, read_script

__all__ = ["LauncherEnvironment", "read_environment"]

_SCRIPT = "flume-env.sh"
_LOG4J = ("log4j.properties", "log4j2.xml", "log4j2.properties", "log4j2.yaml", "log4j2.json")
_JAVA_ONLY = ("FLUME_CLASSPATH", "FLUME_JAVA_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class LauncherEnvironment:
    """Variables and Java options that hold for the agent."""

    environ: Mapping[str, str]
    definitions: tuple[str, ...]
    """``name=value`` of each ``-D`` in JAVA_OPTS and FLUME_JAVA_OPTS."""
    notices: tuple[str, ...]
    """What has no effect here, a line each."""


def read_environment(directory: str | None, environ: Mapping[str, str]) -> LauncherEnvironment:
    """Return what the configuration directory and the environment say.

    As in Flume's launcher, a JAVA_OPTS of the environment does not count, only what ``flume-env.sh``
    sets; FLUME_JAVA_OPTS counts from both. Raises `UsageFailure` if the directory cannot be read.
    """
    notices: list[str] = []
    if directory is None:
        found = ShellVariables(_without_java_opts(environ), set(environ))
    else:
        found, notices = _read_directory(Path(directory), environ)
    java = [*found.values.get("JAVA_OPTS", "").split()]
    java += found.values.get("FLUME_JAVA_OPTS", "").split()
    definitions = tuple(word[2:] for word in java if word.startswith("-D"))
    others = [word for word in java if not word.startswith("-D")]
    if others:
        notices.append(f"Java options have no effect here: {' '.join(others)}")
    return LauncherEnvironment(found.environment(), definitions, tuple(notices))


def _read_directory(
    directory: Path, environ: Mapping[str, str]
) -> tuple[ShellVariables, list[str]]:
    if not directory.is_dir():
        # Java Flume puts any text on its class path; files that are not there are then not found.
        notice = f"--conf {directory} is no directory; nothing is read from it"
        return ShellVariables(_without_java_opts(environ), set(environ)), [notice]
    notices: list[str] = []
    script = directory / _SCRIPT
    try:
        text = script.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise UsageFailure(f"{script} cannot be read: {error.strerror}") from error
    found = read_script(text, environ, JAVA_OPTS="")
    if found.ignored:
        notices.append(
            f"{script}: {_lines(found.ignored)} without effect: the script is read, not run, and only "
            "NAME=value and export NAME=value are understood"
        )
    notices += [
        f"{script}: {name} has no effect: there are no Java classes here"
        for name in _JAVA_ONLY
        if found.values.get(name) and name not in environ
    ]
    log4j = [name for name in _LOG4J if (directory / name).exists()]
    if log4j:
        notices.append(
            f"{directory}: {', '.join(log4j)} ignored: logs go to stderr (-v, -q, --log-format,"
            " -Dflume.root.logger=LEVEL,console)"
        )
    return found, notices


def _without_java_opts(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name != "JAVA_OPTS"}


def _lines(numbers: Iterable[int]) -> str:
    ordered = sorted(set(numbers))
    spans: list[list[int]] = []
    for number in ordered:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
    return f"line{'s' * (len(ordered) > 1)} {shown} {'are' if len(ordered) > 1 else 'is'}"
