"""The handshake that precedes the first call of a connection, as bytes and as the server's answer.

Client and server compare hashes of the protocol text; who does not know the other's hash is told the
text. A request that carries a handshake has it in front of the call.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum
from threading import Lock
from typing import NamedTuple

from flume_avro.protocol.definition import PROTOCOL, PROTOCOL_HASH, has_our_layout
from flume_avro.protocol.errors import PeerError
from flume_avro.protocol.values import Reader, read_failure, text_bytes
from flume_core import MalformedEvent

__all__ = ["HandshakeRequest", "HandshakeResponse", "KnownProtocols", "Match"]

_HASH_SIZE = 16
_EMPTY_MAP = (
    b"\x02\x00"  # the second branch of the union, without entries: what Java's client sends
)


class Match(IntEnum):
    """What came of a handshake."""

    BOTH = 0
    """Both sides know the other's protocol."""
    CLIENT = 1
    """The server knows the client's, the client is told the server's. The call is carried out."""
    NONE = 2
    """The server must be told the client's protocol first; the call is not carried out."""


class HandshakeRequest(NamedTuple):
    """What a client sends. ``protocol`` is its own text, given after the answer NONE."""

    client_hash: bytes = PROTOCOL_HASH
    protocol: str | None = None
    server_hash: bytes = PROTOCOL_HASH

    def encode(self) -> bytes:
        """Return it as Java's client writes it."""
        text = b"\0" if self.protocol is None else b"\x02" + text_bytes(self.protocol)
        return b"".join((self.client_hash, text, self.server_hash, _EMPTY_MAP))

    @classmethod
    def read(cls, reader: Reader) -> HandshakeRequest:
        """Read one; raises `MalformedEvent`."""
        client_hash = reader.fixed(_HASH_SIZE)
        protocol = reader.text() if reader.branch() else None
        server_hash = reader.fixed(_HASH_SIZE)
        if reader.branch():
            reader.skip_map()
        return cls(client_hash, protocol, server_hash)


class HandshakeResponse(NamedTuple):
    """What a server answers; text and hash are its own, given unless both sides match."""

    match: Match
    protocol: str | None = None
    server_hash: bytes | None = None

    def encode(self) -> bytes:
        """Return it as Java's server writes it."""
        text = b"\0" if self.protocol is None else b"\x02" + text_bytes(self.protocol)
        server_hash = b"\0" if self.server_hash is None else b"\x02" + self.server_hash
        return b"".join((bytes([2 * self.match]), text, server_hash, b"\0"))

    @classmethod
    def read(cls, reader: Reader) -> HandshakeResponse:
        """Read one; raises `PeerError`."""
        try:
            match = Match(reader.long())
            protocol = reader.text() if reader.branch() else None
            server_hash = reader.fixed(_HASH_SIZE) if reader.branch() else None
            if reader.branch():
                reader.skip_map()
        except (MalformedEvent, ValueError) as error:
            raise read_failure("the answer to a handshake", error) from error
        return cls(match, protocol, server_hash)


_BOTH = HandshakeResponse(Match.BOTH)
_CLIENT = HandshakeResponse(Match.CLIENT, PROTOCOL, PROTOCOL_HASH)
_NONE = HandshakeResponse(Match.NONE, PROTOCOL, PROTOCOL_HASH)


class KnownProtocols:
    """The protocols whose clients a server understands, by hash. All threads share one.

    The last thousand foreign ones are remembered; the client of a forgotten one is asked again.
    """

    _MOST = 1000

    def __init__(self) -> None:
        self._lock = Lock()
        self._foreign: OrderedDict[bytes, None] = OrderedDict()

    def answer(self, request: HandshakeRequest) -> HandshakeResponse:
        """Return the answer to a handshake; what a client says of its protocol is remembered.

        Raises `PeerError` if that protocol has other events than ours.
        """
        if not self._knows(request):
            return _NONE
        return _BOTH if request.server_hash == PROTOCOL_HASH else _CLIENT

    def _knows(self, request: HandshakeRequest) -> bool:
        if request.client_hash == PROTOCOL_HASH:
            return True
        with self._lock:
            if request.client_hash in self._foreign:
                self._foreign.move_to_end(request.client_hash)
                return True
        if request.protocol is None:
            return False
        if not has_our_layout(request.protocol):
            raise PeerError("its protocol is not the one of Flume's Avro source")
        with self._lock:
            self._foreign[request.client_hash] = None
            if len(self._foreign) > self._MOST:
                self._foreign.popitem(last=False)
        return True
