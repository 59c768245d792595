"""Whatever a client sends, it is answered or disconnected, with one line in the log, and others go on."""

from __future__ import annotations

import logging
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from flume_avro.protocol.calls import encode_append_batch
from flume_avro.protocol.definition import Status
from flume_avro.protocol.framing import encode_frame
from flume_avro.protocol.handshake import HandshakeRequest
from flume_avro.source.source import AvroSource
from flume_core import EventBatch
from flume_core.testing import RecordingEmitter, wait_until

Run = Callable[..., AvroSource]
Connect = Callable[..., Any]

BATCH = EventBatch.from_bodies([b"one", b"two"], {"host": "web01"})
CLIENT_HELLO = bytes.fromhex("16030101b3010001af0303") + bytes(440)


def head(serial: int, *numbers: int) -> bytes:
    return struct.pack(f">{1 + len(numbers)}i", serial, *numbers)


DISCONNECTED = {
    "text": (b"GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n", "a frame announces"),
    "TLS to a plain port": (CLIENT_HELLO, "it seems to speak TLS: set ssl = true"),
    "deflate to a plain port": (
        zlib.compress(encode_frame(1, encode_append_batch(BATCH, HandshakeRequest()))),
        "it seems to send deflate: set compression-type = deflate",
    ),
    "no buffer": (head(1, 0), "a frame announces 0 buffers"),
    "a negative count": (head(1, -1), "a frame announces -1 buffers"),
    "a huge count": (head(1, 2**31 - 1), "more than max-frame-size allows"),
    "a negative length": (head(1, 1, -1), "a buffer announces a negative length"),
    "a huge length": (head(1, 1, 2**31 - 1), "larger than max-frame-size"),
    "a sum that is huge": (head(1, 2, 900_000) + bytes(900_000) + head(200_000), "larger than max"),
    "no handshake": (encode_frame(1, [b"\0"]), "its handshake is malformed"),
    "a handshake cut off": (encode_frame(1, [HandshakeRequest().encode()[:20]]), "is malformed"),
    "a foreign protocol": (
        encode_frame(1, [HandshakeRequest(b"x" * 16, '{"protocol":"Mail"}').encode()]),
        "its protocol is not the one of Flume",
    ),
    "a protocol that is no JSON": (
        encode_frame(1, [HandshakeRequest(b"x" * 16, "[" * 5000).encode()]),
        "its protocol is not the one of Flume",
    ),
}


@pytest.mark.parametrize("what", DISCONNECTED)
def test_who_breaks_the_protocol_is_disconnected_with_one_line_that_names_him(
    what: str,
    run: Run,
    connect: Connect,
    emitter: RecordingEmitter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data, says = DISCONNECTED[what]
    source = run(max_frame_size=1_000_000)
    good, bad = connect(source), connect(source)
    assert good.append(BATCH).status is Status.OK
    host, port = bad.socket.getsockname()
    with caplog.at_level(logging.INFO):
        bad.send(data)
        assert bad.is_closed()
        wait_until(lambda: source.metrics.get("OpenConnectionCount") == 1, "one connection left")

    (record,) = caplog.records
    assert f"{host}:{port}" in record.message
    assert says in record.message
    assert record.levelno == logging.WARNING
    assert good.append(BATCH).status is Status.OK
    assert len(emitter.events) == 4


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"\0\x16appendBatch\x7f", "java.io.EOFException"),
        (b"\0\x16appendBatch" + b"\xff" * 11, "MalformedEvent"),
        (b"\0\x16appendBatch\x02\x00\x01\x00", "MalformedEvent"),
        (b"\0\x0cappend\x02\x02k", "java.io.EOFException"),
        (b"\0\x0cappend\x02\x02k\x03", "MalformedEvent"),
        (b"\0\x08nope", "No such remote message: nope"),
        (b"\0\xfe\xff\xff\xff\x0fx", "java.io.EOFException"),
        (b"\xfe\xff\xff\xff\x0f", "java.io.EOFException"),
        (b"\0\x07nope", "MalformedEvent"),
        (b"", "java.io.EOFException"),
    ],
)
def test_a_malformed_call_is_answered_with_an_error_and_the_connection_stays(
    payload: bytes, error: str, run: Run, connect: Connect, emitter: RecordingEmitter
) -> None:
    client = connect(run())
    client.append(BATCH)
    client.send(encode_frame(7, [payload]))

    answer = client.answer()

    assert answer.status is None
    assert error in answer.error
    assert client.append(BATCH).status is Status.OK
    assert len(emitter.offered) == 2


