"""The channel suite: many threads at once, and counters that add up at every moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import Lock

import pytest

from flume_core.batch import EventBatch
from flume_core.errors import ChannelFull
from flume_core.testing import waiting
from flume_core.testing._channel_base import AnyChannel, ChannelParts, drain, put, rolled_back, take
from flume_core.testing.events import assert_exactly, assert_same_events, numbered
from flume_core.testing.waiting import Background

__all__ = ["CounterTests", "ThreadTests"]


class RolledBack(Exception):
    """What the traffic raises to roll back."""


class Traffic:
    """Producers and consumers that commit and roll back at random until everything is through."""

    def __init__(self, channel: AnyChannel, seed: int, producers: int, each: int) -> None:
        self.channel = channel
        self.seed = seed
        self.sent = [numbered(each, producer=f"p{number}") for number in range(producers)]
        self.came: list[EventBatch] = []
        self._wanted = producers * each
        self._seen = 0
        self._lock = Lock()
        self._deadline = time.monotonic() + waiting.DEADLINE

    def run(self, consumers: int, beside: Callable[[], object] | None = None) -> None:
        """Let all threads run to the end; call ``beside`` meanwhile, again and again."""
        done = Flag()
        with Background(waiting.DEADLINE + 5) as observer:
            if beside is not None:
                observer.run(_repeat, beside, done)
            try:
                with Background(waiting.DEADLINE + 2) as background:
                    for number, batch in enumerate(self.sent):
                        background.run(self._produce, batch, random.Random(self.seed + number))
                    for number in range(consumers):
                        background.run(self._consume, random.Random(self.seed - 1 - number))
            finally:
                done.set()

    def _produce(self, batch: EventBatch, rnd: random.Random) -> None:
        done = 0
        while done < len(batch) and time.monotonic() < self._deadline:
            size = rnd.randint(1, 20)
            with suppress(RolledBack, ChannelFull), self.channel.transaction() as tx:
                tx.put(batch[done : done + size])
                if rnd.random() < 0.2:
                    raise RolledBack
                tx.commit()
                done += size

    def _consume(self, rnd: random.Random) -> None:
        while self._seen < self._wanted and time.monotonic() < self._deadline:
            with suppress(RolledBack):
                self._consume_one(rnd)

    def _consume_one(self, rnd: random.Random) -> None:
        with self.channel.transaction() as tx:
            taken = [tx.take(rnd.randint(1, 30)) for _ in range(rnd.randint(1, 3))]
            if rnd.random() < 0.2:
                raise RolledBack
        if batch := EventBatch.concat(taken):
            with self._lock:
                self._seen += len(batch)
                self.came.append(batch)
        else:
            self.channel.wait(0.01)


class ThreadTests(ChannelParts):
    """Any number of threads put and take at once."""

    @pytest.fixture
    def seed(self) -> int:
        """Return a new seed, shown when the test fails."""
        seed = random.SystemRandom().randrange(2**32)
        print(f"seed = {seed}")  # noqa: T201 - pytest shows it with a failure
        return seed

    def test_nothing_is_lost_repeated_or_invented(self, live: AnyChannel, seed: int) -> None:
        traffic = Traffic(live, seed, producers=4, each=600)
        traffic.run(consumers=3)
        assert_same_events([*traffic.came, drain(live)], traffic.sent)
        assert live.size() == 0

    def test_the_events_of_each_producer_stay_in_order(self, live: AnyChannel, seed: int) -> None:
        traffic = Traffic(live, seed, producers=4, each=400)
        traffic.run(consumers=1)
        came = EventBatch.concat(traffic.came).partition("producer")
        for batch in traffic.sent:
            producer = batch.headers["producer"]
            assert_exactly(came.get(producer, ()), batch)


class CounterTests(ChannelParts):
    """Put = taken + size, at every moment, under Flume's names."""

    def test_the_counters_name_what_went_through(self, live: AnyChannel) -> None:
        put(live, numbered(30))
        take(live, 10)
        with rolled_back(live) as tx:
            tx.take(5)
        with rolled_back(live) as tx:
            tx.put(numbered(5, 30))
        figures = live.metrics.snapshot()
        assert figures["EventPutSuccessCount"] == 30
        assert figures["EventTakeSuccessCount"] == 10
        assert figures["ChannelSize"] == live.size() == 20
        if live.capacity is not None:
            assert figures["ChannelCapacity"] == live.capacity

    def test_put_equals_taken_plus_size_whenever_somebody_looks(self, live: AnyChannel) -> None:
        wrong: list[tuple[object, object, object]] = []
        names = ("EventPutSuccessCount", "EventTakeSuccessCount", "ChannelSize")

        def look() -> None:
            figures = live.metrics.snapshot()
            came, gone, size = (int(figures.get(name, 0)) for name in names)
            if came != gone + size:
                wrong.append((came, gone, size))

        Traffic(live, 7, producers=3, each=300).run(consumers=2, beside=look)
        look()
        assert not wrong, f"put, taken, size at {len(wrong)} moments: {wrong[:5]}"
        drain(live)
        assert live.metrics.snapshot()["EventPutSuccessCount"] == 900


def _repeat(function: Callable[[], object], done: Flag) -> None:
    while not done.wait(0.0005):
        function()
