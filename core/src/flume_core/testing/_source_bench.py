"""What the parts of the source suite share: the hooks, and a source that is run as an agent would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from threading import Event as Flag
from typing import Any

import pytest

from flume_core.errors import ChannelError
from flume_core.source import Emitter, PollableSource, Source, Status
from flume_core.testing import waiting
from flume_core.testing.building import make_source
from flume_core.testing.component_contract import ComponentContract, ComponentUnderTest
from flume_core.testing.crash_points import Snapshot
from flume_core.testing.events import Events, assert_exactly, numbered
from flume_core.testing.fakes import RecordingEmitter
from flume_core.testing.waiting import OneThread, wait_until

__all__ = ["RunningSource", "SourceBench", "SourceParts", "SourceUnderTest"]


@dataclass(frozen=True)
class SourceUnderTest(ComponentUnderTest):
    """A source, and what the suite needs to see and do. Give it ``feed`` or ``produces``."""

    cls: type[Source[Any]]
    feed: Callable[[Any, Sequence[bytes]], object] | None = None
    """``feed(source, bodies)`` offers these to the started source, in order, as its peer would. It
    returns soon, whether the source takes them or not. A source that resumes is also fed before its
    start, and after its stop."""
    acknowledged: Callable[[], int] | None = None
    """Returns how many events the source has acknowledged to its peer, or moved its position past."""
    _: KW_ONLY
    produces: Callable[[int], Sequence[bytes]] | None = None
    """For a source that makes its events up: the bodies of the first n."""
    offers_again: bool = True
    """Whether it emits again what a full channel refused. If not, the peer is told of the refusal."""
    resumes: bool = False
    """Whether a new instance goes on where the last one stopped."""
    exactly_once: bool = False
    """Whether a kill repeats nothing if the channel keeps progress. Needs ``crash``."""
    crash: Snapshot | None = None
    """Remembers what a kill at this moment leaves outside the process; the function that it returns
    brings that back. ``snapshot_directory(tmp_path)`` is one."""


class RunningSource:
    """A source with the thread that runs it, as the agent's runner does but without its pauses."""

    def __init__(self, under_test: SourceUnderTest, emitter: Emitter) -> None:
        self.stopping = Flag()
        self.source: Source[Any] = make_source(
            under_test.cls, under_test.config, emitter, stopping=self.stopping
        )
        self.last_status: Status | None = None
        """What the last poll returned."""
        self.errors: list[Exception] = []
        """What polls raised, other than the errors of channels."""
        self._thread = OneThread()
        self._running = False

    def start(self) -> None:
        """Start the source; poll it until `stop` if it wants that."""
        self._thread.call(self.source.start)
        self._running = True
        if isinstance(self.source, PollableSource):
            source = self.source
            self._thread.post(lambda: self._poll_until_stopped(source))

    def _poll_until_stopped(self, source: PollableSource[Any]) -> None:
        while not self.stopping.is_set():
            self._poll(source)

    def _poll(self, source: PollableSource[Any]) -> None:
        try:
            self.last_status = source.poll()
        except ChannelError:
            return
        except Exception as error:  # noqa: BLE001 - kept for the test to look at
            self.errors.append(error)
            self.last_status = Status.BACKOFF
        if self.last_status is Status.BACKOFF:
            self.stopping.wait(0.005)

    def stop(self) -> None:
        """Stop the source; raises AssertionError if that takes longer than `DEADLINE`."""
        if self._running:
            self._running = False
            self.stopping.set()
            try:
                self._thread.call(self.source.stop)
            finally:
                self._thread.close()


class SourceBench:
    """A source between its hooks and a `RecordingEmitter`."""

    def __init__(self, under_test: SourceUnderTest) -> None:
        self.under_test = under_test
        self.emitter = RecordingEmitter()
        self.running = RunningSource(under_test, self.emitter)
        self._fed = 0
        self._offered = 0

    def start(self) -> None:
        """Start the source."""
        self.running.start()

    def stop(self) -> None:
        """Stop the source."""
        self.running.stop()

    def replace(self) -> None:
        """Stop the source and start a new one with the same settings."""
        self.stop()
        self.running = RunningSource(self.under_test, self.emitter)
        self.start()

    def feed(self, count: int) -> None:
        """Offer that many more events; nothing is done for a source that makes them up."""
        self._offered = len(self.emitter.offered)
        if self.under_test.feed is not None:
            self.under_test.feed(self.running.source, numbered(count, self._fed).bodies())
        elif self.under_test.produces is None:
            pytest.skip("no feed, and no produces")
        self._fed += count

    def feeds(self) -> None:
        """Skip the test for a source that cannot be fed."""
        if self.under_test.feed is None:
            pytest.skip("no feed")

    @property
    def expected(self) -> Sequence[bytes]:
        """The bodies offered so far, in order."""
        if self.under_test.produces is not None:
            return self.under_test.produces(self._fed)
        return numbered(self._fed).bodies()

    @property
    def came(self) -> Events:
        """The bodies accepted; of a source without end, as many as are expected."""
        bodies = self.emitter.events.bodies()
        return bodies if self.under_test.produces is None else bodies[: self._fed]

    def wait_for_events(self) -> None:
        """Wait until as many events were accepted as were offered."""
        wait_until(
            lambda: sum(map(len, self.emitter.committed)) >= self._fed,
            f"the arrival of {self._fed} events ({self.running.errors or 'no errors'})",
        )

    def wait_for_offers(self, count: int = 1) -> None:
        """Wait until that many batches were handed over since the last `feed`, accepted or not."""
        wanted = self._offered + count
        wait_until(lambda: len(self.emitter.offered) >= wanted, f"{count} more calls of emit")

    def assert_emitted(self) -> None:
        """Wait, then assert that every event offered was accepted, once and in order."""
        self.wait_for_events()
        assert_exactly(self.came, self.expected)

    def settle(self, seconds: float = 0.1) -> None:
        """Give the source a moment to do what it should not do."""
        time.sleep(min(seconds, waiting.DEADLINE))

    def close(self) -> None:
        """Stop everything that still runs."""
        self.emitter.full = False
        self.emitter.release()
        with suppress(Exception):
            self.stop()


class SourceParts(ComponentContract):
    """The base of the parts of the source suite."""

    @pytest.fixture
    def source(self) -> SourceUnderTest:
        """Return what is tested; override this."""
        raise NotImplementedError("write a fixture `source` that returns a SourceUnderTest")

    @pytest.fixture
    def component(self, source: SourceUnderTest) -> ComponentUnderTest:
        """Return the source, for the tests that hold for every component."""
        return source

    @pytest.fixture
    def bench(self, source: SourceUnderTest) -> Iterator[SourceBench]:
        """Return a source that is not started."""
        bench = SourceBench(source)
        yield bench
        bench.close()