def test_announced_sizes_cost_no_memory(run: Run, connect: Connect) -> None:
    source = run()
    clients = [connect(source) for _ in range(10)]
    wait_until(lambda: source.metrics.get("OpenConnectionCount") == 10, "10 connections")
    tracemalloc.start()
    try:
        for client in clients:
            client.send(head(1, 1, 60_000_000) + b"some of it")
        last = connect(source)
        last.append(BATCH)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


def test_a_call_that_never_ends_is_cut_off(
    run: Run, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(request_timeout=1)
    good, slow = connect(source), connect(source)
    good.append(BATCH)
    with caplog.at_level(logging.INFO):
        slow.send(head(1, 1, 100) + b"x")
        assert slow.is_closed()

    assert "it completed no call, or took no answer, for 1 s" in caplog.text
    assert good.append(BATCH).status is Status.OK


def test_a_byte_now_and_then_does_not_save_a_slow_client(run: Run, connect: Connect) -> None:
    slow = connect(run(request_timeout=1))
    slow.socket.settimeout(0.05)
    slow.send(head(1, 1, 1000))
    sent = 0
    closed = False
    while not closed and sent < 400:
        try:
            slow.send(b"x")
            closed = not slow.socket.recv(1)
        except TimeoutError:
            sent += 1
        except OSError:
            closed = True

    assert closed


def test_an_idle_client_is_disconnected(
    run: Run, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(run(idle_timeout=1))
    client.append(BATCH)
    with caplog.at_level(logging.INFO):
        assert client.is_closed()
        wait_until(lambda: "it was idle for 1 s" in caplog.text, "a line in the log")


def test_a_client_that_takes_no_answers_holds_up_nobody_else(run: Run, connect: Connect) -> None:
    source = run(request_timeout=1)
    deaf, good = connect(source), connect(source)
    deaf.append(BATCH)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    unknown = encode_frame(1, [b"\0" + b"\xa0\x9c\x01" + b"n" * 10_000]) * 100
    deaf.socket.settimeout(0.2)
    with pytest.raises(OSError, match=r"timed out|reset|Broken pipe"):  # noqa: PT012
        for _ in range(1000):
            deaf.send(unknown)

    assert good.append(BATCH).status is Status.OK
    wait_until(lambda: source.metrics.get("OpenConnectionCount") == 1, "the end of the deaf one")


def test_clients_beyond_the_limit_are_turned_away(
    run: Run, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(max_connections=2)
    first, second = connect(source), connect(source)
    for client in (first, second):
        client.append(BATCH)
    with caplog.at_level(logging.INFO):
        assert connect(source).is_closed()
        assert connect(source).is_closed()
    (record,) = caplog.records
    assert "2 clients are served already; raise max-connections" in record.message
    first.close()
    wait_until(lambda: source.metrics.get("OpenConnectionCount") == 1, "room")

    assert connect(source).append(BATCH).status is Status.OK


def test_a_client_that_leaves_within_a_call_is_noted(
    run: Run, connect: Connect, emitter: RecordingEmitter, caplog: pytest.LogCaptureFixture
) -> None:
    source = run()
    client = connect(source)
    client.append(BATCH)
    client.send(head(2, 1, 100) + b"half")
    client.close()
    wait_until(lambda: source.metrics.get("OpenConnectionCount") == 0, "the end")

    assert "left in the middle of a call, which is dropped" in caplog.text
    assert len(emitter.offered) == 1


def test_a_deflated_bomb_is_bounded_by_the_frame_size(
    run: Run, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(compression_type="deflate", max_frame_size=1_000_000)
    client = connect(source)
    client.send(zlib.compress(head(1, 1, 2**31 - 1) + bytes(50_000_000)))

    assert client.is_closed()
    assert "larger than max-frame-size" in caplog.text


def test_plain_calls_to_a_deflating_port_are_disconnected(
    run: Run, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(run(compression_type="deflate"))
    client.post(BATCH)

    assert client.is_closed()
    assert "what it sends is not deflated" in caplog.text
