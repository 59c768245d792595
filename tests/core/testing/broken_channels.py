"""Channels with one defect each, and the test of the suite that must find it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

import pytest

from flume_core.batch import EventBatch
from flume_core.errors import ChannelFull
from flume_core.metrics import MetricValue
from flume_core.testing.building import make_channel
from flume_core.testing.channel_contract import ChannelContract, ChannelUnderTest
from flume_core.testing.crashable_channel import CrashableChannel, CrashableTransaction
from flume_core.testing.crashable_store import CrashableStore
from flume_core.transaction import Progress, Span, Transaction, TransactionState

Taken = list[tuple[int, EventBatch]]


class LosesRolledBackTakes(CrashableChannel):
    def give_back(self, taken: Taken) -> None:
        pass


class ReturnsTakesToTheTail(CrashableChannel):
    def give_back(self, taken: Taken) -> None:
        with self._lock:
            self._queue.extend(taken)


class ReturnsTakesBackwards(CrashableChannel):
    def give_back(self, taken: Taken) -> None:
        with self._lock:
            self._queue.extendleft(taken)


class KeepsCommittedTakes(CrashableChannel):
    def drop(self, taken: Taken, progress: Mapping[str, Progress]) -> None:
        super().drop(taken, progress)
        self._queue.extend(taken)


class LastInFirstOut(CrashableChannel):
    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        super().append(batches, progress)
        with self._lock:
            self._queue.rotate(len(batches))


class IgnoresCapacity(CrashableChannel):
    def _wait_for_room(self, count: int) -> None:
        pass


class DropsWhatDoesNotFit(CrashableChannel):
    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        with suppress(ChannelFull):
            super().append(batches, progress)


class StoresAPartOfWhatDoesNotFit(CrashableChannel):
    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        try:
            super().append(batches, progress)
        except ChannelFull:
            super().append([batches[0][: self.config.capacity - self._size]], progress)
            raise


class CountsOpenTakesAsRoom(CrashableChannel):
    def _wait_for_room(self, count: int) -> None:
        if sum(len(batch) for _, batch in self._queue) + count > self.config.capacity:
            raise ChannelFull("full")


class NeverWakesPutters(CrashableChannel):
    def _wait_for_room(self, count: int) -> None:
        if self._size + count > self.config.capacity and self.config.keep_alive:
            self._lock.release()
            time.sleep(3)
            self._lock.acquire()
        super()._wait_for_room(count)


class HearsNoWakingCall(CrashableChannel):
    def wake(self) -> None:
        pass


class SleepsThroughCommits(CrashableChannel):
    def wait(self, timeout: float) -> bool:
        if not self._queue:
            time.sleep(min(timeout, 3))
        return bool(self._queue)


class SizeForgetsOpenTakes(CrashableChannel):
    def size(self) -> int:
        return sum(len(batch) for _, batch in self._queue)


class CountsInTwoSteps(CrashableChannel):
    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        super().append(batches, progress)
        time.sleep(0.001)
        self._really_put = getattr(self, "_really_put", 0) + sum(map(len, batches))

    def _figures(self) -> Mapping[str, MetricValue]:
        return {**super()._figures(), "EventPutSuccessCount": getattr(self, "_really_put", 0)}


class TakesTooMuch(CrashableChannel):
    def pop(self, most: int, follows: int | None) -> Taken:
        return super().pop(most + 1, follows)


class LosesTheRestOfACutBatch(CrashableChannel):
    def pop(self, most: int, follows: int | None) -> Taken:
        popped = super().pop(most, follows)
        if sum(len(batch) for _, batch in popped) == most and self._queue:
            first, batch = self._queue.popleft()
            if len(batch) > 1:
                self._queue.appendleft((first + 1, batch[1:]))
        return popped


class DropsHeaders(CrashableChannel):
    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        super().append([EventBatch.from_bodies(batch.bodies()) for batch in batches], progress)


class StripsLineEnds(CrashableChannel):
    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        stripped = [b.with_bodies([body.rstrip(b"\n") for body in b.bodies()]) for b in batches]
        super().append(stripped, progress)


class IgnoresTheTransactionCapacity(CrashableChannel):
    def transaction(self) -> Transaction:
        wide = self.config.model_copy(update={"transaction_capacity": 1_000_000})
        channel = _Shadow(self)
        channel.config = wide
        return CrashableTransaction(channel)


class _Shadow(CrashableChannel):
    """Another view of a channel, with a configuration of its own."""

    def __init__(self, of: CrashableChannel) -> None:
        self.__dict__ = dict(of.__dict__)
        self._of = of

    def check(self, call: str) -> None:
        self._of.check(call)

    def append(self, batches: list[EventBatch], progress: Mapping[str, Progress]) -> None:
        self._of.append(batches, progress)

    def pop(self, most: int, follows: int | None) -> Taken:
        return self._of.pop(most, follows)

    def drop(self, taken: Taken, progress: Mapping[str, Progress]) -> None:
        self._of.drop(taken, progress)


class _WithTransaction(CrashableChannel):
    made: type[CrashableTransaction]

    def transaction(self) -> Transaction:
        return self.made(self)


class PutsBeforeTheCommit(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801 - an attribute in the shape of a class
        def _do_put(self, batch: EventBatch) -> None:
            self.channel.append([batch], {})

        def _do_commit(self) -> None:
            if self._takes:
                super()._do_commit()


class MixesPutsAndTakes(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def put(self, batch: EventBatch) -> None:
            self._takes = None
            super().put(batch)

        def take(self, max_events: int) -> EventBatch:
            self._takes = None
            return super().take(max_events)


class CommitsAgain(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def commit(self) -> None:
            self._do_commit()
            self._state = TransactionState.COMPLETED


class CompletesAFailedCommit(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def commit(self) -> None:
            self._state = TransactionState.COMPLETED
            self._do_commit()


class SwallowsExceptions(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def __exit__(  # type: ignore[override]  # the defect
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> bool:
            super().__exit__(kind, error, trace)
            return True


class OneTransactionForAll(_WithTransaction):
    _one: CrashableTransaction

    def transaction(self) -> Transaction:
        if not hasattr(self, "_one") or self._one.state is TransactionState.CLOSED:
            self._one = CrashableTransaction(self)
        return self._one


class SavesProgressAtOnce(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def save_progress(self, owner: str, progress: Progress) -> None:
            super().save_progress(owner, progress)
            self.channel.store.commit({}, (), {owner: progress}, lazy=False)


class ReplacesProgress(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def _do_commit(self) -> None:
            for owner in self._progress or {}:
                gone = dict.fromkeys(self.channel.store.progress(owner))
                self.channel.store.commit({}, (), {owner: gone}, lazy=False)
            super()._do_commit()


class ForgetsProgressOfTakes(CrashableChannel):
    def drop(self, taken: Taken, progress: Mapping[str, Progress]) -> None:
        super().drop(taken, {})


class NumbersFromZero(CrashableChannel):
    def start(self) -> None:
        super().start()
        self._first = self._queue[0][0] if self._queue else 0

    def transaction(self) -> Transaction:
        channel = self

        class Renumbered(CrashableTransaction):
            @property
            def span(self) -> Span | None:
                span = super().span
                return span and Span(span.first - channel._first, span.end - channel._first)

        return Renumbered(self)


class DiscardsOneTooMany(CrashableChannel):
    def discard(self, until: int) -> int:
        return super().discard(until + 1)


class EmptyAfterARestart(CrashableChannel):
    def start(self) -> None:
        super().start()
        self._queue, self._size = deque(), 0


class SyncsNothing(CrashableChannel):
    def sync(self) -> None:
        pass


class ACrashLosesPuts(CrashableStore):
    def commit(self, *args: object, lazy: bool) -> None:
        super().commit(*args, lazy=True)  # type: ignore[arg-type]


class ACrashSplitsEventsAndProgress(CrashableStore):
    def commit(
        self,
        added: Mapping[int, EventBatch],
        taken: object,
        progress: Mapping[str, Progress],
        *,
        lazy: bool,
    ) -> None:
        super().commit({}, (), progress, lazy=False)
        super().commit(added, taken, {}, lazy=lazy)  # type: ignore[arg-type]


class ACrashKeepsOpenPuts(_WithTransaction):
    class made(CrashableTransaction):  # noqa: N801
        def _do_put(self, batch: EventBatch) -> None:
            super()._do_put(batch)
            self.channel.store.points.on_strike(lambda: None)
            store, added = self.channel.store, self.channel.store.add([batch])
            crash = store.crash

            def keep() -> None:
                crash()
                if self.state is TransactionState.OPEN:
                    store.commit(added, (), {}, lazy=False)

            store.crash = keep  # type: ignore[method-assign]


class BrokenChannelContract(ChannelContract):
    """The suite over the channel (and store) that the attributes name."""

    cls: type[CrashableChannel] = CrashableChannel
    store: type[CrashableStore] = CrashableStore
    lazy = True

    @pytest.fixture
    def channel(self) -> ChannelUnderTest:
        store = self.store(lazy=self.lazy)
        config = {"store": store.name, "capacity": "100", "transactionCapacity": "100"}

        def crash(_: object) -> CrashableChannel:
            store.crash()
            channel = make_channel(self.cls, config)
            channel.start()
            return channel

        patient = {"keep-alive": "60"}
        return ChannelUnderTest(self.cls, config, patient=patient, crash=crash)


CAUGHT_BY: dict[type[CrashableChannel | CrashableStore], list[str]] = {
    LosesRolledBackTakes: [
        "test_an_exception_returns_taken_events_to_the_head",
        "test_nothing_is_lost_repeated_or_invented",
    ],
    ReturnsTakesToTheTail: ["test_rolled_back_events_are_before_those_put_meanwhile"],
    ReturnsTakesBackwards: ["test_an_exception_returns_taken_events_to_the_head"],
    KeepsCommittedTakes: [
        "test_committed_takes_do_not_come_back",
        "test_nothing_is_lost_repeated_or_invented",
    ],
    LastInFirstOut: [
        "test_events_leave_in_the_order_of_the_commits",
        "test_the_events_of_each_producer_stay_in_order",
    ],
    IgnoresCapacity: ["test_a_put_beyond_the_capacity_is_refused_with_nothing_stored"],
    DropsWhatDoesNotFit: ["test_a_with_block_rolls_a_refused_put_back"],
    StoresAPartOfWhatDoesNotFit: ["test_a_put_beyond_the_capacity_is_refused_with_nothing_stored"],
    CountsOpenTakesAsRoom: ["test_room_is_free_once_a_take_is_committed_and_not_before"],
    NeverWakesPutters: ["test_a_waiting_put_goes_on_when_a_take_makes_room"],
    HearsNoWakingCall: [
        "test_a_waking_call_ends_the_wait_for_room",
        "test_a_waking_call_ends_a_wait_with_nothing_there",
    ],
    SleepsThroughCommits: ["test_a_waiter_that_came_first_is_woken_by_a_commit"],
    SizeForgetsOpenTakes: ["test_taken_events_count_until_their_commit"],
    CountsInTwoSteps: ["test_put_equals_taken_plus_size_whenever_somebody_looks"],
    TakesTooMuch: ["test_batches_of_any_form_are_cut_and_joined[3]"],
    LosesTheRestOfACutBatch: ["test_batches_of_any_form_are_cut_and_joined[3]"],
    DropsHeaders: ["test_batches_of_any_form_are_cut_and_joined[100]"],
    StripsLineEnds: ["test_odd_bodies_and_headers_stay_as_they_are"],
    IgnoresTheTransactionCapacity: [
        "test_a_put_beyond_the_transaction_capacity_is_refused",
        "test_puts_of_one_transaction_count_together",
    ],
    PutsBeforeTheCommit: ["test_a_put_is_invisible_before_its_commit"],
    MixesPutsAndTakes: ["test_a_transaction_is_not_used_for_both_puts_and_takes"],
    CommitsAgain: ["test_each_call_is_allowed_in_its_states_only[committed-commit]"],
    CompletesAFailedCommit: ["test_a_put_beyond_the_capacity_is_refused_with_nothing_stored"],
    SwallowsExceptions: ["test_an_exception_rolls_a_put_back_and_goes_on"],
    OneTransactionForAll: ["test_one_thread_may_have_several_transactions"],
    SavesProgressAtOnce: [
        "test_progress_is_there_after_its_commit_and_not_before",
        "test_a_rollback_forgets_it",
    ],
    ReplacesProgress: ["test_entries_are_merged_and_none_removes"],
    ForgetsProgressOfTakes: ["test_takes_carry_it_too"],
    NumbersFromZero: ["test_events_keep_their_numbers_after_a_restart"],
    DiscardsOneTooMany: ["test_what_arrived_already_is_discarded"],
    EmptyAfterARestart: ["test_a_restart_keeps_what_waits_in_order"],
    SyncsNothing: ["test_takes_before_a_sync_stay_taken_after_a_crash"],
    ACrashLosesPuts: ["test_a_crash_keeps_committed_puts"],
    ACrashSplitsEventsAndProgress: ["test_a_crash_keeps_or_loses_a_take_and_its_progress_as_one"],
    ACrashKeepsOpenPuts: ["test_a_crash_keeps_committed_puts"],
}


def _suite(defect: type[CrashableChannel | CrashableStore]) -> type[BrokenChannelContract]:
    role = "cls" if issubclass(defect, CrashableChannel) else "store"
    name = f"{defect.__name__}Contract"
    return type(name, (BrokenChannelContract,), {role: defect, "__module__": __name__})


SUITES = {defect: _suite(defect) for defect in CAUGHT_BY}
globals().update({suite.__name__: suite for suite in SUITES.values()})
