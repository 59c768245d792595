"""What a plugin author writes, as the type checker must accept it. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flume_core import (
    BatchSink,
    Buffer,
    Event,
    EventBatch,
    EventInterceptor,
    EventSelector,
    EventSerializer,
    EventSink,
    Interceptor,
    PollableSource,
    PollableSourceConfig,
    SinkConfig,
    Status,
)
from flume_core.agent import Agent
from flume_core.config.model import ComponentConfig


class WebhookConfig(SinkConfig):
    url: str
    retries: int = 3


class Webhook(EventSink[WebhookConfig]):
    def write(self, event: Event) -> None:
        self.log.debug("%s %s %d", self.config.url, event.headers.get("host"), len(event.body))


class Bulk(BatchSink[WebhookConfig]):
    def write(self, batch: EventBatch) -> None:
        first: Event = batch[0]
        part: EventBatch = batch[1:3]
        self.metrics.add(BytesOut=batch.nbytes + len(first.body) + len(part))


class Clock(PollableSource[PollableSourceConfig]):
    def poll(self) -> Status:
        self.emit(EventBatch.from_events([Event(b"tick", {"host": "here"})]))
        return Status.BACKOFF


class DropConfig(ComponentConfig):
    word: str = "DEBUG"


class Drop(EventInterceptor[DropConfig]):
    def intercept(self, event: Event) -> Event | None:
        return None if self.config.word.encode() in event.body else event.with_headers(kept="yes")


class Stamp(Interceptor[ComponentConfig]):
    def intercept(self, batch: EventBatch) -> EventBatch:
        return batch.with_headers({"agent": self.context.agent}, keep_existing=True)


class ByLength(EventSelector[ComponentConfig]):
    def select_event(self, headers: Mapping[str, str]) -> tuple[Sequence[str], Sequence[str]]:
        return self.channels[:1], ()


class Raw(EventSerializer[ComponentConfig]):
    def serialize(self, batch: EventBatch) -> Sequence[Buffer]:
        return batch.buffers()


def embedded() -> int:
    with Agent.from_mapping({"channels": "c1"}) as agent:
        accepted, _ = agent.totals()
    return accepted
