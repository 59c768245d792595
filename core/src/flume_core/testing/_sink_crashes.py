"""The sink suite: killed at any point, with a channel that keeps progress and one that syncs lazily."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from flume_core.sink import Sink, Status
from flume_core.testing._sink_bench import SinkParts, SinkUnderTest
from flume_core.testing.building import make_sink, store_channel
from flume_core.testing.component_contract import need
from flume_core.testing.crash_points import CrashPoints, package_of, sample
from flume_core.testing.crashable_store import CrashableStore
from flume_core.testing.events import assert_at_least_once, assert_exactly

__all__ = ["CrashTests"]

_STORES: dict[str, Callable[[int], CrashableStore]] = {
    "synced at once": lambda _: CrashableStore(),
    "synced late": lambda _: CrashableStore(lazy=True),
    "synced in part": lambda seed: CrashableStore(lazy=True, seed=seed),
}


class CrashTests(SinkParts):
    """Nothing is lost by a kill, and nothing repeated by a sink that says so."""

    crash_points: ClassVar[int] = 100
    """How many points to kill at, evenly spread over the lines that the sink runs. Set it higher to
    try them all."""

    @pytest.mark.parametrize("kind", _STORES)
    def test_a_kill_at_any_point_loses_nothing(self, sink: SinkUnderTest, kind: str) -> None:
        crash = need(sink.crash, "crash")
        delivered = need(sink.delivered, "delivered")
        check = assert_exactly if sink.exactly_once else assert_at_least_once
        reset = crash()
        harmless = CrashPoints()
        _lives(sink, _STORES[kind](0), harmless)
        check(delivered(), sink.events(80, 0))
        assert harmless.passed > 20, "the sink ran no code of its own"
        for point in sample(harmless.passed, self.crash_points):
            reset()
            points = CrashPoints(point, crash)
            _lives(sink, _STORES[kind](point), points)
            try:
                check(delivered(), sink.events(80, 0))
            except AssertionError as error:
                raise AssertionError(
                    f"killed at {points.struck}, channel {kind}: {error}"
                ) from None


def _lives(sink: SinkUnderTest, store: CrashableStore, points: CrashPoints) -> None:
    """Let two sinks, one after the other, deliver 80 events; if one is killed, a third takes over."""
    batches = [sink.events(20, start) for start in range(0, 80, 20)]

    def both() -> None:
        life(2)
        life(2)

    def life(rounds: int) -> None:
        channel = store_channel(store)
        one = make_sink(sink.cls, sink.config, channel)
        points.leftover(one.stop)
        one.start()
        for _ in batches[:rounds]:
            with points.paused(), channel.transaction() as tx:
                tx.put(batches.pop(0))
            _drain(one)
        _drain(one)
        one.stop()
        channel.stop()

    store.use(points)
    points.kill([package_of(sink.cls)], both, lambda: life(4))


def _drain(sink: Sink[Any]) -> None:
    while sink.process() is not Status.BACKOFF:
        pass
