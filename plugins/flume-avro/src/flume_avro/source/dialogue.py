"""The conversation with one client: a frame in, a frame out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from flume_avro.protocol import calls
from flume_avro.protocol.definition import APPEND, APPEND_BATCH, Status
from flume_avro.protocol.errors import PeerError
from flume_avro.protocol.framing import Frame, encode_frame
from flume_avro.protocol.handshake import (
    HandshakeRequest,
    HandshakeResponse,
    KnownProtocols,
    Match,
)
from flume_avro.protocol.values import Reader
from flume_core import (
    ChannelError,
    ComponentMetrics,
    EventBatch,
    MalformedEvent,
)
from flume_core.avro_event import EventReader

__all__ = ["Dialogue"]

# What most answers are: the same but for the serial in front.
_ANSWERS = {status: encode_frame(0, calls.encode_status(status))[4:] for status in Status}


class Dialogue:
    """Answers one client's frames in order, as Java Flume's server does. For use by one thread.

    ``emit`` returns when a batch is committed; ``turn`` is held while a call is carried out.
    """

    def __init__(
        self,
        emit: Callable[[EventBatch], None],
        known: KnownProtocols,
        metrics: ComponentMetrics,
        turn: AbstractContextManager[object],
    ) -> None:
        self._emit = emit
        self._known = known
        self._metrics = metrics
        self._turn = turn
        self._established = False
        self._events = EventReader()

    def answer(self, frame: Frame) -> bytes:
        """Return the frame that answers ``frame``; events in it are committed, or refused, by then.

        Raises `PeerError` if the client cannot be understood at all.
        """
        reader = Reader(frame.payload)
        handshake = None
        if not self._established:
            handshake = self._shake_hands(reader)
            if handshake.match is Match.NONE:
                return encode_frame(frame.serial, calls.encode_handshake_only(handshake))
        with self._turn:
            done = self._carry_out(reader)
        if isinstance(done, Status):
            if handshake is None:
                return frame.serial.to_bytes(4, "big", signed=True) + _ANSWERS[done]
            return encode_frame(frame.serial, calls.encode_status(done, handshake))
        if done is None:
            return encode_frame(frame.serial, calls.encode_handshake_only(handshake))
        return encode_frame(frame.serial, calls.encode_error(done, handshake))

    def _shake_hands(self, reader: Reader) -> HandshakeResponse:
        try:
            request = HandshakeRequest.read(reader)
        except MalformedEvent as error:
            raise PeerError(f"its handshake is malformed: {error}") from error
        answer = self._known.answer(request)
        self._established = answer.match is not Match.NONE
        return answer

    def _carry_out(self, reader: Reader) -> Status | str | None:
        """Return how the call went, or the text of an error; None if nothing was called."""
        try:
            message = calls.read_message(reader)
            if message == APPEND_BATCH:
                return self._append_batch(calls.read_events(reader))
            if message == APPEND:
                return self._append(calls.read_event(reader, self._events))
        except Exception as error:  # noqa: BLE001 - the client is told
            return calls.failure_text(error)
        return calls.unknown_message_text(message) if message else None

    def _append(self, batch: EventBatch) -> Status:
        self._metrics.add(AppendReceivedCount=1)
        try:
            self._emit(batch)
        except ChannelError:  # logged by the source
            return Status.FAILED
        self._metrics.add(AppendAcceptedCount=1)
        return Status.OK

    def _append_batch(self, batch: EventBatch) -> Status:
        self._metrics.add(AppendBatchReceivedCount=1)
        try:
            if batch:
                self._emit(batch)
        except Exception:  # noqa: BLE001 - logged by the source
            return Status.FAILED
        self._metrics.add(AppendBatchAcceptedCount=1)
        return Status.OK
