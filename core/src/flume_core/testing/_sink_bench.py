"""What the parts of the sink suite share: the hooks, and a sink on a channel that can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from threading import Event as Flag
from typing import Any

import pytest

from flume_core.batch import EventBatch
from flume_core.event import Event
from flume_core.sink import Sink, Status
from flume_core.testing.building import make_sink, store_channel
from flume_core.testing.component_contract import ComponentContract, ComponentUnderTest, need
from flume_core.testing.crash_points import Snapshot
from flume_core.testing.crashable_store import CrashableStore
from flume_core.testing.events import assert_at_least_once, assert_exactly, numbered
from flume_core.testing.failing_channel import FailingChannel
from flume_core.testing.waiting import OneThread

__all__ = ["SinkBench", "SinkParts", "SinkUnderTest"]

_ROUNDS = 2_000


@dataclass(frozen=True)
class SinkUnderTest(ComponentUnderTest):
    """A sink, and what the suite needs to see and do. Tests whose hook is missing are skipped."""

    cls: type[Sink[Any]]
    delivered: Callable[[], Sequence[Event | bytes]] | None = None
    """Returns everything that arrived so far, in order: bodies, or events if headers arrive too."""
    break_peer: Callable[[], object] | None = None
    """Makes delivery impossible: closes the port, takes the directory away."""
    mend_peer: Callable[[], object] | None = None
    """Makes it possible again, with nothing lost of what arrived."""
    _: KW_ONLY
    events: Callable[[int, int], EventBatch] = numbered
    """Makes ``count`` events from number ``start`` on, for sinks that cannot take plain text."""
    poison: Event | None = None
    """An event that can never be delivered: the sink raises `PermanentError`."""
    exactly_once: bool = False
    """Whether a failed commit, or a kill with a channel that keeps progress, repeats nothing."""
    crash: Snapshot | None = None
    """Remembers what a kill at this moment leaves outside the process; the function that it returns
    brings that back. ``snapshot_directory(tmp_path)`` is one."""


class SinkBench:
    """A sink on a `FailingChannel` over a `CrashableStore`, run by one thread."""

    def __init__(self, under_test: SinkUnderTest) -> None:
        self.under_test = under_test
        self.store = CrashableStore()
        self.channel = FailingChannel(store_channel(self.store))
        self.stopping = Flag()
        self.sink = self._make()
        self._thread = OneThread()
        self._put = 0

    def _make(self) -> Sink[Any]:
        config = self.under_test.config
        return make_sink(self.under_test.cls, config, self.channel, stopping=self.stopping)

    @property
    def sent(self) -> EventBatch:
        """Everything that was put into the channel."""
        return self.under_test.events(self._put, 0)

    @property
    def batch_size(self) -> int | None:
        """Most events in one transaction, where the sink or its model says so."""
        found = getattr(self.sink, "batch_size", None) or getattr(
            self.sink.config, "batch_size", None
        )
        return found if isinstance(found, int) else None

    def put(self, *counts: int) -> None:
        """Put that many more events, one transaction for each count."""
        for count in counts:
            with self.channel.inner.transaction() as tx:
                tx.put(self.under_test.events(count, self._put))
            self._put += count

    def start(self) -> None:
        """Start the sink."""
        self._thread.call(self.sink.start)

    def process(self) -> Status:
        """Let the sink process once."""
        return self._thread.call(self.sink.process)

    def drain(self) -> None:
        """Let the sink process until it says that the channel is empty."""
        for _ in range(_ROUNDS):
            if self.process() is Status.BACKOFF:
                return
        raise AssertionError(f"the sink is not through after {_ROUNDS} calls of process")

    def fail_once(self) -> None:
        """Let the sink process once when it cannot: it raises, or answers BACKOFF."""
        waiting = self.channel.size()
        try:
            status = self.process()
        except Exception:  # noqa: BLE001 - whatever it raises counts as a failure
            status = Status.BACKOFF
        assert status is Status.BACKOFF, "READY, although the batch could not be delivered"
        assert self.channel.size() == waiting, "the events must stay in the channel"

    def stop(self) -> None:
        """Stop the sink."""
        self.stopping.set()
        self._thread.call(self.sink.stop)

    def replace(self) -> None:
        """Stop the sink and start a new one with the same settings."""
        self.stop()
        self.stopping.clear()
        self.sink = self._make()
        self.start()

    def delivered(self) -> Sequence[Event | bytes]:
        """Return what arrived, or skip the test."""
        return need(self.under_test.delivered, "delivered")()

    def assert_delivered(self, *, exactly: bool = True) -> None:
        """Assert that what was put arrived, and that the channel is empty."""
        check = assert_exactly if exactly else assert_at_least_once
        check(self.delivered(), self.sent)
        assert self.channel.size() == 0

    def close(self) -> None:
        """Stop everything that still runs."""
        with suppress(Exception):
            self.stop()
        self._thread.close()
        self.channel.stop()


class SinkParts(ComponentContract):
    """The base of the parts of the sink suite."""

    @pytest.fixture
    def sink(self) -> SinkUnderTest:
        """Return what is tested; override this."""
        raise NotImplementedError("write a fixture `sink` that returns a SinkUnderTest")

    @pytest.fixture
    def component(self, sink: SinkUnderTest) -> ComponentUnderTest:
        """Return the sink, for the tests that hold for every component."""
        return sink

    @pytest.fixture
    def bench(self, sink: SinkUnderTest) -> Iterator[SinkBench]:
        """Return a sink that is not started, on an empty channel."""
        bench = SinkBench(sink)
        yield bench
        bench.close()
