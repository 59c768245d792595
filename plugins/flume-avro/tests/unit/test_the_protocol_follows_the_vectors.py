"""The recorded conversations of Java Flume 1.11, in both directions."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from flume_avro.protocol import calls
from flume_avro.protocol.definition import PROTOCOL, PROTOCOL_HASH, Status
from flume_avro.protocol.framing import Frame, FrameReader, encode_frame
from flume_avro.protocol.handshake import HandshakeRequest, HandshakeResponse, Match
from flume_avro.protocol.values import Reader
from flume_core import Event, EventBatch

FOLDER = Path(__file__).parents[1] / "vectors"
RPC: dict[str, Any] = json.loads((FOLDER / "avro_rpc.json").read_text(encoding="utf-8"))
DEFLATE: dict[str, Any] = json.loads((FOLDER / "avro_rpc_deflate.json").read_text(encoding="utf-8"))
SESSION = RPC["session_plain"]
SENT = list(enumerate(SESSION["client_to_server"], start=1))
ANSWERED = list(enumerate(SESSION["server_to_client"], start=1))
BOTH = HandshakeResponse(Match.BOTH)


def frames(data: bytes) -> list[Frame]:
    reader = FrameReader()
    found = []
    while data:
        space = reader.space()
        count = min(len(space), len(data))
        space[:count] = data[:count]
        reader.filled(count)
        data = data[count:]
        while frame := reader.next():
            found.append(frame)
    assert not reader.begun
    return found


def batch_of(vector: dict[str, Any]) -> EventBatch:
    return EventBatch.from_events(
        Event(bytes.fromhex(each["body_hex"]), each["headers"]) for each in vector["events"]
    )


def test_the_protocol_is_the_text_that_java_hashes() -> None:
    assert RPC["protocol_json"] == PROTOCOL
    assert RPC["protocol_md5"] == PROTOCOL_HASH.hex()
    assert len(PROTOCOL.encode()) == RPC["protocol_json_bytes"]


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("handshake_request_first", HandshakeRequest()),
        ("handshake_request_with_protocol_text", HandshakeRequest(protocol=PROTOCOL)),
    ],
)
def test_handshake_requests_are_those_of_the_java_client(
    name: str, request_: HandshakeRequest
) -> None:
    data = bytes.fromhex(RPC[name]["hex"])

    assert request_.encode() == data
    assert HandshakeRequest.read(Reader(data)) == request_


@pytest.mark.parametrize(
    ("name", "response"),
    [
        ("both", BOTH),
        ("client", HandshakeResponse(Match.CLIENT, PROTOCOL, PROTOCOL_HASH)),
        ("none", HandshakeResponse(Match.NONE, PROTOCOL, PROTOCOL_HASH)),
    ],
)
def test_handshake_responses_are_those_of_the_java_server(
    name: str, response: HandshakeResponse
) -> None:
    data = bytes.fromhex(RPC[f"handshake_response_{name}"]["hex"])

    assert response.encode() == data
    assert HandshakeResponse.read(Reader(data)) == response


@pytest.mark.parametrize(("serial", "vector"), SENT)
def test_calls_are_written_as_the_java_client_writes_them(
    serial: int, vector: dict[str, Any]
) -> None:
    handshake = HandshakeRequest() if serial == 1 else None
    batch = batch_of(vector)
    if vector["call"] == "append":
        buffers = calls.encode_append(batch[0], handshake)
    else:
        buffers = calls.encode_append_batch(batch, handshake)

    assert encode_frame(serial, buffers).hex() == vector["hex"]


@pytest.mark.parametrize(("serial", "vector"), SENT)
def test_calls_of_the_java_client_are_read(serial: int, vector: dict[str, Any]) -> None:
    (frame,) = frames(bytes.fromhex(vector["hex"]))
    reader = Reader(frame.payload)
    if serial == 1:
        assert HandshakeRequest.read(reader) == HandshakeRequest()
    name = calls.read_message(reader)
    read = calls.read_event if name == "append" else calls.read_events

    assert frame.serial == serial
    assert name == vector["call"]
    assert read(reader) == batch_of(vector)
    assert reader.at_end


@pytest.mark.parametrize(("serial", "vector"), ANSWERED)
def test_answers_are_those_of_the_java_server(serial: int, vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    handshake = BOTH if serial == 1 else None

    assert encode_frame(serial, calls.encode_status(Status.OK, handshake)) == data
    (frame,) = frames(data)
    answer = calls.read_answer(frame.payload, with_handshake=serial == 1)
    assert answer == calls.Answer(handshake, Status.OK)


@pytest.mark.parametrize("status", list(Status))
def test_each_status_has_its_bytes(status: Status) -> None:
    data = bytes.fromhex(RPC["status_bodies"][status.name])

    assert calls.encode_status(status)[2] == data
    assert calls.read_answer(b"\0" + data, with_handshake=False).status is status


@pytest.mark.parametrize("buffers", ["one_buffer", "two_buffers"])
def test_where_a_buffer_ends_means_nothing(buffers: str) -> None:
    (frame,) = frames(bytes.fromhex(RPC[f"first_call_appendBatch_{buffers}"]["hex"]))
    reader = Reader(frame.payload)
    HandshakeRequest.read(reader)

    assert calls.read_message(reader) == "appendBatch"
    assert calls.read_events(reader) == batch_of(SESSION["client_to_server"][1])


def test_an_empty_batch_is_read_and_written() -> None:
    data = bytes.fromhex(RPC["appendBatch_empty"]["hex"])
    (frame,) = frames(data)
    reader = Reader(frame.payload)

    assert calls.read_message(reader) == "appendBatch"
    assert not calls.read_events(reader)
    assert encode_frame(4, calls.encode_append_batch(EventBatch.from_events([]))) == data


@pytest.mark.parametrize("name", ["unknown_message", "truncated_payload"])
def test_errors_of_the_java_server_are_read(name: str) -> None:
    data = bytes.fromhex(RPC["server_behaviour_observed"][name]["response"])
    (frame,) = frames(data)

    answer = calls.read_answer(frame.payload, with_handshake=False)

    assert answer.status is None
    assert answer.error is not None
    assert encode_frame(frame.serial, calls.encode_error(answer.error)) == data


@pytest.mark.parametrize("side", ["client_to_server", "server_to_client"])
def test_a_deflated_conversation_is_the_plain_one_in_one_stream(side: str) -> None:
    stream = zlib.decompressobj()
    packed = DEFLATE["captured_from_flume_1_11"][side]
    plain = [stream.decompress(bytes.fromhex(chunk)).hex() for chunk in packed]

    assert plain == DEFLATE["captured_from_flume_1_11"][f"inflated_{side}"]
    assert [chunk for chunk in plain if chunk] == [each["hex"] for each in SESSION[side]]
