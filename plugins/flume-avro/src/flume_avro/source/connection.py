"""One client of the avro source, in a thread of its own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from logging import Logger
from threading import Event as Flag
from threading import Thread

from flume_avro.protocol.errors import PeerError
from flume_avro.protocol.framing import FrameReader
from flume_avro.protocol.handshake import KnownProtocols
from flume_avro.source.address_rules import AddressRule, may_connect
from flume_avro.source.config import AvroSourceConfig
from flume_avro.source.dialogue import Dialogue
from flume_avro.source.streams import DeflateStream, SocketStream, Stream, TlsStream
from flume_core import Clock, ComponentMetrics, EventBatch

__all__ = ["Connection", "Service"]

_TLS_HANDSHAKE, _ZLIB = 0x16, 0x78


@dataclass(frozen=True, slots=True)
class Service:
    """What all connections of a source share."""

    config: AvroSourceConfig
    rules: Sequence[AddressRule]
    tls: ssl.SSLContext | None
    known: KnownProtocols
    turn: AbstractContextManager[object]
    emit: Callable[[EventBatch], None]
    done: Callable[[Connection], None]
    """Called by each connection as its last act."""
    metrics: ComponentMetrics
    closing: Flag
    clock: Clock
    log: Logger


class Connection(Thread):
    """Serves a client until it hangs up, breaks the protocol, or ``closing`` is set."""

    def __init__(self, sock: socket.socket, address: tuple[str, int], service: Service) -> None:
        # An IPv4 client of a socket for both kinds: Java shows it, and matches rules, as IPv4.
        self._address = address[0].removeprefix("::ffff:")
        self.peer = f"{self._address}:{address[1]}"
        super().__init__(name=f"avro-{self.peer}", daemon=True)
        self._socket = sock
        self._service = service
        self._config = service.config
        self._wire = SocketStream(sock, service.clock, _tick(service.config))
        self._reader = FrameReader(service.config.max_frame_size)
        self._busy = True
        self._first = b""
        """The first bytes received, until a frame is complete."""

    def run(self) -> None:
        """Serve the client; the thread's own function."""
        log = self._service.log
        try:
            if may_connect(self._service.rules, self._address):
                self._serve()
            else:
                log.info("%s is turned away by ipFilterRules", self.peer)
        except PeerError as error:
            log.warning("%s is disconnected: %s%s", self.peer, error, self._hint())
        except TimeoutError:
            self._late()
        except OSError as error:
            log.info("connection from %s broke: %s", self.peer, error)
        except Exception:
            log.exception("%s is disconnected by a defect", self.peer)
        finally:
            self._socket.close()
            self._service.done(self)

    def hurry(self) -> None:
        """Receive nothing more. Call it after ``closing`` was set; a call that was received is finished."""
        self._shut(socket.SHUT_RD)

    def abort(self) -> None:
        """Send nothing more either."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError as error:  # gone already, which is as well
            self._service.log.debug("%s: %s", self.peer, error)

    def _serve(self) -> None:
        service, reader = self._service, self._reader
        dialogue = Dialogue(service.emit, service.known, service.metrics, service.turn)
        stream = self._open()
        self._allow(busy=False)
        while stream is not None and not service.closing.is_set():
            frame = reader.next()
            if frame is not None:
                self._first = b""
                answer = dialogue.answer(frame)
                self._allow(busy=True)
                stream.send(answer)
                # What follows in the buffer, if anything, was begun before this.
                self._allow(busy=self._reader.begun)
            elif not self._receive(stream):
                break

    def _receive(self, stream: Stream) -> bool:
        reader = self._reader
        waiting = not reader.begun
        space = reader.space()
        count = stream.receive_into(space)
        if waiting and count:
            self._allow(busy=True)
            if not self._first:
                self._first = bytes(space[: min(count, 2)])
        reader.filled(count)
        if not count and reader.begun and not self._service.closing.is_set():
            self._service.log.warning(
                "%s left in the middle of a call, which is dropped", self.peer
            )
        return count > 0

    def _allow(self, *, busy: bool) -> None:
        """Set by when the client must have done its next thing: its part of a call, or the next call."""
        seconds = self._config.request_timeout if busy else self._config.idle_timeout
        self._busy = busy
        self._wire.deadline = self._service.clock.monotonic() + seconds if seconds else None

    def _open(self) -> Stream | None:
        """Return the stream of frames with its layers; None if the client left at once."""
        deflate = self._config.compression_type == "deflate"
        self._allow(busy=True)
        if self._service.tls is None:
            return DeflateStream(self._wire) if deflate else self._wire
        first = self._wire.first_byte()
        if first is None:
            return None
        if deflate and self._zlib_is_outermost(first):
            return self._tls(DeflateStream(self._wire), self._service.tls)
        tls = self._tls(self._wire, self._service.tls)
        return DeflateStream(tls) if deflate else tls

    def _zlib_is_outermost(self, first: int) -> bool:
        nesting = self._config.compression_nesting
        if nesting != "auto":
            return nesting == "outer-zlib"
        if first not in (_TLS_HANDSHAKE, _ZLIB):
            raise PeerError("it speaks neither TLS nor zlib, and both are expected")
        return first == _ZLIB

    def _tls(self, inner: Stream, context: ssl.SSLContext) -> TlsStream:
        stream = TlsStream(inner, context)
        stream.shake_hands()
        return stream

    def _hint(self) -> str:
        if self._service.tls is None and self._first[:2] == b"\x16\x03":
            return "; it seems to speak TLS: set ssl = true if that is meant"
        if self._config.compression_type == "none" and self._first[:1] == b"\x78":
            return "; it seems to send deflate: set compression-type = deflate if that is meant"
        return ""

    def _late(self) -> None:
        log, config = self._service.log, self._config
        if self._busy:
            log.warning(
                "%s is disconnected: it completed no call, or took no answer, for %d s",
                self.peer,
                config.request_timeout,
            )
        else:
            log.info("%s is disconnected: it was idle for %d s", self.peer, config.idle_timeout)


def _tick(config: AvroSourceConfig) -> float:
    """Return how often, in seconds, a connection looks at the clock."""
    shortest = min(config.request_timeout, config.idle_timeout or config.request_timeout)
    return min(max(shortest / 4, 0.1), 15.0)
