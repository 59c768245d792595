"""The ``logger`` sink: shows events on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from threading import Lock
from typing import Annotated

from pydantic import Field

from flume_core.batch import EventBatch
from flume_core.config.fields import JavaRepairs, Unit
from flume_core.config.model import SinkConfig
from flume_core.errors import RetryableError
from flume_core.sink import BatchSink, SinkContext

__all__ = ["LoggerSink", "LoggerSinkConfig"]

_BATCH_SIZE = 100
_WIDTH = 16
_SHOWN = bytes(byte if 32 <= byte < 127 else ord(".") for byte in range(256))
_ONE_WRITER = Lock()  # sinks run in threads of their own, and their lines must not mix


class LoggerSinkConfig(SinkConfig):
    """Settings of the logger sink."""

    # Java takes one event at a time, whatever the channel's transactions hold: so the default must fit.
    batch_size: Annotated[int | None, Unit("events")] = Field(  # type: ignore[assignment]
        None,
        gt=0,
        description="most events printed at once; default: 100, or what one transaction of the channel"
        " holds",
    )
    max_bytes_to_log: Annotated[int, Unit("bytes"), JavaRepairs()] = Field(
        16, ge=0, description="how much of each body is shown"
    )


class LoggerSink(BatchSink[LoggerSinkConfig]):
    """Prints each event as ``Event: { headers:{k=v} body: 68 65 6C 6C 6F    hello }``.

    The form is Flume's: the headers as Java prints a map, the first ``maxBytesToLog`` bytes of the body
    in hexadecimal, filled up to 16 columns, and as text with dots for what is not printable ASCII. Longer
    dumps go on in lines that begin with their offset. An empty body shows nothing.

    Unlike Flume, the lines go to standard output whatever the log level, ``maxBytesToLog`` counts,
    events are taken ``batchSize`` at a time and written at once, and control characters in headers are
    shown as dots, so that no event can pretend to be two. Raises `RetryableError` while standard output
    cannot be written to.
    """

    def __init__(self, config: LoggerSinkConfig, context: SinkContext) -> None:
        super().__init__(config, context)
        fits = self.channel.transaction_capacity or _BATCH_SIZE
        self.batch_size = config.batch_size or min(_BATCH_SIZE, fits)

    def write(self, batch: EventBatch) -> None:
        """Print the batch and flush."""
        text = "".join([_line(e.headers, e.body, self.config.max_bytes_to_log) for e in batch])
        try:
            with _ONE_WRITER:
                _print(text)
        except (OSError, ValueError) as error:  # ValueError: it was closed
            raise RetryableError(
                f"sink {self.name} cannot write to standard output: {error}; keep it open, or use"
                " another sink"
            ) from error


def _print(text: str) -> None:
    stream = sys.stdout
    if stream is None:  # as in a process started without one
        raise OSError("there is none")
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _line(headers: Mapping[str, str], body: bytes, most: int) -> str:
    shown = ", ".join([f"{key}={value}" for key, value in headers.items()])
    if not shown.isprintable():
        shown = "".join([c if c.isprintable() else "." for c in shown])
    return f"Event: {{ headers:{{{shown}}} body:{_dump(body[:most])} }}\n"


def _dump(data: bytes) -> str:
    lines = []
    for start in range(0, len(data), _WIDTH):
        part = data[start : start + _WIDTH]
        offset = f"{start:08X}" if start else ""
        text = part.translate(_SHOWN).decode("ascii")
        lines.append(f"{offset} {part.hex(' ').upper():<{3 * _WIDTH - 1}} {text}")
    return "\n".join(lines)
