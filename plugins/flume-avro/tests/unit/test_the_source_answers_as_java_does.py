"""Recorded frames of Java Flume 1.11 over a socket, and what the source does with the events."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flume_avro.protocol.calls import Answer, encode_append_batch
from flume_avro.protocol.definition import PROTOCOL, Status
from flume_avro.protocol.framing import Frame, FrameReader, encode_frame
from flume_avro.protocol.handshake import HandshakeRequest
from flume_avro.source.source import AvroSource
from flume_core import ChannelError, EventBatch
from flume_core.testing import RecordingEmitter, wait_until

Run = Callable[..., AvroSource]
Connect = Callable[..., Any]

BATCH = EventBatch.from_bodies([b"one", b"two", b"three"], {"host": "web01"})
FOREIGN = bytes.fromhex("26cab64f891ac247e6ccda44762925f1")


@pytest.fixture
def rpc(vectors: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((vectors / "avro_rpc.json").read_text(encoding="utf-8"))
    return loaded


def exchange(client: Any, request: str) -> str:
    client.send(bytes.fromhex(request))
    frame = client.receive()
    assert frame is not None
    return f"{frame.serial & 0xFFFFFFFF:08x} {frame.payload.hex()}"


def parsed(data: str) -> str:
    reader = FrameReader()
    raw = bytes.fromhex(data)
    reader.space()[: len(raw)] = raw
    reader.filled(len(raw))
    frame = reader.next()
    assert isinstance(frame, Frame)
    return f"{frame.serial & 0xFFFFFFFF:08x} {frame.payload.hex()}"


@pytest.mark.parametrize("deflate", [False, True])
def test_a_recorded_session_is_answered_byte_by_byte(
    run: Run, connect: Connect, emitter: RecordingEmitter, rpc: dict[str, Any], deflate: bool
) -> None:
    source = run(compression_type="deflate" if deflate else "none")
    client = connect(source, deflate=deflate)
    session = rpc["session_plain"]

    for sent, answered in zip(
        session["client_to_server"], session["server_to_client"], strict=True
    ):
        assert exchange(client, sent["hex"]) == parsed(answered["hex"])

    events = [each for call in session["client_to_server"] for each in call["events"]]
    assert [dict(event.headers) for event in emitter.events] == [e["headers"] for e in events]
    assert [event.body.hex() for event in emitter.events] == [e["body_hex"] for e in events]
    figures = source.metrics.snapshot()
    assert figures["AppendReceivedCount"] == figures["AppendAcceptedCount"] == 1
    assert figures["AppendBatchReceivedCount"] == figures["AppendBatchAcceptedCount"] == 2
    assert figures["OpenConnectionCount"] == 1


def test_a_frame_has_the_buffers_that_java_sends(
    run: Run, connect: Connect, rpc: dict[str, Any]
) -> None:
    client = connect(run())
    for sent, answered in zip(
        rpc["session_plain"]["client_to_server"],
        rpc["session_plain"]["server_to_client"],
        strict=True,
    ):
        client.send(bytes.fromhex(sent["hex"]))
        wanted = bytes.fromhex(answered["hex"])
        got = b""
        while len(got) < len(wanted):
            got += client.wire.recv(len(wanted) - len(got))
        assert got == wanted


@pytest.mark.parametrize("buffers", ["one_buffer", "two_buffers"])
def test_a_first_call_in_any_number_of_buffers_is_answered(
    run: Run, connect: Connect, rpc: dict[str, Any], buffers: str
) -> None:
    call = rpc[f"first_call_appendBatch_{buffers}"]

    assert exchange(connect(run()), call["hex"]) == parsed(call["response_ok"])


def test_a_frame_may_arrive_byte_by_byte_and_in_buffers_of_any_size(
    run: Run, connect: Connect, emitter: RecordingEmitter, rpc: dict[str, Any]
) -> None:
    client = connect(run())
    call = rpc["first_call_appendBatch_one_buffer"]
    payload = bytes.fromhex(call["hex"])[12:]
    split = encode_frame(1, [b"", *(payload[n : n + 1] for n in range(len(payload))), b""])

    for n in range(len(split)):
        client.send(split[n : n + 1])

    assert client.answer().status is Status.OK
    assert len(emitter.events) == 3


def test_foreign_spellings_of_the_protocol_are_asked_for_once(
    run: Run, connect: Connect, emitter: RecordingEmitter, rpc: dict[str, Any]
) -> None:
    source = run()
    seen = rpc["server_behaviour_observed"]
    client = connect(source)
    assert exchange(client, seen["none"]["request"]) == parsed(seen["none"]["response"])
    assert not emitter.offered
    assert exchange(client, seen["resend"]["request"]) == parsed(seen["resend"]["response"])
    assert emitter.events.bodies() == [b"x"]

    # The source remembers the hash for other connections; this one guesses ours wrongly, too.
    assert exchange(connect(source), seen["client"]["request"]) == parsed(
        seen["client"]["response"]
    )
    assert emitter.events.bodies() == [b"x", b"x"]


@pytest.mark.parametrize("name", ["unknown_message", "truncated_payload", "ping_connected"])
def test_what_is_no_call_is_answered_and_the_connection_stays(
    run: Run, connect: Connect, emitter: RecordingEmitter, rpc: dict[str, Any], name: str
) -> None:
    client = connect(run())
    client.append(BATCH)
    seen = rpc["server_behaviour_observed"][name]

    assert exchange(client, seen["request"]) == parsed(seen["response"])
    assert client.append(BATCH) == Answer(None, Status.OK)
    assert len(emitter.committed) == 2


def test_a_handshake_alone_is_answered_with_a_handshake(
    run: Run, connect: Connect, rpc: dict[str, Any]
) -> None:
    seen = rpc["server_behaviour_observed"]["ping_first"]

    assert exchange(connect(run()), seen["request"]) == parsed(seen["response"])


def test_an_empty_batch_is_ok_and_nothing_is_emitted(
    run: Run, connect: Connect, emitter: RecordingEmitter, rpc: dict[str, Any]
) -> None:
    client = connect(run())
    client.append(BATCH)
    call = rpc["appendBatch_empty"]

    assert exchange(client, call["hex"]) == parsed(call["response_ok_observed"])
    assert len(emitter.offered) == 1


def test_any_serial_comes_back(run: Run, connect: Connect) -> None:
    client = connect(run())
    client.append(BATCH)
    ping = encode_frame(-5, [b"\0\0"])

    client.send(ping)

    assert client.receive() == Frame(-5, b"")


def test_calls_sent_without_waiting_are_answered_in_order(
    run: Run, connect: Connect, emitter: RecordingEmitter
) -> None:
    client = connect(run())
    for n in range(200):
        client.post(EventBatch.from_bodies([b"%d" % n]))

    frames = [client.receive() for _ in range(200)]

    assert [frame.serial for frame in frames] == list(range(1, 201))
    assert emitter.events.bodies() == [b"%d" % n for n in range(200)]


def test_no_answer_is_given_before_the_commit(
    run: Run, connect: Connect, emitter: RecordingEmitter
) -> None:
    client = connect(run())
    emitter.hold()
    client.post(BATCH)
    wait_until(lambda: emitter.inside, "a call of emit")
    client.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.socket.recv(1)
    client.socket.settimeout(20)
    emitter.release()

    assert client.answer().status is Status.OK


def test_a_full_channel_is_answered_with_failed_and_the_connection_stays(
    run: Run, connect: Connect, emitter: RecordingEmitter
) -> None:
    source = run()
    client = connect(source)
    emitter.full = True
    assert client.append(BATCH).status is Status.FAILED
    emitter.full = False
    assert client.append(BATCH).status is Status.OK

    assert source.metrics.get("ChannelWriteFail") == 1
    assert source.metrics.get("AppendBatchReceivedCount") == 2
    assert source.metrics.get("AppendBatchAcceptedCount") == 1


@pytest.mark.parametrize(
    ("error", "append", "batch"),
    [
        (ChannelError("no"), Status.FAILED, Status.FAILED),
        (ValueError("oops"), "ValueError: oops", Status.FAILED),
    ],
)
def test_a_failure_is_told_as_java_tells_it(
    run: Run,
    connect: Connect,
    emitter: RecordingEmitter,
    rpc: dict[str, Any],
    error: Exception,
    append: object,
    batch: object,
) -> None:
    client = connect(run())
    emitter.fail(error, error)
    client.send(bytes.fromhex(rpc["session_plain"]["client_to_server"][0]["hex"]))
    answer = client.answer()
    assert (answer.error or answer.status) == append
    client.send(bytes.fromhex(rpc["session_plain"]["client_to_server"][2]["hex"]))
    assert client.answer().status == batch


class Counting(RecordingEmitter):
    """Counts the threads within `emit`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._counting = threading.Lock()

    def emit(self, batch: EventBatch, progress: object = None) -> None:
        with self._counting:
            self.now += 1
            self.most = max(self.most, self.now)
        super().emit(batch)
        with self._counting:
            self.now -= 1


@pytest.mark.parametrize(("threads", "most"), [(2, 2), (0, 6)])
def test_threads_bounds_the_calls_that_are_carried_out_at_once(
    run: Run, connect: Connect, threads: int, most: int
) -> None:
    counting = Counting()
    source = run(counting, threads=threads)
    clients = [connect(source) for _ in range(6)]
    counting.hold()
    for client in clients:
        client.post(BATCH)
    wait_until(lambda: counting.now == most, f"{most} calls of emit")
    counting.release()

    assert [client.answer().status for client in clients] == [Status.OK] * 6
    assert counting.most == most


def test_the_protocol_of_another_service_is_refused(run: Run, connect: Connect) -> None:
    other = PROTOCOL.replace('"name":"body"', '"name":"data"')
    client = connect(run())
    request = HandshakeRequest(FOREIGN, other)
    client.send(encode_frame(1, encode_append_batch(BATCH, request)))

    assert client.is_closed()
