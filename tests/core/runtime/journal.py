"""Components that write what happens to them into a journal, and agents made of them."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event as Flag
from threading import Lock
from typing import Any, ClassVar

import pytest

from flume_core._builtin.memory_channel import MemoryChannel
from flume_core._plugins.catalog import Catalog
from flume_core._runtime import builder
from flume_core.agent import Agent
from flume_core.batch import EventBatch
from flume_core.component import Component, Status, SystemClock
from flume_core.config.model import ComponentConfig, PollableSourceConfig, SinkConfig
from flume_core.errors import RetryableError
from flume_core.hooks import LifecycleState
from flume_core.interceptor import Interceptor
from flume_core.sink import BatchSink
from flume_core.source import PollableSource


class Journal:
    """What happened, in order, and what shall go wrong: errors by ``start k1`` and the like."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.errors: dict[str, list[BaseException]] = {}
        self.delivered: list[bytes] = []
        self.hold_writes = Flag()
        self._lock = Lock()

    def fail(self, entry: str, *errors: BaseException) -> None:
        self.errors[entry] = list(errors)

    def write(self, entry: str) -> None:
        with self._lock:
            self.entries.append(entry)
        if self.errors.get(entry):
            raise self.errors[entry].pop(0)

    def of(self, verb: str) -> list[str]:
        """The names of the components that did something, each once."""
        found = [entry.split()[1] for entry in self.entries if entry.startswith(verb + " ")]
        return list(dict.fromkeys(found))

    def classes(self) -> dict[tuple[str, str], type[Any]]:
        """The component classes for a catalog, all under the type ``noted``."""
        kinds = (NotedChannel, NotedSink, NotedSource, NotedInterceptor)
        return {(cls.kind, "noted"): type(cls.__name__, (cls,), {"journal": self}) for cls in kinds}


class _Noted(Component[Any]):
    journal: ClassVar[Journal]

    def start(self) -> None:
        self.journal.write(f"start {self.name}")
        super().start()

    def stop(self) -> None:
        self.journal.write(f"stop {self.name}")


class NotedChannel(_Noted, MemoryChannel):
    """A memory channel."""


class NotedSink(_Noted, BatchSink[SinkConfig]):
    """Delivers into the journal."""

    def write(self, batch: EventBatch) -> None:
        if self.journal.hold_writes.is_set():
            raise RetryableError("held by the test")
        self.journal.write(f"write {self.name}")
        self.journal.delivered += batch.bodies()


class NotedSource(_Noted, PollableSource[PollableSourceConfig]):
    """Never has anything."""

    def poll(self) -> Status:
        self.journal.write(f"poll {self.name}")
        return Status.BACKOFF


class NotedInterceptor(_Noted, Interceptor[ComponentConfig]):
    """Changes nothing."""

    def intercept(self, batch: EventBatch) -> EventBatch:
        return batch


NOTED = {
    "channels": "c1 c2",
    "channels.c1.type": "noted",
    "channels.c2.type": "noted",
    "sinks": "k1 k2",
    "sinks.k1.type": "noted",
    "sinks.k1.channel": "c1",
    "sinks.k2.type": "noted",
    "sinks.k2.channel": "c2",
    "sources": "r1 r2",
    "sources.r1.type": "noted",
    "sources.r1.channels": "c1",
    "sources.r1.interceptors": "i1",
    "sources.r1.interceptors.i1.type": "noted",
    "sources.r2.type": "embedded",
    "sources.r2.channels": "c2",
}
"""Two flows: a polled source with an interceptor, and an embedded source r2 into c2 and k2."""


def agent(journal: Journal, changes: Mapping[str, str] = {}, **options: Any) -> Agent:
    """The agent of `NOTED`, with some properties changed."""
    catalog = Catalog.installed().with_(journal.classes())
    return Agent.from_mapping({**NOTED, **changes}, "a1", catalog=catalog, **options)


def state_of(running: Agent, component: str) -> tuple[LifecycleState, str]:
    """The state of ``SINK.k1`` and its reason, as the status shows them."""
    found = {each.component: (each.state, each.reason) for each in running.status().components}
    return found[component]


class HastyClock(SystemClock):
    """Waits a moment where components ask for seconds."""

    def wait(self, flag: Flag, seconds: float) -> bool:
        return flag.wait(min(seconds, 0.005))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runners and sinks of agents made from now on wait for moments only."""
    monkeypatch.setattr(builder, "_CLOCK", HastyClock())
