"""One client of the netcat source: lines in, answers out, in a thread of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from logging import Logger
from threading import Event as Flag
from threading import Thread

from flume_core._builtin.netcat.config import NetcatSourceConfig
from flume_core._builtin.netcat.lines import LineSplitter
from flume_core.batch import EventBatch
from flume_core.component import Clock

__all__ = ["Connection", "Service"]

_BLOCK = 128 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_FAREWELL = 1.0  # seconds in which a client that is cut off may still read why
_FAREWELL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Service:
    """What all connections of a source share."""

    config: NetcatSourceConfig
    batch_size: int
    emit: Callable[[EventBatch], None]
    done: Callable[[Connection], None]
    """Called by each connection as its last act."""
    closing: Flag
    clock: Clock
    log: Logger


class Connection(Thread):
    """Serves a client until it hangs up, breaks a rule, or ``closing`` is set."""

    def __init__(self, sock: socket.socket, peer: str, service: Service) -> None:
        super().__init__(name=f"netcat-{peer}", daemon=True)
        self.peer = peer
        self._socket = sock
        self._service = service
        self._config = service.config
        self._closing = service.closing
        self._clock = service.clock
        self._log = service.log
        self._patience = float(service.config.idle_timeout) or None

    def run(self) -> None:
        splitter = LineSplitter(self._config.encoding, self._config.max_line_length)
        try:
            self._serve(splitter)
        except TimeoutError:
            self._log.warning(
                "%s is cut off: no complete line, or no answer taken, for %d s",
                self.peer,
                self._config.idle_timeout,
            )
        except OSError as error:
            self._log.info("connection from %s broke: %s", self.peer, error)
        finally:
            self._socket.close()
            if splitter.unfinished:
                self._log.warning(
                    "an unfinished line of %d bytes from %s is dropped",
                    splitter.unfinished,
                    self.peer,
                )
            self._service.done(self)

    def hurry(self) -> None:
        """Receive nothing more. Call it after ``closing`` was set; what was received is finished."""
        self._shut(socket.SHUT_RD)

    def abort(self) -> None:
        """Send nothing more either."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError as error:  # gone already, which is as well
            self._log.debug("%s: %s", self.peer, error)

    def _serve(self, splitter: LineSplitter) -> None:
        last_line = self._clock.monotonic()
        while not self._closing.is_set():
            block = self._receive(last_line)
            if not block and self._closing.is_set():
                break  # the end of the stream is our own doing, and no line ends here
            lines, too_long = splitter.feed(block) if block else splitter.finish()
            if lines:
                self._hand_over(lines)
                last_line = self._clock.monotonic()
            if too_long:
                self._refuse_line()
            if too_long or not block:
                break
        self._part()

    def _receive(self, last_line: float) -> bytes:
        left = self._patience
        if left is not None:
            left -= self._clock.monotonic() - last_line
            if left <= 0:
                raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv(_BLOCK)

    def _hand_over(self, lines: list[bytes]) -> None:
        size, acknowledge = self._service.batch_size, self._config.ack_every_event
        deaf: OSError | None = None
        for start in range(0, len(lines), size):
            part = lines[start : start + size]
            error = self._commit(EventBatch.from_block(b"".join(part), len(part)))
            if acknowledge and deaf is None:
                try:
                    self._reply(_failure(error) if error else "OK\n", len(part))
                except OSError as broken:  # what was received is committed all the same
                    deaf = broken
            elif error and not acknowledge:
                self._log.warning(
                    "%d lines from %s were received and could not be committed before the stop: %s",
                    len(lines) - start,
                    self.peer,
                    error,
                )
                break
            if acknowledge and self._closing.is_set():
                break  # what was not acknowledged is the client's to send again
        if deaf is not None:
            raise deaf

    def _commit(self, batch: EventBatch) -> Exception | None:
        """Emit a batch; return why it was refused. Without acknowledgements, wait until it is not."""
        pause = _FIRST_PAUSE
        while True:
            try:
                self._service.emit(batch)
            except Exception as error:  # noqa: BLE001  the client hears of it, or it is tried again
                if self._config.ack_every_event or self._closing.is_set():
                    return error
            else:
                return None
            self._clock.wait(self._closing, pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _reply(self, answer: str, times: int = 1) -> None:
        self._socket.settimeout(self._patience)
        self._socket.sendall(answer.encode(self._config.encoding, "replace") * times)

    def _refuse_line(self) -> None:
        longest = self._config.max_line_length
        self._log.warning(
            "%s is cut off: it sent a line of more than %d characters; raise max-line-length if such"
            " lines are meant",
            self.peer,
            longest,
        )
        self._reply(
            f"FAILED: Event exceeds the maximum length ({longest} chars, including newline)\n"
        )

    def _part(self) -> None:
        """End the connection so that the last answers arrive.

        Closing it while there are unread bytes would reset it, and the client might lose them.
        """
        self._socket.shutdown(socket.SHUT_WR)
        until, left = self._clock.monotonic() + _FAREWELL, _FAREWELL_BYTES
        while left > 0 and (wait := until - self._clock.monotonic()) > 0:
            self._socket.settimeout(wait)
            try:
                block = self._socket.recv(_BLOCK)
            except TimeoutError:
                return
            if not block:
                return
            left -= len(block)


def _failure(error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"FAILED: {reason}\n"
