"""A listening socket, and the thread that accepts connections on it."""

from __future__ import annotations

import errno
import selectors
import socket
from collections.abc import Callable
from logging import Logger
from threading import Event as Flag
from threading import Thread

from flume_core import Clock, ConfigurationError, RetryableError

__all__ = ["Server", "listen"]

_BACKLOG = 1024  # as Java Flume
_PAUSE = 1.0  # seconds before the next try, when no connection can be accepted


def listen(name: str, host: str, port: int) -> socket.socket:
    """Return a non-blocking socket that listens on exactly this address; ``name`` is for messages.

    IPv4 is preferred where a host name has both; ``::`` serves both, as in Java. Raises
    `ConfigurationError` for what only another configuration can cure, `RetryableError` for the rest.
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


class Server:
    """Accepts connections on ``listener`` and gives each to ``admit``, in one thread of its own."""

    def __init__(
        self,
        name: str,
        listener: socket.socket,
        admit: Callable[[socket.socket, tuple[str, int]], None],
        clock: Clock,
        log: Logger,
    ) -> None:
        self._listener = listener
        self._admit = admit
        self._clock = clock
        self._log = log
        self._closing = Flag()
        self._waker, self._wake = socket.socketpair()
        self._thread = Thread(target=self._run, name=f"{name}-accept", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Accept no more, and listen no more."""
        self._closing.set()
        self._waker.close()  # the thread sees the end of the stream
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        with self._wake, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._closing.is_set():
                selector.select()
                if not self._closing.is_set():
                    self._accept()

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the client has gone
        except OSError as error:
            self._log.warning("no connection can be accepted: %s; trying again", error)
            self._clock.wait(self._closing, _PAUSE)
            return
        self._admit(sock, (str(address[0]), int(address[1])))
