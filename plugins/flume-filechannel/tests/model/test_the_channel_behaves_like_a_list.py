"""The file channel against a list: any order of puts, takes, rollbacks, restarts and crashes."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, ChannelFull
from flume_core.testing import make_channel
from flume_core.transaction import Transaction
from flume_filechannel.channel import FileChannel

CAPACITY = 60
TRANSACTION_CAPACITY = 40
OWNERS = st.sampled_from(["source.r1", "sink.k1"])
CHANGES = st.dictionaries(
    st.sampled_from(["a", "b", "\udcff"]), st.none() | st.binary(max_size=5), max_size=2
)
Key = tuple[bytes, str | None]


class ChannelAndList(RuleBasedStateMachine):
    """The list holds what waits, with its sequence number; open takes hold the rest."""

    open_takes = Bundle("open_takes")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.places = count()
        self.numbers = count()
        self.waiting: list[tuple[int, Key]] = []
        self.progress: dict[str, dict[str, bytes]] = {}
        self.next_seq = 0
        self.held: dict[int, list[tuple[int, Key]]] = {}
        self.transactions: dict[int, Transaction] = {}
        self.channel: FileChannel | None = None

    @initialize()
    def open(self) -> None:
        self.place = self.root / f"place{next(self.places)}"
        self._start()

    def _start(self) -> None:
        config = {
            "checkpointDir": str(self.place / "checkpoint"),
            "dataDirs": f"{self.place / 'data1'},{self.place / 'data2'}",
            "capacity": str(CAPACITY),
            "transactionCapacity": str(TRANSACTION_CAPACITY),
            "keep-alive": "0",
            "maxFileSize": "256K",
        }
        self.channel = make_channel(FileChannel, config)
        self.channel.start()

    @property
    def live(self) -> FileChannel:
        assert self.channel is not None
        return self.channel

    def teardown(self) -> None:
        if self.channel is not None:
            self._end_takes()
            with self.live.transaction() as tx:
                got = tx.take(CAPACITY)  # may be more than one transaction gives
                assert self._keys(got) == [key for _, key in self.waiting[: len(got)]]
            self.channel.stop()
        shutil.rmtree(self.root)

    # --- puts

    @rule(
        sizes=st.lists(st.sampled_from([0, 1, 50, 30_000]), max_size=TRANSACTION_CAPACITY + 5),
        form=st.sampled_from(["block", "bodies", "headers", "odd headers"]),
        owner=OWNERS,
        changes=CHANGES,
        way=st.sampled_from(["with", "async", "rollback", "put"]),
    )
    def put(
        self, sizes: list[int], form: str, owner: str, changes: dict[str, bytes | None], way: str
    ) -> None:
        batch = self._batch(sizes, form)
        full = sum(map(len, self.held.values())) + len(self.waiting) + len(batch) > CAPACITY
        if len(batch) > TRANSACTION_CAPACITY:
            with pytest.raises(ChannelError, match="transactionCapacity"):
                self.live.put(batch)
        elif way == "rollback":
            tx = self.live.transaction()
            tx.begin()
            tx.put(batch)
            tx.save_progress(owner, changes)
            tx.rollback()
            tx.close()
        elif full and len(batch):
            with pytest.raises(ChannelFull):
                self.live.put(batch)
        else:
            if way == "put":
                self.live.put(batch)
                changes = {}
            else:
                tx = self.live.transaction()
                tx.begin()
                tx.put(batch)
                tx.save_progress(owner, changes)
                if way == "async":
                    assert tx.commit_async().wait(30)
                else:
                    tx.commit()
                tx.close()
            self._merge(owner, changes)
            self.waiting += enumerate(self._keys(batch), self.next_seq)
            self.next_seq += len(batch)

    def _batch(self, sizes: list[int], form: str) -> EventBatch:
        bodies = [b"%d:%s" % (next(self.numbers), b"x" * size) for size in sizes]
        if form == "block":
            return EventBatch.from_block(b"".join(body + b"\n" for body in bodies))
        if form == "bodies":
            return EventBatch.from_bodies(bodies)
        odd = "\udcfe" if form == "odd headers" else ""
        column = [None if n % 3 == 0 else f"{n}{odd}" for n in range(len(bodies))]
        return EventBatch.from_bodies(bodies, {"shared": f"ä{odd}"}, {"column": column})

    @staticmethod
    def _keys(batch: EventBatch) -> list[Key]:
        return [(event.body, event.headers.get("column")) for event in batch]

    def _merge(self, owner: str, changes: dict[str, bytes | None]) -> None:
        held = self.progress.setdefault(owner, {})
        for key, value in changes.items():
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value

    # --- takes

    @rule(target=open_takes, sizes=st.lists(st.integers(0, 45), min_size=1, max_size=3))
    def take(self, sizes: list[int]) -> object:
        if len(self.held) >= 4:
            return multiple()
        tx = self.live.transaction()
        tx.begin()
        taken: list[tuple[int, Key]] = []
        for size in sizes:
            room = TRANSACTION_CAPACITY - len(taken)
            if size and not room:
                with pytest.raises(ChannelError, match="transactionCapacity"):
                    tx.take(size)
                break
            got = self._keys(tx.take(size))
            most = min(size, room)
            assert got == [key for _, key in self.waiting[:most]]
            taken += self.waiting[: len(got)]
            del self.waiting[: len(got)]
        if taken:
            span = tx.span
            assert span is not None
            assert span.end - span.first >= len(taken)
        number = next(self.numbers)
        self.transactions[number], self.held[number] = tx, taken
        return number

    def _end(self, number: int) -> tuple[Transaction, list[tuple[int, Key]]] | None:
        tx = self.transactions.pop(number, None)
        return None if tx is None else (tx, self.held.pop(number))

    @rule(number=consumes(open_takes), owner=OWNERS, changes=CHANGES)
    def commit(self, number: int, owner: str, changes: dict[str, bytes | None]) -> None:
        if (ended := self._end(number)) is not None:
            ended[0].save_progress(owner, changes)
            ended[0].commit()
            ended[0].close()
            self._merge(owner, changes)

    @rule(number=consumes(open_takes))
    def roll_back(self, number: int) -> None:
        if (ended := self._end(number)) is not None:
            ended[0].rollback()
            ended[0].close()
            self.waiting = sorted([*self.waiting, *ended[1]])

    def _end_takes(self) -> None:
        for number in list(self.held):
            self.roll_back(number)

    @rule(back=st.integers(-3, 60))
    def discard(self, back: int) -> None:
        """Between takes, as a sink does at its start."""
        if self.held:
            return
        with self.live.transaction() as tx:
            tx.take(1)
            span = tx.span
            tx.rollback()
        if span is None:
            assert self.live.discard(1 << 40) == 0
            return
        first = self.waiting[0][0]
        until = first + back
        gone = [pair for pair in self.waiting if pair[0] < until]
        assert self.live.discard(span.first + back) == len(gone)
        del self.waiting[: len(gone)]

    # --- lives

    @rule()
    def reopen(self) -> None:
        self._end_takes()
        self.live.stop()
        self._start()

    @rule()
    def restart_the_same(self) -> None:
        self._end_takes()
        self.live.stop()
        self.live.start()

    @rule(checkpoint=st.booleans())
    def crash(self, *, checkpoint: bool) -> None:
        """What a kill would leave, in another place; open takes are there again."""
        dead, place = self.live, self.place
        self.place = self.root / f"place{next(self.places)}"
        shutil.copytree(place, self.place)
        if not checkpoint:
            shutil.rmtree(self.place / "checkpoint")
        self._end_takes()
        dead.stop()
        shutil.rmtree(place)
        self._start()

    @rule()
    def sync(self) -> None:
        self.live.sync()

    @invariant()
    def figures_agree(self) -> None:
        if self.channel is None:
            return
        assert self.live.size() == len(self.waiting) + sum(map(len, self.held.values()))
        assert self.live.wait(0) == bool(self.waiting)
        for owner in ("source.r1", "sink.k1"):
            assert dict(self.live.progress(owner)) == self.progress.get(owner, {})


TestChannelAndList = ChannelAndList.TestCase
TestChannelAndList.settings = settings(
    max_examples=settings.default.max_examples // 5, stateful_step_count=40
)
TestChannelAndList = pytest.mark.timeout(600)(TestChannelAndList)
