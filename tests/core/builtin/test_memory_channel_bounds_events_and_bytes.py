"""Capacity, byte capacity, keep-alive, and who is woken when."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from flume_core._builtin.memory_channel import MemoryChannel, MemoryChannelConfig
from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, ChannelFull
from flume_core.testing import Background, make_channel, numbered, wait_until

LONG = 60
"""A keep-alive that no test waits for."""


def channel(**settings: Any) -> MemoryChannel:
    made = make_channel(MemoryChannel, {"keep_alive": 0, **settings})
    made.start()
    return made


def put(to: MemoryChannel, *bodies: bytes, block: bool = False) -> None:
    with to.transaction() as tx:
        if block:
            tx.put(EventBatch.from_block(b"".join(body + b"\n" for body in bodies)))
        else:
            tx.put(EventBatch.from_bodies(list(bodies)))


def take(of: MemoryChannel, most: int) -> list[bytes]:
    with of.transaction() as tx:
        return tx.take(most).bodies()


def test_the_defaults_are_those_of_flume() -> None:
    config = MemoryChannelConfig()
    assert (config.capacity, config.transaction_capacity, config.keep_alive) == (100, 100, 3)
    assert config.byte_capacity_buffer_percentage == 20
    assert config.slots() > 2**20 / 100


@pytest.mark.parametrize(
    "settings",
    [
        {"capacity": "0"},
        {"transactionCapacity": "-1"},
        {"keep-alive": "-1"},
        {"byteCapacityBufferPercentage": "101"},
        {"byteCapacity": "much"},
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MemoryChannelConfig.model_validate(settings)


def test_a_transaction_larger_than_the_channel_is_refused_with_a_cure() -> None:
    with pytest.raises(ValidationError, match="raise capacity or lower transactionCapacity"):
        MemoryChannelConfig.model_validate({"capacity": "10", "transactionCapacity": "11"})


@pytest.mark.parametrize(
    ("byte_capacity", "percentage", "slots"),
    [
        ("1000", 0, 10),
        ("1000", 20, 8),
        ("1099", 0, 10),
        ("1 KiB", 0, 10),
        ("100", 20, 2**31 - 1),  # less than one slot: no bound, as in Flume
        ("0", 20, 2**31 - 1),
        (str(10**15), 0, 2**31 - 1),
    ],
)
def test_byte_slots_follow_flumes_arithmetic(
    byte_capacity: str, percentage: int, slots: int
) -> None:
    settings = {"byteCapacity": byte_capacity, "byteCapacityBufferPercentage": str(percentage)}
    assert MemoryChannelConfig.model_validate(settings).slots() == slots


@pytest.mark.parametrize(("size", "fits"), [(0, 10), (1, 10), (100, 10), (101, 5), (1000, 1)])
def test_a_body_takes_up_whole_slots_of_100_bytes(size: int, fits: int) -> None:
    full = channel(byte_capacity=1000, byte_capacity_buffer_percentage=0)
    put(full, *[b"x" * size] * fits)
    with pytest.raises(ChannelFull, match="bytes do not fit"):
        put(full, b"")
    assert len(take(full, 100)) == fits
    put(full, *[b"x" * size] * fits)


def test_a_body_above_the_byte_capacity_never_fits() -> None:
    small = channel(byte_capacity=1000, byte_capacity_buffer_percentage=0)
    with pytest.raises(ChannelFull, match="1100 bytes do not fit into the 1000 left"):
        put(small, b"x" * 1001)
    assert small.size() == 0


def test_a_part_of_a_batch_gives_back_the_room_of_its_own_bodies() -> None:
    small = channel(byte_capacity=1000, byte_capacity_buffer_percentage=0)
    put(small, b"x" * 250, b"x", b"x" * 500, b"x")
    assert len(take(small, 2)) == 2
    with pytest.raises(ChannelFull):
        put(small, b"x" * 401)
    put(small, b"x" * 400)


@pytest.mark.parametrize("block", [True, False])
@pytest.mark.parametrize("most", [1, 3, 7, 100])
def test_cutting_a_batch_gives_all_of_its_room_back(block: bool, most: int) -> None:
    small = channel(byte_capacity=2000, byte_capacity_buffer_percentage=0)
    bodies = [b"x" * size for size in (0, 300, 1, 150, 99, 101, 0, 250)]
    for _ in range(3):
        put(small, *bodies, block=block)
        with pytest.raises(ChannelFull):
            put(small, b"x" * 1001)
        assert [body for _ in range(8) for body in take(small, most)] == bodies
        put(small, *[b""] * 20)
        assert len(take(small, 20)) == 20


def test_the_room_of_a_block_is_at_least_its_bytes_and_its_events() -> None:
    for bodies, fits in (
        ([b"x" * 150] * 13, True),
        ([b"x" * 150] * 14, False),
        ([b""] * 21, False),
    ):
        small = channel(byte_capacity=2000, byte_capacity_buffer_percentage=0)
        if fits:
            put(small, *bodies, block=True)
        else:
            with pytest.raises(ChannelFull):
                put(small, *bodies, block=True)


def test_a_full_channel_refuses_a_put_after_keep_alive_and_stores_nothing_of_it() -> None:
    full = channel(capacity=10, transaction_capacity=10)
    put(full, *[b"x"] * 8)
    with pytest.raises(ChannelFull, match="c1 is full: 8 of 10 events, no room for 3") as caught:
        put(full, *[b"y"] * 3)
    assert isinstance(caught.value, ChannelError)
    put(full, b"z", b"z")
    assert take(full, 10) == [b"x"] * 8 + [b"z"] * 2
    figures = full.metrics.snapshot()
    assert (figures["EventPutAttemptCount"], figures["EventPutSuccessCount"]) == (13, 10)


def test_events_in_an_open_take_keep_their_place() -> None:
    full = channel(capacity=2, transaction_capacity=2)
    put(full, b"1", b"2")
    with full.transaction() as tx:
        tx.take(2)
        with pytest.raises(ChannelFull):
            put(full, b"3")
    put(full, b"3")


@pytest.mark.parametrize("room", ["events", "bytes"])
@pytest.mark.parametrize("taken", [1, 4])
def test_room_that_is_made_wakes_a_putter_within_keep_alive(room: str, taken: int) -> None:
    settings = {"capacity": 4, "transaction_capacity": 4}
    if room == "bytes":
        settings = {"byte_capacity": 400, "byte_capacity_buffer_percentage": 0}
    full = channel(keep_alive=LONG, **settings)
    put(full, b"1", b"2", b"3", b"4")
    with Background() as background:
        background.run(put, full, b"5")
        background.settle()
        assert background.running
        assert take(full, taken) == [b"1", b"2", b"3", b"4"][:taken]
    assert take(full, 4)[-1] == b"5"


def test_a_rolled_back_take_makes_no_room() -> None:
    full = channel(capacity=1, transaction_capacity=1, keep_alive=LONG)
    put(full, b"1")
    with Background() as background:
        background.run(put, full, b"2")
        background.settle()
        with full.transaction() as tx:
            tx.take(1)
            tx.rollback()
        background.settle()
        assert background.running
        assert take(full, 1) == [b"1"]


def test_wake_ends_the_wait_for_room_at_once_and_later_ones_too() -> None:
    full = channel(capacity=1, transaction_capacity=1, keep_alive=LONG)
    put(full, b"1")
    refused: list[ChannelFull] = []

    def blocked() -> None:
        with pytest.raises(ChannelFull) as caught:
            put(full, b"2")
        refused.append(caught.value)

    with Background() as background:
        for _ in range(2):
            background.run(blocked)
        background.settle()
        full.wake()
    blocked()
    assert len(refused) == 3
    assert take(full, 1) == [b"1"]


def test_a_commit_wakes_every_taker() -> None:
    empty = channel()
    told: list[bool] = []
    with Background() as background:
        for _ in range(3):
            background.run(lambda: told.append(empty.wait(LONG)))
        background.settle()
        put(empty, b"1", b"2", b"3")
    assert told == [True] * 3


def test_a_rollback_of_takes_wakes_takers() -> None:
    used = channel()
    put(used, b"1")
    with Background() as background, used.transaction() as tx:
        tx.take(1)
        background.run(used.wait, LONG)
        background.settle()
        tx.rollback()
    assert used.wait(0)


def test_wake_ends_every_wait_for_events_until_the_next_start() -> None:
    empty = channel()
    told: list[bool] = []
    with Background() as background:
        for _ in range(2):
            background.run(lambda: told.append(empty.wait(LONG)))
        background.settle()
        empty.wake()
    told.append(empty.wait(LONG))
    assert told == [False] * 3
    empty.start()
    with Background() as background:
        background.run(empty.wait, LONG)
        background.settle()
        assert background.running
        put(empty, b"1")


def test_puts_equal_takes_plus_size_whenever_somebody_looks() -> None:
    busy = channel(capacity=50, transaction_capacity=10, keep_alive=LONG)
    total = 3000

    def produce() -> None:
        for first in range(0, total, 10):
            with busy.transaction() as tx:
                tx.put(numbered(10, start=first))

    def consume() -> None:
        came = 0
        while came < total:
            busy.wait(LONG)
            with busy.transaction() as tx:
                came += len(tx.take(7))

    def look() -> None:
        while True:
            figures = busy.metrics.snapshot()
            put, taken = figures["EventPutSuccessCount"], figures["EventTakeSuccessCount"]
            assert put == taken + figures["ChannelSize"]  # type: ignore[operator]
            if taken == total:
                return

    with Background() as background:
        for job in (produce, consume, look):
            background.run(job)
    wait_until(lambda: busy.size() == 0)
