"""The ``netcat`` source: lines over TCP."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterable, Mapping
from threading import Event as Flag
from threading import Lock, Thread

from flume_core._builtin.netcat.config import NetcatSourceConfig
from flume_core._builtin.netcat.connection import Connection, Service
from flume_core._builtin.netcat.listener import listen
from flume_core.batch import EventBatch
from flume_core.metrics import MetricValue
from flume_core.source import Source, SourceContext

__all__ = ["NetcatSource"]

_BATCH_SIZE = 100
_TIME_TO_STOP = 10.0  # seconds for what was received to be committed
_TIME_TO_ABORT = 1.0
_PAUSE = 1.0  # seconds before the next try, when no connection can be accepted


class NetcatSource(Source[NetcatSourceConfig]):
    r"""Makes an event of each line that a TCP client sends, and answers ``OK`` when it is committed.

    As in Flume: the body is the line without its LF, in UTF-8 whatever ``encoding`` is; ``\r`` is kept;
    a refused line is answered ``FAILED: reason``; a line of more than ``max-line-length`` characters is
    answered ``FAILED`` and ends the connection, the lines before it count. Unlike Flume:

    * The lines that have arrived together are committed together, up to ``batchSize``; each still has
      an answer of its own, and none is given before the commit.
    * Without ``ack-every-event`` a refused line is not dropped: the source stops reading from the client
      until the channel takes it.
    * A last line without LF is an event, once the client has closed its side. What was unfinished when a
      connection broke is dropped with a warning.
    * At most ``max-connections`` clients are served, one thread each, and those that send no complete
      line for ``idle-timeout`` seconds are cut off.

    A port in use is tried again with back-off; an address that can never work fails the start.
    """

    def __init__(self, config: NetcatSourceConfig, context: SourceContext) -> None:
        super().__init__(config, context)
        # Java commits each line alone: its files work with any transaction capacity, and so they must here.
        fits: int | None = self.emitter.transaction_capacity
        self._closing = Flag()
        self._service = Service(
            config=config,
            batch_size=config.batch_size or min(_BATCH_SIZE, fits or _BATCH_SIZE),
            emit=self._hand_over,
            done=self._forget,
            closing=self._closing,
            clock=context.clock,
            log=context.log,
        )
        self._listener: socket.socket | None = None
        self._acceptor: Thread | None = None
        self._waker: socket.socket | None = None
        self._lock = Lock()
        self._connections: set[Connection] = set()
        self._turned_away = 0
        self._trouble = False
        self.metrics.declare("ChannelWriteFail")
        self.metrics.provide(self._figures)

    @classmethod
    def claims(cls, config: NetcatSourceConfig) -> Iterable[str]:
        """Return the address, unless any free port will do."""
        return (f"{config.bind}:{config.port}",) if config.port else ()

    @property
    def bound_port(self) -> int:
        """The port that the source listens on; 0 before the start and after the stop."""
        return int(self._listener.getsockname()[1]) if self._listener else 0

    def start(self) -> None:
        """Listen. Raises `ConfigurationError` or `RetryableError`, see the class."""
        listener = listen(self.name, self.config.bind, self.config.port)
        self._waker, wake = socket.socketpair()
        self._listener = listener
        self._acceptor = Thread(
            target=self._accept, args=(listener, wake), name=f"{self.name}-accept", daemon=True
        )
        self._acceptor.start()
        self.log.info("listening on %s:%d", self.config.bind, self.bound_port)

    def stop(self) -> None:
        """Stop listening, commit what was received, close all connections; about 10 s at most."""
        self._closing.set()
        if self._acceptor and self._waker:
            self._waker.close()  # the acceptor sees the end of the stream
            self._acceptor.join()
        if self._listener:
            self._listener.close()
        self._acceptor = self._waker = self._listener = None
        if self._end(Connection.hurry, _TIME_TO_STOP):
            stuck = self._end(Connection.abort, _TIME_TO_ABORT)
            if stuck:
                self.log.warning("%d connections are still busy after the stop", stuck)

    def _end(self, how: Callable[[Connection], None], patience: float) -> int:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            how(connection)
        until = self.context.clock.monotonic() + patience
        for connection in connections:
            connection.join(max(0.0, until - self.context.clock.monotonic()))
        return sum(connection.is_alive() for connection in connections)

    # --- the acceptor's thread

    def _accept(self, listener: socket.socket, wake: socket.socket) -> None:
        with wake, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while not self._closing.is_set():
                selector.select()
                if not self._closing.is_set():
                    self._admit(listener)

    def _admit(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the client has gone
        except OSError as error:
            self.log.warning("no connection can be accepted: %s; trying again", error)
            self.context.clock.wait(self._closing, _PAUSE)
            return
        self._serve(sock, f"{address[0]}:{address[1]}")

    def _serve(self, sock: socket.socket, peer: str) -> None:
        connection = Connection(sock, peer, self._service)
        with self._lock:
            room = len(self._connections) < self.config.max_connections
            if room:
                self._connections.add(connection)
        if not room:
            self._turn_away(sock, peer)
            return
        self._turned_away = 0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.start()
        except RuntimeError as error:  # there are as many threads as the system allows
            self.log.warning("%s is turned away: %s; lower max-connections", peer, error)
            self._forget(connection)
            sock.close()

    def _turn_away(self, sock: socket.socket, peer: str) -> None:
        most = self.config.max_connections
        if not self._turned_away:
            self.log.warning(
                "%s is turned away: %d clients are served already; raise max-connections",
                peer,
                most,
            )
        self._turned_away += 1
        with sock:
            sock.setblocking(False)
            try:
                sock.send(f"FAILED: {most} clients are served already\n".encode())
            except OSError as error:
                self.log.debug("%s: %s", peer, error)

    # --- the connections' threads

    def _hand_over(self, batch: EventBatch) -> None:
        try:
            self.emit(batch)
        except Exception as error:
            self.metrics.add(ChannelWriteFail=1)
            if not self._trouble:
                self._trouble = True
                self.log.warning("events are refused: %s", error)
            raise
        if self._trouble:
            self._trouble = False
            self.log.info("events are accepted again")

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)

    def _figures(self) -> Mapping[str, MetricValue]:
        with self._lock:
            return {"OpenConnectionCount": len(self._connections)}
