from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from flume_core._builtin.embedded_source import EmbeddedSource
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.config.model import SourceConfig
from flume_core.errors import ChannelFull, ContractError
from flume_core.event import Event
from tests.core.builtin.contexts import RecordingEmitter, source_context


def embedded(emitter: RecordingEmitter) -> EmbeddedSource:
    return EmbeddedSource(SourceConfig(), source_context(emitter))


def refuses(source: EmbeddedSource) -> bool:
    try:
        source.put([])
    except ContractError:
        return True
    return False


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.002)


def test_batches_and_events_are_committed_when_put_returns() -> None:
    emitter = RecordingEmitter()
    source = embedded(emitter)
    source.start()
    batch = EventBatch.from_bodies([b"a", b"b"], {"k": "v"})
    source.put(batch)
    source.put(Event(body) for body in (b"c", b"d"))
    assert emitter.bodies() == [b"a", b"b", b"c", b"d"]
    assert emitter.batches[0] is batch


def test_nothing_is_emitted_for_no_events() -> None:
    emitter = RecordingEmitter()
    source = embedded(emitter)
    source.start()
    source.put(EMPTY_BATCH)
    source.put([])
    assert not emitter.batches


def test_a_refusal_reaches_the_caller_who_may_put_the_same_batch_again() -> None:
    emitter = RecordingEmitter()
    source = embedded(emitter)
    source.start()
    batch = EventBatch.from_bodies([b"a"])
    emitter.refuse()
    with pytest.raises(ChannelFull):
        source.put(batch)
    emitter.refusing = None
    source.put(batch)
    assert emitter.refused == emitter.batches == [batch]
    assert emitter.refused[0] is emitter.batches[0]


def test_it_takes_events_only_between_start_and_stop() -> None:
    emitter = RecordingEmitter()
    source = embedded(emitter)
    with pytest.raises(ContractError, match="r1 takes events only while the agent runs"):
        source.put([Event(b"early")])
    source.start()
    source.put([Event(b"in time")])
    source.stop()
    source.stop()
    with pytest.raises(ContractError):
        source.put([Event(b"late")])
    assert emitter.bodies() == [b"in time"]


def test_stop_waits_for_puts_that_are_under_way() -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(RecordingEmitter):
        def emit(self, batch: EventBatch, progress: object = None) -> None:
            entered.set()
            assert go_on.wait(10)
            super().emit(batch)

    emitter = Slow()
    source = embedded(emitter)
    source.start()
    putter = threading.Thread(target=source.put, args=([Event(b"a")],))
    putter.start()
    assert entered.wait(10)
    stopper = threading.Thread(target=source.stop)
    stopper.start()
    # The stop has begun when new events are refused, and it has not ended before the put has.
    wait_until(lambda: refuses(source))
    assert stopper.is_alive()
    assert not emitter.batches
    go_on.set()
    stopper.join(10)
    putter.join(10)
    assert not stopper.is_alive()
    assert emitter.bodies() == [b"a"]


def test_many_threads_put_at_once_and_nothing_is_lost() -> None:
    emitter = RecordingEmitter()
    source = embedded(emitter)
    source.start()

    def put(name: int) -> None:
        for n in range(50):
            source.put([Event(b"%d-%d" % (name, n))])

    threads = [threading.Thread(target=put, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    source.stop()
    assert sorted(emitter.bodies()) == sorted(
        b"%d-%d" % (i, n) for i in range(8) for n in range(50)
    )
