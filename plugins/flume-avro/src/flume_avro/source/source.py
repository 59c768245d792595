"""The ``avro`` source."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from threading import BoundedSemaphore, Lock
from threading import Event as Flag

from flume_avro.protocol.handshake import KnownProtocols
from flume_avro.source.address_rules import parse_rules
from flume_avro.source.config import AvroSourceConfig
from flume_avro.source.connection import Connection, Service
from flume_avro.source.server import Server, listen
from flume_avro.source.tls import server_context
from flume_core import EventBatch, Source, SourceContext

__all__ = ["AvroSource"]

_TIME_TO_STOP = 10.0  # seconds for what was received to be committed
_TIME_TO_ABORT = 1.0


class AvroSource(Source[AvroSourceConfig]):
    """Takes events from the Avro sinks of other agents and from Flume's client libraries.

    As in Flume: ``append`` puts one event, ``appendBatch`` the whole array in one transaction; the answer
    OK is given when it is committed, FAILED when a channel refuses it (and for ``appendBatch``, whatever
    goes wrong); an unknown message or a call that is malformed is answered with an error, and the
    connection stays. Unlike Flume:

    * The calls of one connection are carried out one after the other and answered in order, also those
      that a client sends without waiting (Java 1.10 and 1.11 may reorder them, and their events).
    * A call has a greatest size (``max-frame-size``), a client that dawdles is disconnected
      (``request-timeout``, ``idle-timeout``), and so is the one beyond ``max-connections``.
    * The order of zlib and TLS is found out for each client, so that Flume 1.9 and 1.10 may both connect.
    * Key stores are PEM or PKCS12; clients may be asked for certificates (``client-auth``).
    * ``threads`` bounds the calls that are carried out at once, as it did in 1.9. It does not bound
      connections.

    A port in use is tried again with back-off; an address or a key store that can never work fails the
    start.
    """

    def __init__(self, config: AvroSourceConfig, context: SourceContext) -> None:
        super().__init__(config, context)
        self._closing = Flag()
        self._known = KnownProtocols()
        self._server: Server | None = None
        self._lock = Lock()
        self._connections: set[Connection] = set()
        self._turned_away = 0
        self._trouble = False
        self.metrics.declare(
            "AppendReceivedCount",
            "AppendAcceptedCount",
            "AppendBatchReceivedCount",
            "AppendBatchAcceptedCount",
            "ChannelWriteFail",
        )
        self.metrics.provide(self._figures)

    @classmethod
    def claims(cls, config: AvroSourceConfig) -> Iterable[str]:
        """Return the address, unless any free port will do."""
        return (f"{config.bind}:{config.port}",) if config.port else ()

    @property
    def bound_port(self) -> int:
        """The port that the source listens on; 0 before the start and after the stop."""
        return self._server.port if self._server else 0

    def start(self) -> None:
        """Listen. Raises `ConfigurationError` or `RetryableError`, see the class."""
        config, context = self.config, self.context
        self._service = Service(
            config=config,
            rules=parse_rules(config.ip_filter_rules) if config.ip_filter else (),
            tls=server_context(config),
            known=self._known,
            turn=BoundedSemaphore(config.threads) if config.threads else nullcontext(),
            emit=self._hand_over,
            done=self._forget,
            metrics=self.metrics,
            closing=self._closing,
            clock=context.clock,
            log=self.log,
        )
        listener = listen(self.name, config.bind, config.port)
        self._server = Server(self.name, listener, self._admit, context.clock, self.log)
        self.log.info("listening on %s:%d", config.bind, self.bound_port)

    def stop(self) -> None:
        """Stop listening, commit what was received, close all connections; about 10 s at most."""
        self._closing.set()
        if self._server:
            self._server.close()
            self._server = None
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

    def _admit(self, sock: socket.socket, address: tuple[str, int]) -> None:
        connection = Connection(sock, address, self._service)
        with self._lock:
            room = len(self._connections) < self.config.max_connections
            if room:
                self._connections.add(connection)
        if not room:
            self._turn_away(sock, connection.peer)
            return
        self._turned_away = 0
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.start()
        except (OSError, RuntimeError) as error:  # gone already, or no thread to be had
            self.log.warning("%s cannot be served: %s", connection.peer, error)
            self._forget(connection)
            sock.close()

    def _turn_away(self, sock: socket.socket, peer: str) -> None:
        if not self._turned_away:
            self.log.warning(
                "%s is turned away: %d clients are served already; raise max-connections",
                peer,
                self.config.max_connections,
            )
        self._turned_away += 1
        sock.close()

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

    def _figures(self) -> Mapping[str, int]:
        with self._lock:
            return {"OpenConnectionCount": len(self._connections)}
