"""Any sequence of puts, takes, commits and rollbacks against a list of bodies."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flume_core._builtin.memory_channel import MemoryChannel
from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, ChannelFull
from flume_core.testing import make_channel
from flume_core.transaction import Transaction

UNBOUNDED = 2**31 - 1
BODIES = st.lists(st.sampled_from([0, 1, 99, 100, 101, 250]), max_size=8)


def slots(bodies: list[bytes]) -> int:
    return sum(max(1, ceil(len(body) / 100)) for body in bodies)


@dataclass
class Open:
    """An open transaction, and what it put or took so far."""

    tx: Transaction
    bodies: list[bytes] = field(default_factory=list)


class MemoryChannelMachine(RuleBasedStateMachine):
    @initialize(
        capacity=st.integers(1, 30),
        share=st.integers(5, 30),
        byte_capacity=st.sampled_from([0, 99, 500, 1000, 2000]),
        percentage=st.sampled_from([0, 20, 50]),
    )
    def make(self, capacity: int, share: int, byte_capacity: int, percentage: int) -> None:
        self.capacity, self.most = capacity, min(share, capacity)
        settings = {
            "capacity": capacity,
            "transactionCapacity": self.most,
            "byteCapacity": byte_capacity,
            "byteCapacityBufferPercentage": percentage,
            "keep-alive": 0,
        }
        self.channel = make_channel(MemoryChannel, settings)
        self.channel.start()
        available = int(byte_capacity * (1 - percentage / 100) / 100)
        self.slots = available if available >= 1 else UNBOUNDED
        self.waiting: list[bytes] = []
        self.puts: list[Open] = []
        self.takes: list[Open] = []
        self.put = self.taken = self.serial = 0

    def _begin(self) -> Open:
        opened = Open(self.channel.transaction())
        opened.tx.begin()
        return opened

    @property
    def held(self) -> list[bytes]:
        return self.waiting + [body for take in self.takes for body in take.bodies]

    @precondition(lambda self: len(self.puts) < 3)
    @rule()
    def open_put(self) -> None:
        self.puts.append(self._begin())

    @precondition(lambda self: len(self.takes) < 3)
    @rule()
    def open_take(self) -> None:
        self.takes.append(self._begin())

    @precondition(lambda self: self.puts)
    @rule(data=st.data(), sizes=BODIES, block=st.booleans())
    def add(self, data: st.DataObject, sizes: list[int], block: bool) -> None:
        self._add(data.draw(st.sampled_from(self.puts)), sizes, block)

    @rule(sizes=BODIES, block=st.booleans())
    def put_at_once(self, sizes: list[int], block: bool) -> None:
        opened = self._begin()
        self._add(opened, sizes, block)
        self._commit_put(opened)

    def _add(self, opened: Open, sizes: list[int], block: bool) -> None:
        bodies = []
        for size in sizes:
            self.serial += 1
            bodies.append(str(self.serial).encode().ljust(size, b".")[:size])
        # The room that a block takes up is estimated; see the test of blocks.
        if block and self.slots == UNBOUNDED:
            batch = EventBatch.from_block(b"".join(body + b"\n" for body in bodies))
        else:
            batch = EventBatch.from_bodies(bodies)
        if len(opened.bodies) + len(bodies) > self.most:
            with pytest.raises(ChannelError, match=f"transactionCapacity is {self.most}"):
                opened.tx.put(batch)
        else:
            opened.tx.put(batch)
            opened.bodies += bodies

    @precondition(lambda self: self.puts)
    @rule(data=st.data())
    def commit_put(self, data: st.DataObject) -> None:
        opened = data.draw(st.sampled_from(self.puts))
        self.puts.remove(opened)
        self._commit_put(opened)

    def _commit_put(self, opened: Open) -> None:
        bodies, held = opened.bodies, self.held
        fits = len(held) + len(bodies) <= self.capacity
        fits = fits and slots(held) + slots(bodies) <= self.slots
        if fits:
            opened.tx.commit()
            self.waiting += bodies
            self.put += len(bodies)
        else:
            with pytest.raises(ChannelFull, match="c1 is full"):
                opened.tx.commit()
            opened.tx.rollback()
        opened.tx.close()

    @precondition(lambda self: self.puts)
    @rule(data=st.data())
    def roll_back_put(self, data: st.DataObject) -> None:
        opened = data.draw(st.sampled_from(self.puts))
        self.puts.remove(opened)
        opened.tx.rollback()

    @precondition(lambda self: self.takes)
    @rule(data=st.data(), most=st.integers(1, 40))
    def take(self, data: st.DataObject, most: int) -> None:
        self._take(data.draw(st.sampled_from(self.takes)), most)

    @rule(most=st.lists(st.integers(1, 15), min_size=1, max_size=3), commit=st.booleans())
    def take_at_once(self, most: list[int], commit: bool) -> None:
        opened = self._begin()
        for count in most:
            self._take(opened, count)
        if commit:
            opened.tx.commit()
            self.taken += len(opened.bodies)
        else:
            opened.tx.rollback()
            self.waiting = opened.bodies + self.waiting

    def _take(self, opened: Open, most: int) -> None:
        room = self.most - len(opened.bodies)
        if not room:
            with pytest.raises(ChannelError, match="transactionCapacity"):
                opened.tx.take(most)
            return
        count = min(most, room)
        expected, self.waiting = self.waiting[:count], self.waiting[count:]
        assert opened.tx.take(most).bodies() == expected
        opened.bodies += expected

    @precondition(lambda self: self.takes)
    @rule(data=st.data())
    def commit_take(self, data: st.DataObject) -> None:
        opened = data.draw(st.sampled_from(self.takes))
        self.takes.remove(opened)
        opened.tx.commit()
        self.taken += len(opened.bodies)

    @precondition(lambda self: self.takes)
    @rule(data=st.data())
    def roll_back_take(self, data: st.DataObject) -> None:
        opened = data.draw(st.sampled_from(self.takes))
        self.takes.remove(opened)
        opened.tx.rollback()
        self.waiting = opened.bodies + self.waiting

    @invariant()
    def figures_agree(self) -> None:
        if not hasattr(self, "channel"):
            return
        figures = self.channel.metrics.snapshot()
        assert self.channel.size() == figures["ChannelSize"] == len(self.held)
        assert figures["EventPutSuccessCount"] == self.put == self.taken + len(self.held)
        assert figures["EventTakeSuccessCount"] == self.taken
        assert figures["ChannelFillPercentage"] == pytest.approx(
            100 * len(self.held) / self.capacity
        )
        assert self.channel.wait(0) is bool(self.waiting)

    def teardown(self) -> None:
        """Everything that was accepted and not taken is still there, in order."""
        if not hasattr(self, "channel"):
            return
        for opened in reversed(self.takes):
            opened.tx.rollback()
            self.waiting = opened.bodies + self.waiting
        while self.waiting:
            with self.channel.transaction() as tx:
                bodies = tx.take(self.most).bodies()
            assert bodies == self.waiting[: self.most]
            self.waiting = self.waiting[self.most :]
        with self.channel.transaction() as tx:
            assert not tx.take(1)


MemoryChannelMachine.TestCase.settings = settings(
    settings.get_profile("ci"), max_examples=60, stateful_step_count=40
)
TestMemoryChannelMachine = MemoryChannelMachine.TestCase
