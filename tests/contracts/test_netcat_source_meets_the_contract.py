"""The netcat source passes the source suite, with an answer to each line and without."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Thread

import pytest

from flume_core._builtin.netcat.source import NetcatSource
from flume_core.testing import SourceContract, SourceUnderTest


class Client:
    """Sends lines, and counts the answers in a thread of its own."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._answers = b""

    def send(self, source: NetcatSource, bodies: Sequence[bytes]) -> None:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", source.bound_port), timeout=10)
            self._reader = Thread(target=self._read, args=(self._socket,), daemon=True)
            self._reader.start()
        self._socket.sendall(b"".join(body + b"\n" for body in bodies))

    def _read(self, sock: socket.socket) -> None:
        with suppress(OSError):
            while answer := sock.recv(65536):
                self._answers += answer

    def acknowledged(self) -> int:
        return self._answers.count(b"OK\n")

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._reader.join(10)
            self._socket.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


class TestNetcatSource(SourceContract):
    @pytest.fixture
    def source(self, client: Client, taken_port: str) -> SourceUnderTest:
        return SourceUnderTest(
            NetcatSource,
            {"bind": "127.0.0.1", "port": "0"},
            client.send,
            client.acknowledged,
            type="netcat",
            fails_to_start={"bind": "127.0.0.1", "port": taken_port},
            offers_again=False,
        )


class TestNetcatSourceWithoutAnswers(SourceContract):
    @pytest.fixture
    def source(self, client: Client) -> SourceUnderTest:
        config = {"bind": "127.0.0.1", "port": "0", "ack-every-event": "false", "batchSize": "10"}
        return SourceUnderTest(NetcatSource, config, client.send)
