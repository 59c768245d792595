"""A client of the netcat source, and a source to talk to."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flume_core._builtin.netcat.source import NetcatSource
from tests.core.builtin.contexts import RecordingEmitter, source_context

PATIENCE = 10.0


class Client:
    """A connection that reads answers line by line and never waits for ever."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self._answers = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answers(self, count: int) -> list[bytes]:
        return [self._answers.readline() for _ in range(count)]

    def rest(self) -> bytes:
        """All answers until the source closes the connection."""
        return self._answers.read()

    def hang_up(self) -> bytes:
        """Close our side and return the answers that still come."""
        self.socket.shutdown(socket.SHUT_WR)
        return self.rest()

    def close(self) -> None:
        self._answers.close()
        self.socket.close()


def make_source(emitter: object, **settings: str) -> NetcatSource:
    given = {"bind": "127.0.0.1", "port": "0"}
    given |= {key.replace("_", "-"): value for key, value in settings.items()}
    config = NetcatSource.config_model.model_validate(given)
    return NetcatSource(config, source_context(emitter))


@contextmanager
def running(emitter: RecordingEmitter, **settings: str) -> Iterator[NetcatSource]:
    source = make_source(emitter, **settings)
    source.start()
    try:
        yield source
    finally:
        source.stop()


@contextmanager
def connected(source: NetcatSource) -> Iterator[Client]:
    client = Client(source.bound_port)
    try:
        yield client
    finally:
        client.close()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)
