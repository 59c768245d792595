"""Reading the small files that hold keys and passwords."""

from __future__ import annotations

import logging
import os
import stat

from flume_core.errors import ConfigurationError, RetryableError

__all__ = ["read_secret"]

_LONGEST = 1024
_ALLOWED = 0o600
_MISTAKES = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


def read_secret(path: str, what: str, owner: str, log: logging.Logger) -> bytes:
    """Return what a file holds, and warn if others than its owner may use it.

    ``what`` is in the file (``key k1``), ``owner`` needs it (``the file key provider of c1``). Raises
    `ConfigurationError` if it is not there, not to be read or longer than 1024 bytes, `RetryableError`
    if reading fails for a reason that may pass.
    """
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_LONGEST + 1)
    except (OSError, ValueError) as e:  # a ValueError is a name that no file can have
        mistake = isinstance(e, (*_MISTAKES, ValueError))
        reason = (e.strerror if isinstance(e, OSError) else None) or e
        message = f"{owner} cannot read the {what} from {path}: {reason}"
        raise (ConfigurationError if mistake else RetryableError)(message) from e
    if len(content) > _LONGEST:
        raise ConfigurationError(
            f"{owner} finds no {what} in {path}: it has more than {_LONGEST} bytes"
        )
    if mode & ~_ALLOWED:
        log.warning(
            "%s: the file %s of the %s has mode %04o; chmod 600 keeps others out",
            owner,
            path,
            what,
            mode,
        )
    return content
