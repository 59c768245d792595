"""Calls and their answers, behind the handshake: what a client sends, and what a server makes of it.

A request is a map of call metadata (Flume's is empty), the name of a message, and its parameter. An
answer is metadata, an error flag, and a `Status` or the text of the error.
"""

from __future__ import annotations

from typing import NamedTuple

from flume_avro.protocol.definition import APPEND, APPEND_BATCH, Status
from flume_avro.protocol.handshake import HandshakeRequest, HandshakeResponse, Match
from flume_avro.protocol.values import Reader, read_failure, text_bytes
from flume_core import Buffer, Event, EventBatch, MalformedEvent, avro_event

__all__ = [
    "Answer",
    "encode_append",
    "encode_append_batch",
    "encode_error",
    "encode_handshake_only",
    "encode_status",
    "failure_text",
    "read_answer",
    "read_event",
    "read_events",
    "read_message",
    "unknown_message_text",
]

_NO_METADATA = b"\0"
_APPEND = _NO_METADATA + text_bytes(APPEND)
_APPEND_BATCH = _NO_METADATA + text_bytes(APPEND_BATCH)
_STARTS = ((APPEND_BATCH, _APPEND_BATCH), (APPEND, _APPEND))
_STATUS = {status: b"\0" + bytes([2 * status]) for status in Status}


# --- the client's side


def encode_append(event: Event, handshake: HandshakeRequest | None = None) -> list[Buffer]:
    """Return the buffers of a call that appends one event."""
    return [_handshake(handshake) + _APPEND, avro_event.encode_event(event)]


def encode_append_batch(
    batch: EventBatch, handshake: HandshakeRequest | None = None
) -> list[Buffer]:
    """Return the buffers of a call that appends a batch."""
    return [_handshake(handshake) + _APPEND_BATCH, avro_event.encode_batch(batch)]


def _handshake(request: HandshakeRequest | None) -> bytes:
    return b"" if request is None else request.encode()


class Answer(NamedTuple):
    """A server's answer. Without status and error it was a handshake alone, and nothing was done."""

    handshake: HandshakeResponse | None = None
    status: Status | None = None
    error: str | None = None


def read_answer(payload: bytes, *, with_handshake: bool) -> Answer:
    """Return what a server answered to a call that did, or did not, carry a handshake.

    Raises `PeerError` for bytes that are no answer.
    """
    reader = Reader(payload)
    handshake = HandshakeResponse.read(reader) if with_handshake else None
    if reader.at_end and (handshake is None or handshake.match is not Match.CLIENT):
        return Answer(handshake)
    try:
        reader.skip_map()
        if reader.fixed(1) == b"\0":
            return Answer(handshake, status=Status(reader.long()))
        reader.long()  # the branch of a union that has only one
        return Answer(handshake, error=reader.text())
    except (MalformedEvent, ValueError) as error:
        raise read_failure("an answer", error) from error


# --- the server's side


def read_message(reader: Reader) -> str:
    """Return the name of the message that is called; raises `MalformedEvent`."""
    data, position = reader.data, reader.position
    for name, start in _STARTS:  # what Flume's own clients send
        if data.startswith(start, position):
            reader.position += len(start)
            return name
    reader.skip_map()
    return reader.text()


def read_event(reader: Reader, events: avro_event.EventReader | None = None) -> EventBatch:
    """Return the parameter of ``append``, as a batch of one; raises `MalformedEvent`.

    ``events`` saves work where a connection sends the same headers again and again.
    """
    events = events or avro_event.EventReader()
    event, reader.position = events.read(reader.data, reader.position)
    return EventBatch.from_bodies([event.body], event.headers)


def read_events(reader: Reader) -> EventBatch:
    """Return the parameter of ``appendBatch``; raises `MalformedEvent`."""
    batch, reader.position = avro_event.decode_batch(reader.data, reader.position)
    return batch


def encode_status(status: Status, handshake: HandshakeResponse | None = None) -> list[Buffer]:
    """Return the buffers of an answer, three as Java's server sends them."""
    return [_answered(handshake), _NO_METADATA, _STATUS[status]]


def encode_error(text: str, handshake: HandshakeResponse | None = None) -> list[Buffer]:
    """Return the buffers of an answer that the call ended in an error."""
    return [_answered(handshake), _NO_METADATA, b"\x01\x00" + text_bytes(text)]


def encode_handshake_only(handshake: HandshakeResponse | None) -> list[Buffer]:
    """Return the buffer that answers a handshake without a call; it is empty after the first."""
    return [_answered(handshake)]


def _answered(handshake: HandshakeResponse | None) -> bytes:
    return b"" if handshake is None else handshake.encode()


def failure_text(error: Exception) -> str:
    """Return the text by which a server tells a client of ``error``; Java's, where it has one."""
    if isinstance(error, MalformedEvent) and error.truncated:
        return "java.io.EOFException"
    return f"{type(error).__name__}: {error}"


def unknown_message_text(name: str) -> str:
    """Return the text by which a server tells a client that there is no such message; Java's."""
    return f"org.apache.avro.AvroRuntimeException: No such remote message: {name}"
