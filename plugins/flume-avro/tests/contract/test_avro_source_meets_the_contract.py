"""The avro source passes the source suite, plain and deflated."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Thread

import pytest

from flume_avro.protocol.calls import encode_append_batch, read_answer
from flume_avro.protocol.definition import Status
from flume_avro.protocol.framing import FrameReader, encode_frame
from flume_avro.protocol.handshake import HandshakeRequest
from flume_avro.source.source import AvroSource
from flume_core import EventBatch
from flume_core.testing import SourceContract, SourceUnderTest


class Client:
    """Sends each list of bodies as one call, and reads the answers in a thread of its own."""

    def __init__(self, *, deflate: bool) -> None:
        self._socket: socket.socket | None = None
        self._pack = zlib.compressobj() if deflate else None
        self._unpack = zlib.decompressobj()
        self._sizes: list[int] = []
        self._acknowledged = 0

    def send(self, source: AvroSource, bodies: Sequence[bytes]) -> None:
        handshake = None
        if self._socket is None:
            handshake = HandshakeRequest()
            self._socket = socket.create_connection(("127.0.0.1", source.bound_port), timeout=10)
            self._reader = Thread(target=self._read, args=(self._socket,), daemon=True)
            self._reader.start()
        self._sizes.append(len(bodies))
        batch = EventBatch.from_bodies(list(bodies), {"host": "web01"})
        frame = encode_frame(len(self._sizes), encode_append_batch(batch, handshake))
        if self._pack is not None:
            frame = self._pack.compress(frame) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        self._socket.sendall(frame)

    def _read(self, sock: socket.socket) -> None:
        frames = FrameReader()
        with suppress(OSError):
            while data := sock.recv(4096):
                if self._pack is not None:
                    data = self._unpack.decompress(data)
                frames.space()[: len(data)] = data
                frames.filled(len(data))
                while frame := frames.next():
                    answer = read_answer(frame.payload, with_handshake=frame.serial == 1)
                    if answer.status is Status.OK:
                        self._acknowledged += self._sizes[frame.serial - 1]

    def acknowledged(self) -> int:
        return self._acknowledged

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._reader.join(10)
            self._socket.close()


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


class TestAvroSource(SourceContract):
    @pytest.fixture
    def client(self) -> Iterator[Client]:
        client = Client(deflate=False)
        yield client
        client.close()

    @pytest.fixture
    def source(self, client: Client, taken_port: str) -> SourceUnderTest:
        return SourceUnderTest(
            AvroSource,
            {
                "bind": "127.0.0.1",
                "port": "0",
                "ipFilter": "true",
                "ipFilterRules": "allow:ip:127.*,deny:ip:*",
                "threads": "4",
                "request-timeout": "30",
            },
            client.send,
            client.acknowledged,
            type="avro",
            fails_to_start={"bind": "127.0.0.1", "port": taken_port},
            offers_again=False,
        )


class TestDeflatedAvroSource(SourceContract):
    @pytest.fixture
    def client(self) -> Iterator[Client]:
        client = Client(deflate=True)
        yield client
        client.close()

    @pytest.fixture
    def source(self, client: Client) -> SourceUnderTest:
        config = {"bind": "127.0.0.1", "port": "0", "compression-type": "Deflate"}
        return SourceUnderTest(
            AvroSource,
            config,
            client.send,
            client.acknowledged,
            type="org.apache.flume.source.AvroSource",
            offers_again=False,
        )
