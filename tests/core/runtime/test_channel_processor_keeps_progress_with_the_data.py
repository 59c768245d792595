"""Where a source resumes after a crash, over one and over several channels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from flume_core._runtime import channel_processor
from flume_core._runtime.channel_processor import ChannelProcessor
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.errors import ChannelFull, ContractError
from flume_core.testing import (
    CrashableStore,
    Crashed,
    CrashPoints,
    FailingChannel,
    store_channel,
)
from flume_core.transaction import PROGRESS_LIMIT
from tests.core.runtime.pieces import batch, memory, multiplexing, processor


class World:
    """Stores that outlive the agent, and the processor of the process that runs now."""

    def __init__(self, *names: str, routed: bool = False, **options: object) -> None:
        self.stores = {name: CrashableStore() for name in names}
        self.options, self.routed = options, routed
        self.restart()

    def restart(self, *names: str) -> None:
        """Begin a new process, with some of the channels only."""
        for store in self.stores.values():
            store.crash()
        used = {n: s for n, s in self.stores.items() if n in (names or self.stores)}
        self.channels = {n: FailingChannel(store_channel(s, name=n)) for n, s in used.items()}
        options = dict(self.options)
        if self.routed:
            options["selector"] = multiplexing(list(used))
        self.source = processor(*self.channels.values(), **options)  # type: ignore[arg-type]
        self.resumed = dict(self.source.progress())

    def held(self, name: str) -> list[bytes]:
        return self.stores[name].events().bodies()


def nothing(given: EventBatch) -> EventBatch:
    return given.slice(0, 0)


def test_a_source_resumes_after_what_is_committed() -> None:
    world = World("c1")
    assert world.source.keeps_progress
    assert world.resumed == {}
    world.source.emit(batch(b"1"), {"f": b"1", "g": b"5"})
    world.source.emit(batch(b"2"), {"f": b"2"})
    world.source.emit(batch(b"3"), {"g": None})
    world.restart()
    assert world.resumed == {"f": b"2"}


def test_numbers_go_on_after_a_restart() -> None:
    world = World("c1", "c2", routed=True)
    for position, to in ((b"1", "c1"), (b"2", "c1"), (b"3", "c2"), (b"4", "c1")):
        world.source.emit(batch(b"x", to=to), {"f": position})
        world.restart()
        assert world.resumed == {"f": position}


@pytest.mark.parametrize("committed", [0, 1, 2, 3])
def test_a_crash_between_the_commits_of_one_batch_resumes_before_it(committed: int) -> None:
    world = World("c1", "c2", "c3")
    world.source.emit(batch(b"1"), {"f": b"1", "old": b"x"})
    number = count()

    def strike(*_: object) -> None:
        if next(number) == committed:
            raise Crashed

    for channel in world.channels.values():
        channel.before["commit"] = strike
    two, changes = batch(b"2"), {"f": b"2", "new": b"y", "old": None}
    if committed < 3:
        with pytest.raises(Crashed):
            world.source.emit(two, changes)
    else:
        world.source.emit(two, changes)
    world.restart()
    whole = committed == 3
    assert world.resumed == ({"f": b"2", "new": b"y"} if whole else {"f": b"1", "old": b"x"})
    assert sum(b"2" in world.held(name) for name in world.channels) == committed


def test_a_channel_that_is_no_longer_configured_does_not_count() -> None:
    world = World("c1", "c2")
    world.channels["c2"].fail("commit", ChannelFull("full"))
    with pytest.raises(ChannelFull):
        world.source.emit(batch(b"1"), {"f": b"1"})
    world.restart()
    assert world.resumed == {}
    world.restart("c1")
    assert world.resumed == {"f": b"1"}


def test_an_optional_channel_carries_no_progress_and_does_not_count() -> None:
    world = World("c1", "c2", optional="c2")
    world.channels["c2"].fail("commit", ChannelFull("full"))
    world.source.emit(batch(b"1"), {"f": b"1"})
    assert dict(world.channels["c2"].progress("source.r1")) == {}
    world.restart()
    assert world.resumed == {"f": b"1"}


def test_a_required_channel_that_keeps_nothing_leaves_all_of_it_to_the_source() -> None:
    store = CrashableStore()
    source = processor(store_channel(store), memory("c2"))
    source.emit(batch(b"1"), {"f": b"1"})
    assert not source.keeps_progress
    assert source.progress() == {}
    assert dict(store.progress("source.r1")) == {}


def test_batches_for_different_channels_keep_the_newest_entry_of_each_key() -> None:
    world = World("c1", "c2", routed=True)
    for to, key, value in (
        ("c1", "f", b"1"),
        ("c2", "f", b"2"),
        ("c1", "g", b"1"),
        ("c2", "g", b"2"),
        ("c1", "f", b"3"),
    ):
        world.source.emit(batch(b"x", to=to), {key: value})
    world.restart()
    assert world.resumed == {"f": b"3", "g": b"2"}


def test_a_removal_reaches_every_channel_that_holds_the_key() -> None:
    world = World("c1", "c2", routed=True)
    world.source.emit(batch(b"x", to="c1"), {"f": b"1"})
    world.source.emit(batch(b"x", to="c2"), {"f": b"2", "g": b"1"})
    world.restart()
    world.source.emit(batch(b"x", to="c2"), {"f": None})
    assert "f" not in world.channels["c1"].progress("source.r1")
    world.restart()
    assert world.resumed == {"g": b"1"}


def test_a_refused_removal_still_reaches_every_channel_later() -> None:
    world = World("c1", "c2", routed=True)
    world.source.emit(batch(b"x", to="c1"), {"f": b"1"})
    world.channels["c2"].fail("commit", ChannelFull("full"))
    with pytest.raises(ChannelFull):
        world.source.emit(batch(b"x", to="c2"), {"f": None})
    world.source.emit(batch(b"x", to="c2"), {"f": None})
    world.restart()
    assert world.resumed == {}


@pytest.mark.parametrize("refusing", ["c1", "c2"])
def test_a_refused_batch_that_is_emitted_again_counts_once(refusing: str) -> None:
    world = World("c1", "c2")
    world.channels[refusing].fail("commit", ChannelFull("full"), ChannelFull("full"))
    one = batch(b"1")
    for _ in range(2):
        with pytest.raises(ChannelFull):
            world.source.emit(one, {"f": b"1"})
    world.source.emit(one, {"f": b"1"})
    world.restart()
    assert world.resumed == {"f": b"1"}
    assert world.held("c1") == world.held("c2") == [b"1"]


@pytest.mark.parametrize("refusing", ["c1", "c2"])
def test_a_source_that_drops_a_refused_batch_and_goes_back_loses_nothing_in_a_crash(
    refusing: str,
) -> None:
    world = World("c1", "c2")
    world.channels[refusing].fail("commit", ChannelFull("full"))
    with pytest.raises(ChannelFull):
        world.source.emit(batch(b"1"), {"f": b"1"})
    world.channels["c2"].fail("commit", OSError("killed here"))
    with pytest.raises(Exception, match="killed here"):
        world.source.emit(batch(b"1", b"2"), {"f": b"2"})
    world.restart()
    assert world.resumed == {}, "c2 has neither event, so the source must go back to the start"


def test_the_source_reads_its_position_again_while_it_runs() -> None:
    world = World("c1", "c2")
    world.source.emit(batch(b"1"), {"f": b"1"})
    world.channels["c2"].fail("commit", ChannelFull("full"))
    with pytest.raises(ChannelFull):
        world.source.emit(batch(b"2"), {"f": b"2"})
    assert world.source.progress() == {"f": b"1"}


def test_progress_of_events_that_interceptors_drop_rides_on_the_next_put() -> None:
    drop = lambda given: given.select([body != b"drop" for body in given.bodies()])  # noqa: E731
    world = World("c1", intercepts=[drop])
    world.source.emit(batch(b"drop"), {"f": b"1", "g": b"1"})
    world.source.emit(batch(b"drop"), {"f": b"2"})
    assert world.channels["c1"].transactions == []
    world.source.emit(batch(b"x"), {"h": b"1"})
    assert len(world.channels["c1"].transactions) == 1
    world.restart()
    assert world.resumed == {"f": b"2", "g": b"1", "h": b"1"}


def test_an_empty_batch_carries_progress_as_well() -> None:
    world = World("c1")
    world.source.emit(EMPTY_BATCH, {"f": b"1"})
    world.source.flush_progress(at_once=True)
    world.restart()
    assert world.resumed == {"f": b"1"}


def after_a_second(source: ChannelProcessor, patch: pytest.MonkeyPatch) -> None:
    source.flush_progress()
    assert source.progress() == {}
    now = channel_processor.monotonic()
    patch.setattr(channel_processor, "monotonic", lambda: now + 1.0)
    source.flush_progress()


def at_stop(source: ChannelProcessor, patch: pytest.MonkeyPatch) -> None:
    source.flush_progress(at_once=True)


@pytest.mark.parametrize("flush", [after_a_second, at_stop])
def test_progress_without_a_batch_to_ride_on_is_committed_alone(
    flush: Callable[[ChannelProcessor, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World("c1", "c2", intercepts=[nothing])
    world.source.emit(batch(b"x"), {"f": b"1"})
    flush(world.source, monkeypatch)
    world.source.flush_progress(at_once=True)
    assert len(world.channels["c1"].transactions) == 1
    world.restart()
    assert world.resumed == {"f": b"1"}


def test_progress_that_is_refused_alone_is_kept_for_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World("c1", intercepts=[nothing])
    world.channels["c1"].fail("commit", ChannelFull("full"))
    world.source.emit(batch(b"x"), {"f": b"1"})
    world.source.flush_progress(at_once=True)
    assert "progress is not stored yet: full" in caplog.text
    world.source.flush_progress(at_once=True)
    world.restart()
    assert world.resumed == {"f": b"1"}


def test_any_amount_of_progress_may_wait_for_a_batch() -> None:
    world = World("c1", intercepts=[nothing])
    value = b"x" * 1000
    keys = [f"f{number}" for number in range(3 * PROGRESS_LIMIT // len(value))]
    for key in keys:
        world.source.emit(batch(b"x"), {key: value})
    world.source.flush_progress(at_once=True)
    world.restart()
    assert world.resumed == dict.fromkeys(keys, value)


def test_too_much_progress_in_one_batch_is_refused_and_leaves_no_trace() -> None:
    world = World("c1")
    world.source.emit(batch(b"1"), {"f": b"1"})
    with pytest.raises(ContractError, match="bytes of progress"):
        world.source.emit(batch(b"2"), {"f": b"2", "big": b"x" * PROGRESS_LIMIT})
    world.source.emit(batch(b"3"), {"g": b"3"})
    assert world.held("c1") == [b"1", b"3"]
    world.restart()
    assert world.resumed == {"f": b"1", "g": b"3"}


@pytest.mark.parametrize("routed", [False, True])
def test_a_crash_anywhere_loses_nothing_and_repeats_one_batch_at_most(routed: bool) -> None:
    """A source of 6 numbered events, one a batch, is killed once at every step of its channels."""
    for strike_at in count(1):
        world = World("c1", "c2", routed=routed)
        points = CrashPoints(strike_at)
        for store in world.stores.values():
            store.use(points)
        try:
            feed(world)
        except Crashed:
            world.restart()
            feed(world)
        check(world, routed)
        if points.struck is None:
            assert strike_at > 12
            return


def feed(world: World) -> None:
    start = int(world.resumed.get("next", b"0"))
    for number in range(start, 6):
        to = f"c{number % 2 + 1}"
        world.source.emit(batch(b"%d" % number, to=to), {"next": b"%d" % (number + 1)})


def check(world: World, routed: bool) -> None:
    for index, name in enumerate(("c1", "c2")):
        wanted = [b"%d" % n for n in range(6) if not routed or n % 2 == index]
        held = world.held(name)
        assert list(dict.fromkeys(held)) == wanted
        assert len(held) - len(wanted) <= (0 if routed else 1)
