"""A listening TCP socket, and what can go wrong with opening one."""

from __future__ import annotations

import errno
import socket

from flume_core.errors import ConfigurationError, RetryableError

__all__ = ["listen"]

_BACKLOG = 128


def listen(name: str, host: str, port: int) -> socket.socket:
    """Return a non-blocking socket that listens on exactly this address; ``name`` is for messages.

    IPv4 is preferred where a host name has both; ``::`` serves both, as in Java. Raises
    `ConfigurationError` for what only another configuration can cure (a name that does not exist, a
    port that needs privileges), `RetryableError` for the rest (a port in use, no name service).
    """
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        message = f"source {name} cannot listen on {where}: {error}; correct bind"
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            raise RetryableError(message) from error
        raise ConfigurationError(message) from error
    family, _, _, _, address = min(found, key=lambda entry: entry[0] is not socket.AF_INET)
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server(
            address, family=family, backlog=_BACKLOG, dualstack_ipv6=both
        )
    except OSError as error:
        message = f"source {name} cannot listen on {where}: {error.strerror or error}"
        if error.errno in (errno.EACCES, errno.EPERM):
            raise ConfigurationError(f"{message}; choose a port above 1023") from error
        raise RetryableError(message) from error
    listener.setblocking(False)
    return listener
