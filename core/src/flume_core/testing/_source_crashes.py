"""The source suite: killed at any point, with and without a channel that keeps progress."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from flume_core.batch import EventBatch
from flume_core.source import Emitter, PollableSource, Source, Status
from flume_core.testing._source_bench import SourceParts, SourceUnderTest
from flume_core.testing.building import make_source, store_channel
from flume_core.testing.component_contract import need
from flume_core.testing.crash_points import CrashPoints, package_of, sample
from flume_core.testing.crashable_store import CrashableStore
from flume_core.testing.events import assert_at_least_once, assert_exactly, numbered
from flume_core.testing.fakes import ChannelEmitter

__all__ = ["CrashTests"]

_CAUGHT_UP = 3
"""How often running a poll answers BACKOFF before the source counts as caught up."""


class WithoutProgress(ChannelEmitter):
    """Commits to the channel as one that does not keep progress."""

    keeps_progress = False

    def progress(self) -> dict[str, bytes]:
        """Return that there is none."""
        return {}


class CrashTests(SourceParts):
    """Nothing is lost by a kill, and nothing repeated by a source that says so."""

    crash_points: ClassVar[int] = 100
    """How many points to kill at, evenly spread over the lines that the source runs. Set it higher to
    try them all."""

    @pytest.mark.parametrize("keeps_progress", [False, True])
    def test_a_kill_at_any_point_loses_nothing(
        self, source: SourceUnderTest, keeps_progress: bool
    ) -> None:
        crash = need(source.crash, "crash")
        need(source.feed, "feed")
        if not issubclass(source.cls, PollableSource):
            pytest.skip("only a polled source runs in the thread that can be killed")
        exactly = keeps_progress and source.exactly_once
        check = assert_exactly if exactly else assert_at_least_once
        expected = numbered(80).bodies()
        reset = crash()
        harmless = CrashPoints()
        check(_lives(source, harmless, keeps_progress), expected)
        assert harmless.passed > 20, "the source ran no code of its own"
        for point in sample(harmless.passed, self.crash_points):
            reset()
            points = CrashPoints(point, crash)
            came = _lives(source, points, keeps_progress)
            try:
                check(came, expected)
            except AssertionError as error:
                raise AssertionError(f"killed at {points.struck}: {error}") from None


def _lives(source: SourceUnderTest, points: CrashPoints, keeps_progress: bool) -> list[bytes]:
    """Let two sources, one after the other, emit 80 events; if one is killed, a third takes over."""
    store = CrashableStore()
    batches = [numbered(20, start) for start in range(0, 80, 20)]

    def both() -> None:
        life(2)
        life(2)

    def life(rounds: int) -> None:
        channel = store_channel(store)
        kind = ChannelEmitter if keeps_progress else WithoutProgress
        one = _make(source, kind(channel))
        points.leftover(one.stop)
        one.start()
        for _ in batches[:rounds]:
            with points.paused():
                _feed(source, one, batches.pop(0))
            _catch_up(one)
        _catch_up(one)
        one.stop()
        channel.stop()

    store.use(points)
    points.kill([package_of(source.cls)], both, lambda: life(4))
    return store.events().bodies()


def _make(source: SourceUnderTest, emitter: Emitter) -> PollableSource[Any]:
    made = make_source(source.cls, source.config, emitter)
    assert isinstance(made, PollableSource)
    return made


def _feed(source: SourceUnderTest, one: Source[Any], batch: EventBatch) -> None:
    assert source.feed is not None
    source.feed(one, batch.bodies())


def _catch_up(source: PollableSource[Any]) -> None:
    idle = 0
    while idle < _CAUGHT_UP:
        idle = idle + 1 if source.poll() is Status.BACKOFF else 0
