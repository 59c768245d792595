"""The layers below the frames: the socket, and zlib and TLS in either order."""

from __future__ import annotations

import socket
import ssl
import struct
import zlib
from typing import Protocol, cast

from flume_avro.protocol.errors import PeerError
from flume_core import Buffer, Clock

__all__ = ["DeflateStream", "SocketStream", "Stream", "TlsStream"]

_LEVEL = 6  # what Java's server uses, whatever its clients do
_BLOCK = 64 * 1024


class Stream(Protocol):
    """Bytes in both directions. Raises TimeoutError, another OSError, or `PeerError`."""

    def receive_into(self, view: memoryview) -> int:
        """Wait for bytes and write them into ``view``; return how many, 0 at the end of the stream."""

    def send(self, data: Buffer) -> None:
        """Send all of it."""


class SocketStream:
    """The socket itself, with one moment by which all that is under way must be done.

    The socket blocks, and the kernel wakes it every ``tick`` seconds to look at the clock: setting a
    timeout of Python's would cost two system calls more for each one that moves bytes.
    """

    def __init__(self, sock: socket.socket, clock: Clock, tick: float) -> None:
        self._socket = sock
        self._clock = clock
        self.deadline: float | None = None
        """On the monotonic clock; None: wait as long as it takes."""
        sock.setblocking(True)
        interval = struct.pack("@ll", int(tick), int(tick % 1 * 1_000_000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)

    def receive_into(self, view: memoryview) -> int:
        """Receive what is there."""
        while True:
            self._hurry()
            try:
                return self._socket.recv_into(view)
            except BlockingIOError:
                continue  # a tick has passed

    def send(self, data: Buffer) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            self._hurry()
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                continue  # a tick has passed

    def first_byte(self) -> int | None:
        """Return the first byte without taking it away; None at the end of the stream."""
        while True:
            self._hurry()
            try:
                first = self._socket.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                continue  # a tick has passed
            return first[0] if first else None

    def _hurry(self) -> None:
        if self.deadline is not None and self._clock.monotonic() >= self.deadline:
            raise TimeoutError


class DeflateStream:
    """One zlib stream each way for the life of the connection, flushed behind each `send`.

    Never more is inflated than there is room for. The far end may leave out the end of its stream.
    """

    def __init__(self, inner: Stream) -> None:
        self._inner = inner
        self._inflate = zlib.decompressobj()
        self._deflate = zlib.compressobj(_LEVEL)
        self._packed = memoryview(bytearray(_BLOCK))
        self._waiting: Buffer = b""
        self._more = False

    def receive_into(self, view: memoryview) -> int:
        """Receive and inflate."""
        while True:
            if not self._more:
                count = self._inner.receive_into(self._packed)
                if not count:
                    return 0
                self._waiting = self._packed[:count]
            data = self._unpack(len(view))
            if data:
                view[: len(data)] = data
                return len(data)
            if self._inflate.eof:
                return 0

    def _unpack(self, most: int) -> bytes:
        try:
            data = self._inflate.decompress(self._waiting, most)
        except zlib.error as error:
            raise PeerError(f"what it sends is not deflated ({error})") from error
        self._waiting = self._inflate.unconsumed_tail
        # The inflater may hold back output even where it has taken all input.
        self._more = len(data) == most or bool(self._waiting)
        return data

    def send(self, data: Buffer) -> None:
        """Deflate and send."""
        packed = self._deflate.compress(data)
        self._inner.send(packed + self._deflate.flush(zlib.Z_SYNC_FLUSH))


class TlsStream:
    """The server's side of TLS over another stream."""

    def __init__(self, inner: Stream, context: ssl.SSLContext) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._block = memoryview(bytearray(_BLOCK))

    def shake_hands(self) -> None:
        """Agree on keys with the client; to be called once, before all else."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    raise PeerError("it left in the middle of the TLS handshake") from None
            except ssl.SSLError as error:
                self._flush()  # it tells the client why
                raise PeerError(f"the TLS handshake failed: {_reason(error)}") from error
            else:
                self._flush()
                return

    def receive_into(self, view: memoryview) -> int:
        """Receive and decipher."""
        while True:
            try:
                # With a buffer it returns a count; typeshed knows the other form only.
                return cast(int, self._tls.read(len(view), view))
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    return 0
            except ssl.SSLZeroReturnError:
                return 0
            except ssl.SSLError as error:
                raise PeerError(f"TLS failed: {_reason(error)}") from error

    def send(self, data: Buffer) -> None:
        """Encipher and send."""
        self._tls.write(data)
        self._flush()

    def _fill(self) -> bool:
        count = self._inner.receive_into(self._block)
        self._incoming.write(self._block[:count])
        return bool(count)

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._inner.send(data)


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
