"""How a command ends: exit codes, and one line instead of a traceback."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable

__all__ = ["CONFIGURATION", "OK", "RUNTIME", "USAGE", "UsageFailure", "guarded"]

OK = 0
CONFIGURATION = 1
USAGE = 2
RUNTIME = 3
"""What is left: a start that failed for another reason, a component given up, a defect of ours."""

_INTERRUPTED = 128 + signal.SIGINT
_BROKEN_PIPE = 128 + signal.SIGPIPE


class UsageFailure(Exception):
    """The command line asks for what there is not; the message says what to write instead."""


def guarded(program: str, command: Callable[[], int], *, verbose: bool) -> int:
    """Return the exit code of ``command``; whatever it raises becomes one, and a message on stderr."""
    try:
        code = command()
        sys.stdout.flush()
    except SystemExit as end:  # argparse: 0 after --help, 2 after a mistake
        return end.code if isinstance(end.code, int) else USAGE
    except UsageFailure as failure:
        print(f"{program}: {failure}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # Whoever read us has gone (`| head`). The flush at the end of the process must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort: a message in place of a traceback
        from flume_core.errors import ConfigurationError

        if isinstance(error, ConfigurationError):
            print(f"{program}: {error}", file=sys.stderr)
            return CONFIGURATION
        return _unexpected(program, error, verbose)
    return code


def _unexpected(program: str, error: Exception, verbose: bool) -> int:
    if verbose:
        traceback.print_exception(error)
    hint = "" if verbose else " (-v shows where)"
    shown = f"{type(error).__name__}: {error}".removesuffix(": ")
    print(f"{program}: unexpected failure{hint}: {shown}", file=sys.stderr)
    return RUNTIME
