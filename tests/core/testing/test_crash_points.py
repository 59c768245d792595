"""Crash points strike where they should, and leave what a kill would leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.errors import ChannelError, ConfigurationError, ContractError
from flume_core.testing import (
    Background,
    CrashableChannel,
    CrashableStore,
    Crashed,
    CrashPoints,
    assert_exactly,
    make_channel,
    numbered,
    sample,
    snapshot_directory,
    store_channel,
)


def count_to_three(path: Path) -> None:
    try:
        path.write_text("1")
        path.write_text("2")
        path.write_text("3")
    finally:
        path.write_text("tidied up")


def test_every_line_is_a_point_and_the_kill_hides_what_comes_after(tmp_path: Path) -> None:
    path = tmp_path / "file"
    seen, tidied = [], []
    harmless = CrashPoints()
    with harmless.at_every_line(__name__):
        count_to_three(path)
    for point in range(1, harmless.passed + 1):
        path.unlink(missing_ok=True)
        points = CrashPoints(point, snapshot_directory(tmp_path))
        with pytest.raises(Crashed), points.at_every_line(__name__):
            count_to_three(path)
        tidied.append(path.exists() and path.read_text() == "tidied up")
        points.bury()
        seen.append(path.read_text() if path.exists() else None)
    assert tidied == [False, True, True, True, False]
    assert seen == [None, None, "1", "2", "3"]


def test_no_point_is_passed_twice_after_a_strike() -> None:
    points = CrashPoints(2)
    points.point("first")
    with pytest.raises(Crashed, match="second"):
        points.point("second")
    points.point("third")
    assert (points.passed, points.struck) == (2, "second")


def test_paused_points_count_nothing() -> None:
    points = CrashPoints(1)
    with points.paused():
        points.point("hidden")
    assert points.passed == 0


def test_a_burial_undoes_what_the_dead_did_on_their_way_out(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("before")
    (tmp_path / "dir").mkdir()
    inode = (tmp_path / "kept").stat().st_ino
    points = CrashPoints(1, snapshot_directory(tmp_path))
    points.leftover(lambda: (tmp_path / "kept").write_text("after"))
    points.leftover(lambda: 1 / 0)
    points.leftover((tmp_path / "dir").rmdir)
    with pytest.raises(Crashed):
        points.point("here")
    (tmp_path / "new").write_text("never")
    points.bury()
    assert (tmp_path / "kept").read_text() == "before"
    assert (tmp_path / "kept").stat().st_ino == inode
    assert (tmp_path / "dir").is_dir()
    assert not (tmp_path / "new").exists()


def test_a_sample_is_spread_over_all_points() -> None:
    assert list(sample(5, 10)) == [1, 2, 3, 4, 5]
    assert list(sample(100, 4)) == [1, 34, 67, 100]
    assert list(sample(100, 1)) == [100]
    assert list(sample(0, 4)) == []


# --- the store


def test_a_kill_at_any_operation_keeps_what_was_committed() -> None:
    harmless = CrashPoints()
    lives(CrashableStore(points=harmless))
    assert harmless.passed == 12
    for point in range(1, harmless.passed + 1):
        store = CrashableStore(points=CrashPoints(point))
        with pytest.raises(Crashed):
            lives(store)
        left = store_channel(store)
        done = left.progress("sink.k1").get("done", b"0")
        put = left.progress("source.r1").get("put", b"0")
        assert_exactly(store.events(), numbered(int(put) - int(done), int(done)))


def lives(store: CrashableStore) -> None:
    channel = store_channel(store)
    for number in (10, 20):
        with channel.transaction() as tx:
            tx.put(numbered(10, number - 10))
            tx.save_progress("source.r1", {"put": b"%d" % number})
        with channel.transaction() as tx:
            tx.take(7)
            tx.save_progress("sink.k1", {"done": b"%d" % (number // 10 * 7)})


def test_late_takes_are_lost_from_the_last_one_backwards() -> None:
    kept = set()
    for seed in range(30):
        store = CrashableStore(lazy=True, seed=seed)
        channel = store_channel(store)
        with channel.transaction() as tx:
            tx.put(numbered(10))
        for _ in range(3):
            with channel.transaction() as tx:
                tx.take(2)
        store.crash()
        left = len(store.events())
        assert_exactly(store.events(), numbered(left, 10 - left))
        kept.add(left)
    assert kept == {4, 6, 8, 10}


def test_what_was_synced_is_never_lost() -> None:
    store = CrashableStore(lazy=True)
    channel = store_channel(store)
    with channel.transaction() as tx:
        tx.put(numbered(10))
    for _ in range(2):
        with channel.transaction() as tx:
            tx.take(3)
        channel.sync()
    with channel.transaction() as tx:
        tx.take(1)
    store.crash()
    assert_exactly(store.events(), numbered(4, 6))
    assert store.crashes == 1


def test_a_crash_lets_waiting_threads_out_and_ends_every_transaction() -> None:
    store = CrashableStore()
    channel = store_channel(store, capacity=10, keep_alive=60)
    with channel.transaction() as tx:
        tx.put(numbered(10))
    open_take = channel.transaction()
    open_take.begin()
    open_take.take(10)

    def put_one() -> None:
        with pytest.raises(ChannelError), channel.transaction() as tx:
            tx.put(numbered(1))

    with Background() as background:
        background.run(put_one)
        background.run(channel.wait, 60)
        background.settle()
        store.crash()
    with pytest.raises(ChannelError, match="crashed"):
        open_take.commit()
    open_take.rollback()
    assert channel.wait(60) is False
    assert_exactly(store.events(), numbered(10))


def test_a_store_is_open_in_one_channel_at_a_time() -> None:
    store = CrashableStore("shared")
    first = store_channel(store)
    second = make_channel(CrashableChannel, {"store": "shared"}, "c2")
    with pytest.raises(ContractError, match="open in another channel"):
        second.start()
    first.stop()
    second.start()
    with pytest.raises(ChannelError, match="not open"), first.transaction() as tx:
        tx.put(numbered(1))


def test_a_channel_of_an_unknown_store_says_so() -> None:
    with pytest.raises(ConfigurationError, match="no CrashableStore named 'nowhere'"):
        make_channel(CrashableChannel, {"store": "nowhere"})


def test_a_late_take_keeps_its_place_when_batches_were_cut() -> None:
    store = CrashableStore(lazy=True)
    channel = store_channel(store)
    with channel.transaction() as tx:
        tx.put(numbered(10))
    first, second = channel.transaction(), channel.transaction()
    first.begin()
    second.begin()
    first.take(4)
    second.take(3)
    second.commit()
    channel.sync()
    first.rollback()
    store.crash()
    assert_exactly(store.events(), [numbered(4), numbered(3, 7)])
