"""A file_roll sink on its own: context, clock, channel, serializers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from flume_core._builtin.file_roll.disk import Disk
from flume_core._builtin.file_roll.sink import FileRollSink
from flume_core._builtin.memory_channel import MemoryChannel
from flume_core._builtin.serializers import HeaderAndTextSerializer, TextSerializer
from flume_core.batch import Buffer, EventBatch
from flume_core.channel import Channel
from flume_core.component import Component, ComponentContext
from flume_core.config.model import ComponentConfig
from flume_core.metrics import ComponentMetrics
from flume_core.serializer import EventSerializer
from flume_core.sink import SinkContext, Status

LOG = logging.getLogger("flume.test.k1")


class ManualClock:
    """Stands still until it is turned."""

    def __init__(self, now: float = 1_700_000_000.123) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def wait(self, flag: threading.Event, seconds: float) -> bool:
        self.now += seconds
        return flag.is_set()


class Framed(EventSerializer[ComponentConfig]):
    """A format with a beginning and an end, which cannot be continued."""

    def begin(self, *, append: bool = False) -> Sequence[Buffer]:
        return (b"<\n",)

    def serialize(self, batch: EventBatch) -> Sequence[Buffer]:
        return [body + b"\n" for body in batch.bodies()]

    def end(self) -> Sequence[Buffer]:
        return (b">\n",)


SERIALIZERS: dict[str, type[EventSerializer]] = {
    "text": TextSerializer,
    "header_and_text": HeaderAndTextSerializer,
    "framed": Framed,
}


def create(kind: str, type_: str, settings: Mapping[str, str]) -> Component[ComponentConfig]:
    assert kind == "event_serializer"
    cls = SERIALIZERS[type_.lower()]
    return cls(cls.config_model.model_validate(dict(settings)), context())


def context() -> ComponentContext:
    return ComponentContext(
        agent="a1",
        name="c1",
        log=LOG,
        clock=ManualClock(),
        metrics=ComponentMetrics("CHANNEL.c1"),
        create=create,
        stopping=threading.Event(),
    )


def memory_channel(*bodies: bytes, capacity: int = 10_000) -> MemoryChannel:
    settings = {"capacity": str(capacity), "transactionCapacity": str(capacity)}
    channel = MemoryChannel(MemoryChannel.config_model.model_validate(settings), context())
    channel.start()
    fill(channel, *bodies)
    return channel


def fill(channel: Channel[ComponentConfig], *bodies: bytes) -> None:
    with channel.transaction() as tx:
        tx.put(EventBatch.from_bodies(list(bodies)))


def file_roll(
    directory: Path | str,
    channel: Channel[ComponentConfig],
    settings: Mapping[str, str] | None = None,
    *,
    clock: ManualClock | None = None,
    disk: Disk | None = None,
) -> FileRollSink:
    """Return a sink, not started, with ``sink.`` put before the settings."""

    class OnThisDisk(FileRollSink):
        pass

    if disk is not None:
        OnThisDisk.disk = disk
    given = {f"sink.{key}": value for key, value in (settings or {}).items()}
    return OnThisDisk(
        FileRollSink.config_model.model_validate({"sink.directory": str(directory), **given}),
        SinkContext(
            agent="a1",
            name="k1",
            log=LOG,
            clock=clock or ManualClock(),
            metrics=ComponentMetrics("SINK.k1"),
            create=create,
            stopping=threading.Event(),
            channel=channel,
        ),
    )


def drain(sink: FileRollSink) -> None:
    while sink.process() is Status.READY:
        pass


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}
