"""Components of all kinds, as small as can be, and a catalog of them for configuration tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.load import CheckReport, Mode, check
from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.config.fields import (
    Events,
    JavaRepairs,
    Nested,
    NestedComponent,
    Seconds,
    SubProperties,
    Words,
)
from flume_core.config.findings import Tolerable
from flume_core.config.model import (
    ChannelConfig,
    ComponentConfig,
    PollableSourceConfig,
    SinkConfig,
)
from flume_core.config.properties import Property, merge, parse_properties
from flume_core.config_filter import ConfigFilter
from flume_core.errors import Problem, Severity
from flume_core.event import Event
from flume_core.interceptor import EventInterceptor
from flume_core.selector import ChannelSelector, Selection
from flume_core.serializer import EventSerializer
from flume_core.sink import BatchSink
from flume_core.sink_processor import SinkProcessor
from flume_core.source import PollableSource, Status
from flume_core.transaction import Transaction


class TickConfig(PollableSourceConfig):
    batch_size: Events = Field(1, gt=0)
    port: int | None = Field(None, ge=1, le=65535)
    headers: Annotated[dict[str, str], SubProperties("headers.")] = Field({})


class Tick(PollableSource[TickConfig]):
    @classmethod
    def claims(cls, config: TickConfig) -> Iterable[str]:
        return () if config.port is None else (f"TCP port {config.port}",)

    def poll(self) -> Status:
        return Status.BACKOFF


class RamConfig(ChannelConfig):
    capacity: Events = Field(100, gt=0)
    transaction_capacity: Events = Field(100, gt=0)
    keep_alive: Annotated[Seconds, JavaRepairs()] = Field(3, alias="keep-alive", ge=0)

    @model_validator(mode="after")
    def _fits(self) -> RamConfig:
        if self.transaction_capacity > self.capacity:
            raise ValueError("transactionCapacity is more than capacity")
        return self


class Ram(Channel[RamConfig]):
    def transaction(self) -> Transaction:
        raise NotImplementedError

    def wait(self, timeout: float) -> bool:
        return False

    def wake(self) -> None:
        pass

    def size(self) -> int:
        return 0

    @property
    def capacity(self) -> int:
        return self.config.capacity


class StoreConfig(SinkConfig):
    directory: str = Field(alias="sink.directory", description="folder that gets the files")
    order: Literal["oldest", "youngest"] = "oldest"
    sync: bool = False
    password: str = Field("", min_length=8)
    serializer: Annotated[NestedComponent, Nested("event_serializer", "sink.serializer")] = (
        NestedComponent("plain")
    )


class Store(BatchSink[StoreConfig]):
    @classmethod
    def claims(cls, config: StoreConfig) -> Iterable[str]:
        return (f"directory {config.directory}",)

    def write(self, batch: EventBatch) -> None:
        pass


class Drop(BatchSink[SinkConfig]):
    def write(self, batch: EventBatch) -> None:
        pass


class PlainConfig(ComponentConfig):
    append_newline: bool = True
    width: int = Field(80, gt=0)


class Plain(EventSerializer[PlainConfig]):
    def serialize(self, batch: EventBatch) -> Sequence[bytes]:
        return [batch.joined(b"\n")]


class StampConfig(ComponentConfig):
    header: str = "stamp"
    preserve_existing: bool = False


class Stamp(EventInterceptor[StampConfig]):
    def intercept(self, event: Event) -> Event | None:
        return event


class ReplicatingConfig(ComponentConfig):
    optional: Words = ()


class Replicating(ChannelSelector[ReplicatingConfig]):
    def check(self) -> Sequence[str]:
        unknown = [name for name in self.config.optional if name not in self.channels]
        return [f"selector.optional names {name}; name a channel of the source" for name in unknown]

    def select(self, batch: EventBatch) -> Selection:
        return Selection(dict.fromkeys(self.channels, batch))


class MultiplexingConfig(ComponentConfig):
    header: str = "flume.selector.header"
    default: Words = ()
    mapping: Annotated[dict[str, Words], SubProperties("mapping.")] = Field({})


class Multiplexing(ChannelSelector[MultiplexingConfig]):
    def check(self) -> Sequence[str]:
        return [
            f"selector.mapping.{value} names {name}, which is no channel of the source"
            for value, names in self.config.mapping.items()
            for name in names
            if name not in self.channels
        ]

    def select(self, batch: EventBatch) -> Selection:
        return Selection({})


class DefaultProcessor(SinkProcessor[ComponentConfig]):
    @classmethod
    def check(cls, config: ComponentConfig, sinks: Sequence[str]) -> Sequence[str]:
        return () if len(sinks) == 1 else [f"runs one sink, not {len(sinks)}; use failover"]

    def process(self) -> Status:
        return self.sinks[0].process()


class FailoverConfig(ComponentConfig):
    priority: Annotated[dict[str, int], SubProperties("priority."), JavaRepairs()] = Field({})
    maxpenalty: int = 30000


class Failover(SinkProcessor[FailoverConfig]):
    @classmethod
    def check(cls, config: FailoverConfig, sinks: Sequence[str]) -> Sequence[str]:
        if len(set(config.priority.values())) < len(config.priority):
            return [Tolerable("two sinks have one priority", "the later one is not used")]
        return ()

    def process(self) -> Status:
        return Status.BACKOFF


class VaultConfig(ComponentConfig):
    file: str = "vault"


class Vault(ConfigFilter[VaultConfig]):
    """Knows ``pw`` (a secret), has nothing for ``nothing``, and fails for ``boom``."""

    def lookup(self, key: str) -> str | None:
        if key == "boom":
            raise OSError("hunter2 is what it would be")
        return {"pw": "hunter2-longer", "dir": "/data/out", "port": "x7y"}.get(key)


CATALOG = Catalog.of(
    {
        ("source", "tick"): Tick,
        ("source", "org.example.TickSource"): Tick,
        ("channel", "ram"): Ram,
        ("channel", "org.example.RamChannel"): Ram,
        ("sink", "store"): Store,
        ("sink", "drop"): Drop,
        ("sink", "org.example.DropSink"): Drop,
        ("interceptor", "stamp"): Stamp,
        ("interceptor", "org.example.Stamp$Builder"): Stamp,
        ("channel_selector", "replicating"): Replicating,
        ("channel_selector", "multiplexing"): Multiplexing,
        ("sink_processor", "default"): DefaultProcessor,
        ("sink_processor", "failover"): Failover,
        ("event_serializer", "plain"): Plain,
        ("config_filter", "vault"): Vault,
    }
)

GOOD = """\
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = tick
a1.sources.r1.channels = c1
a1.channels.c1.type = ram
a1.sinks.k1.type = drop
a1.sinks.k1.channel = c1
"""
"""A configuration in which nothing is wrong; tests add lines, the last of which counts."""


def properties(text: str, file: str = "flume.conf") -> Mapping[str, Property]:
    return merge([parse_properties(text, file)])


def checked(text: str, mode: Mode = Mode.STRICT, agent: str | None = None) -> CheckReport:
    return check(properties(text), CATALOG, mode=mode, agent=agent)


def errors(report: CheckReport) -> list[Problem]:
    return [problem for problem in report.problems if problem.severity is Severity.ERROR]


def line(problem: Problem) -> int:
    assert problem.origin is not None, str(problem)
    return problem.origin.line


def only(report: CheckReport) -> Problem:
    """Return the one problem of a report, and fail if there are more or none."""
    assert len(report.problems) == 1, "\n".join(map(str, report.problems))
    return report.problems[0]
