"""A running avro source, and a client that speaks to it byte by byte."""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from flume_avro.protocol import calls
from flume_avro.protocol.framing import Frame, FrameReader, encode_frame
from flume_avro.protocol.handshake import HandshakeRequest
from flume_avro.source.source import AvroSource
from flume_core import Buffer, EventBatch
from flume_core.testing import RecordingEmitter, make_source

PATIENCE = 20.0


class Wire(Protocol):
    """What a client needs of a socket, plain or with TLS."""

    def sendall(self, data: bytes, /) -> None: ...
    def recv(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class AvroClient:
    """A connection that sends what it is told to, and never waits for ever."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, deflate: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.wire: Wire = self.socket
        if tls is not None:
            self.wire = tls.wrap_socket(self.socket)
        self._pack = zlib.compressobj() if deflate else None
        self._unpack = zlib.decompressobj()
        self._frames = FrameReader()
        self._serial = 0
        self._met = False

    def send(self, data: bytes) -> None:
        """Send bytes as they are (deflated, if that was asked for)."""
        if self._pack is not None:
            data = self._pack.compress(data) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        self.wire.sendall(data)

    def receive(self) -> Frame | None:
        """Return the next frame, or None when the source has closed the connection."""
        while (frame := self._frames.next()) is None:
            try:
                data = self.wire.recv(4096)
            except ConnectionResetError:
                return None
            if not data:
                return None
            if self._pack is not None:
                data = self._unpack.decompress(data)
            self._frames.space()[: len(data)] = data
            self._frames.filled(len(data))
        return frame

    def is_closed(self) -> bool:
        """Wait for the source to close the connection without another answer."""
        return self.receive() is None

    def post(self, batch: EventBatch) -> None:
        """Send a batch, and do not wait for the answer."""
        self._serial += 1
        handshake = None if self._met else HandshakeRequest()
        self._met = True
        buffers: list[Buffer] = calls.encode_append_batch(batch, handshake)
        self.send(encode_frame(self._serial, buffers))

    def answer(self) -> calls.Answer:
        """Return the answer to the oldest call that was posted."""
        frame = self.receive()
        assert frame is not None, "the source closed the connection"
        return calls.read_answer(frame.payload, with_handshake=frame.serial == 1)

    def append(self, batch: EventBatch) -> calls.Answer:
        """Send a batch and return the answer."""
        self.post(batch)
        return self.answer()

    def close(self) -> None:
        self.wire.close()


@pytest.fixture
def emitter() -> RecordingEmitter:
    return RecordingEmitter()


@pytest.fixture
def run(emitter: RecordingEmitter) -> Iterator[Callable[..., AvroSource]]:
    """``run(setting="value")`` starts a source on a free port; ``into`` is another emitter."""
    with ExitStack() as stack:

        def start(into: RecordingEmitter = emitter, **settings: object) -> AvroSource:
            given = {"bind": "127.0.0.1", "port": "0"}
            given |= {key.replace("_", "-"): str(value) for key, value in settings.items()}
            source = make_source(AvroSource, given, into)
            stack.callback(source.stop)
            source.start()
            return source

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., AvroClient]]:
    """``connect(source)`` returns a client of it."""
    with ExitStack() as stack:

        def open_(source: AvroSource, **options: Any) -> AvroClient:
            client = AvroClient(source.bound_port, **options)
            stack.callback(client.close)
            return client

        yield open_


@pytest.fixture
def vectors() -> Path:
    return Path(__file__).parent / "vectors"
