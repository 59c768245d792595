"""Partial failures: the rest of a batch is tried again, what was delivered never is."""

from __future__ import annotations

from threading import Event as Flag
from typing import Any

import pytest

from flume_core.batch import EventBatch
from flume_core.component import Status
from flume_core.config.model import SinkConfig
from flume_core.errors import PartialFailure, PermanentError, RetryableError
from flume_core.event import Event
from flume_core.sink import BatchSink, EventSink
from flume_core.testing import make_sink
from tests.core.runtime.pieces import QuickClock, batch, bodies, memory


class Batches(BatchSink[SinkConfig]):
    """Refuses what ``refuse`` names, one entry per write, and delivers the rest."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refuse: list[set[bytes] | Exception] = []
        self.delivered: list[bytes] = []
        self.troubles: list[str | None] = []

    def write(self, given: EventBatch) -> None:
        self.troubles.append(self.trouble)
        refused = self.refuse.pop(0) if self.refuse else set()
        if isinstance(refused, Exception):
            raise refused
        found = given.bodies()
        self.delivered += [body for body in found if body not in refused]
        left = [index for index, body in enumerate(found) if body in refused]
        if left:
            raise PartialFailure(left, "busy")


class Events(EventSink[SinkConfig]):
    """Raises what ``errors`` holds for a body, once for each entry."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.errors: dict[bytes, list[Exception]] = {}
        self.delivered: list[bytes] = []

    def write(self, event: Event) -> None:
        if self.errors.get(event.body):
            raise self.errors[event.body].pop(0)
        self.delivered.append(event.body)


def five() -> Any:
    channel = memory()
    channel.put(batch(b"0", b"1", b"2", b"3", b"4"))
    return channel


def test_only_the_rest_is_tried_until_the_batch_is_through() -> None:
    channel, clock = five(), QuickClock()
    sink = make_sink(Batches, {}, channel, clock=clock)
    sink.refuse = [{b"1", b"3", b"4"}, {b"3", b"1", b"4"}, RetryableError("away"), {b"4"}]
    assert sink.process() is Status.READY
    assert sink.delivered == [b"0", b"2", b"1", b"3", b"4"]
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4, 0.1]), "longer while nothing gets through"
    assert sink.troubles[0] is None
    assert sink.troubles[1] == "3 events of a batch are not delivered: busy"
    assert sink.trouble is None
    assert {tx.outcome for tx in channel.transactions} == {"committed"}
    assert channel.size() == 0


def test_a_rest_that_never_can_be_delivered_is_tried_at_the_longest_pause() -> None:
    clock = QuickClock()
    sink = make_sink(Batches, {}, five(), clock=clock)
    sink.refuse = [{b"1"}, PermanentError("too large")]
    sink.process()
    assert clock.waits == [0.1, 5.0]


def test_pauses_between_tries_grow_to_five_seconds() -> None:
    clock = QuickClock()
    sink = make_sink(Batches, {}, five(), clock=clock)
    sink.refuse = [{b"1"}] * 9
    sink.process()
    assert clock.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5])


def test_a_failure_of_the_whole_batch_goes_to_the_runner() -> None:
    channel = five()
    sink = make_sink(Batches, {}, channel, clock=QuickClock())
    sink.refuse = [RetryableError("away")]
    with pytest.raises(RetryableError, match="away"):
        sink.process()
    assert bodies(channel) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_stop_ends_the_tries_and_the_batch_goes_back() -> None:
    stop, channel = Flag(), five()
    sink = make_sink(Batches, {}, channel, clock=QuickClock(stop, 3), stopping=stop)
    sink.refuse = [{b"1"}] * 9
    with pytest.raises(RetryableError, match="stopped: 1 events of a batch are not delivered"):
        sink.process()
    assert sink.trouble is None
    assert channel.size() == 5


def test_a_sink_of_a_group_gives_up_so_that_another_takes_over() -> None:
    channel, clock = five(), QuickClock()
    sink = make_sink(Batches, {}, channel, clock=clock, grouped=True)
    sink.refuse = [{b"1", b"3"}, {b"1"}, RetryableError("away")]
    with pytest.raises(RetryableError, match="away"):
        sink.process()
    assert sink.trouble is None
    assert clock.waits == pytest.approx([0.1, 0.1]), "it goes on while something gets through"
    other = make_sink(Batches, {}, channel, "k2", grouped=True)
    other.process()
    assert other.delivered == [b"0", b"1", b"2", b"3", b"4"]


def test_an_event_sink_goes_on_with_the_event_that_failed() -> None:
    channel, clock = five(), QuickClock()
    sink = make_sink(Events, {}, channel, clock=clock)
    sink.errors = {b"2": [OSError("away"), OSError("away")], b"4": [OSError("away")]}
    assert sink.process() is Status.READY
    assert sink.delivered == [b"0", b"1", b"2", b"3", b"4"]
    assert clock.waits == pytest.approx([0.1, 0.2, 0.1])
    assert channel.size() == 0


def test_an_event_sink_that_fails_on_the_first_event_delivered_nothing() -> None:
    channel = five()
    sink = make_sink(Events, {}, channel, clock=QuickClock())
    sink.errors = {b"0": [PermanentError("never")]}
    with pytest.raises(PermanentError, match="never"):
        sink.process()
    assert (sink.delivered, channel.size()) == ([], 5)


@pytest.mark.parametrize(
    ("size", "counted"), [(5, "BatchCompleteCount"), (6, "BatchUnderflowCount")]
)
def test_what_a_sink_takes_and_delivers_is_counted(size: int, counted: str) -> None:
    sink = make_sink(Batches, {"batchSize": str(size)}, five())
    assert sink.process() is Status.READY
    assert sink.process() is Status.BACKOFF
    shown = sink.metrics.snapshot()
    assert shown == {
        "EventDrainAttemptCount": 5,
        "EventDrainSuccessCount": 5,
        "BatchEmptyCount": 1,
        counted: 1,
    }
