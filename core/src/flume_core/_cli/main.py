"""Where both commands begin. Nothing is imported before it is known what is needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flume_core._cli.failures import guarded

__all__ = ["flume", "flume_main", "flume_ng", "flume_ng_main"]


def flume() -> int:
    """Run ``flume`` with the arguments of this process; return the exit code."""
    return flume_main(sys.argv[1:])


def flume_ng() -> int:
    """Run ``flume-ng`` with the arguments of this process; return the exit code."""
    return flume_ng_main(sys.argv[1:])


def flume_main(argv: Sequence[str]) -> int:
    """Run ``flume`` with ``argv`` (without the program's name); return the exit code."""
    from flume_core._cli.commands import run_command

    return guarded("flume", lambda: run_command(list(argv)), verbose=_verbose(argv))


def flume_ng_main(argv: Sequence[str]) -> int:
    """Run ``flume-ng`` with ``argv`` (without the program's name); return the exit code."""
    from flume_core._cli.launcher import run_launcher

    return guarded("flume-ng", lambda: run_launcher(list(argv)), verbose=_verbose(argv))


def _verbose(argv: Sequence[str]) -> bool:
    return any(word in ("-v", "-vv", "--verbose") for word in argv)


if __name__ == "__main__":
    sys.exit(flume())
