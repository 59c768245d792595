"""What an agent says on stderr, and how: text or JSON lines, by level and origin."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TextIO

__all__ = ["COMMAND", "LogOptions", "root_level", "set_up"]

COMMAND = "flume.command"
"""The logger of the command line itself: notices, progress, summary."""

# Shown by default although they are no warnings.
_ALWAYS = ("flume.lifecycle", COMMAND)
_NAMES = {"CRITICAL": "ERROR", "WARNING": "WARN"}
_JAVA_LEVELS = {
    "OFF": logging.CRITICAL + 1,
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": logging.DEBUG,
    "ALL": logging.DEBUG,
}


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the user asked for."""

    verbose: int = 0
    """1: everything from INFO; 2: DEBUG too."""
    quiet: bool = False
    form: Literal["text", "json"] = "text"
    level: int | None = None
    """A level for all loggers, in place of the rule by origin."""

    @property
    def tracebacks(self) -> bool:
        """Whether failures are shown with their traceback."""
        return self.verbose > 0 or (self.level or logging.WARNING) <= logging.DEBUG


def set_up(options: LogOptions, stream: TextIO | None = None) -> None:
    """Send all log records of this process to ``stream`` (default: stderr), and nowhere else."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_Json() if options.form == "json" else _Text(options.tracebacks))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    ours = logging.getLogger("flume")
    if options.quiet:
        root.setLevel(logging.ERROR)
        ours.setLevel(logging.ERROR)
    elif options.verbose:
        root.setLevel(logging.INFO if options.verbose > 1 else logging.WARNING)
        ours.setLevel(logging.DEBUG if options.verbose > 1 else logging.INFO)
    elif options.level is not None:
        root.setLevel(max(options.level, logging.INFO))
        ours.setLevel(options.level)
    else:
        root.setLevel(logging.WARNING)
        ours.setLevel(logging.WARNING)
        for name in _ALWAYS:
            logging.getLogger(name).setLevel(logging.INFO)


def root_level(value: str | None) -> tuple[int | None, str]:
    """Return the level of a ``flume.root.logger`` (``INFO,console``), and what cannot be done about it.

    The level is None if there is no value or it names none.
    """
    if value is None:
        return None, ""
    level, *appenders = [part.strip() for part in value.split(",")]
    known = _JAVA_LEVELS.get(level.upper())
    if known is None:
        levels = ", ".join(_JAVA_LEVELS)
        return None, f"flume.root.logger={value} has no effect: {level!r} is not one of {levels}"
    elsewhere = [name for name in appenders if name.lower() not in ("console", "")]
    if elsewhere:
        return known, f"flume.root.logger={value}: logs go to stderr, not to {', '.join(elsewhere)}"
    return known, ""


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A reader of stderr that has gone must not stop the agent, and there is nobody to tell."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Text(logging.Formatter):
    def __init__(self, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone()
        moment = f"{when:%Y-%m-%d %H:%M:%S},{when.microsecond // 1000:03d}"
        component = _component(record)[1]
        label = f"[{component}] " if component else ""
        line = f"{moment} {_level(record):<5} {label}{record.getMessage()}"
        error = _error(record)
        if error is not None and self._tracebacks:
            return line + "\n" + "".join(traceback.format_exception(error)).rstrip()
        if error is not None and (not str(error) or str(error) not in line):
            line += f" ({_shown(error)})"
        return line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created).astimezone()
        agent, component = _component(record)
        fields: dict[str, object] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": _level(record),
            "logger": record.name,
        }
        fields |= {"agent": agent} if agent else {}
        fields |= {"component": component} if component else {}
        fields["message"] = record.getMessage()
        fields |= getattr(record, "fields", {})
        error = _error(record)
        if error is not None:
            fields["error"] = _shown(error)
            fields["traceback"] = "".join(traceback.format_exception(error))
        return json.dumps(fields, default=str)


def _level(record: logging.LogRecord) -> str:
    return _NAMES.get(record.levelname, record.levelname)


def _component(record: logging.LogRecord) -> tuple[str, str]:
    """Return agent and component of a record: components log as ``flume.a1.SINK.k1``."""
    parts = record.name.split(".", 2)
    if parts[0] == "flume":
        return (parts[1], parts[2]) if len(parts) == 3 else ("", "")
    return "", record.name


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
