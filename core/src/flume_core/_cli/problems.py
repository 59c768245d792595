"""Configuration problems as a person reads them, and as a log line."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from flume_core._cli.logs import COMMAND
from flume_core.errors import ConfigurationError, Problem, Severity

__all__ = ["counted", "log_refusal", "log_warnings", "refusal"]

_log = logging.getLogger(COMMAND)


def counted(problems: Sequence[Problem]) -> str:
    """Return ``2 errors, 1 warning``, or ``no problems``."""
    counts = {
        severity: sum(problem.severity is severity for problem in problems)
        for severity in (Severity.ERROR, Severity.WARNING)
    }
    words = [f"{n} {severity}{'s' * (n != 1)}" for severity, n in counts.items() if n]
    return ", ".join(words) or "no problems"


def refusal(error: ConfigurationError, files: Sequence[str | Path]) -> str:
    """Return why an agent does not start, for a terminal: all problems, the errors last."""
    where = ", ".join(map(str, files))
    if not error.problems:
        return f"{where}: the agent does not start: {error}"
    ordered = sorted(error.problems, key=lambda problem: problem.severity is Severity.ERROR)
    listed = "\n\n".join(str(problem) for problem in ordered)
    return f"{where}: {counted(ordered)}; the agent does not start\n\n{listed}"


def log_refusal(error: ConfigurationError) -> None:
    """Log why an agent does not start, a record for each problem, the errors last."""
    for problem in sorted(error.problems, key=lambda p: p.severity is Severity.ERROR):
        _log_problem(problem)
    if not error.problems:
        _log.error("the agent does not start: %s", error)


def log_warnings(problems: Sequence[Problem]) -> None:
    """Log what is wrong and does not keep an agent from running."""
    for problem in problems:
        _log_problem(problem)


def _log_problem(problem: Problem) -> None:
    level = logging.ERROR if problem.severity is Severity.ERROR else logging.WARNING
    where = f"{problem.origin}: " if problem.origin else ""
    key = f"{problem.key}: " if problem.key else ""
    cure = f" ({problem.cure})" if problem.cure else ""
    fields: dict[str, object] = {"key": problem.key, "text": problem.text, "cure": problem.cure}
    if problem.origin:
        fields |= {"file": problem.origin.file, "line": problem.origin.line}
    _log.log(level, "%s%s%s%s", where, key, problem.message, cure, extra={"fields": fields})
