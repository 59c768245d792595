from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.errors import RetryableError
from flume_core.sink import Status
from tests.core.builtin.file_roll.support import (
    ManualClock,
    drain,
    file_roll,
    fill,
    memory_channel,
)

SINK_ATTRIBUTES = {
    "ConnectionCreatedCount",
    "ConnectionClosedCount",
    "ConnectionFailedCount",
    "BatchEmptyCount",
    "BatchUnderflowCount",
    "BatchCompleteCount",
    "EventDrainAttemptCount",
    "EventDrainSuccessCount",
    "EventWriteFail",
    "ChannelReadFail",
}


def test_every_attribute_of_a_flume_sink_is_there_from_the_start(tmp_path: Path) -> None:
    sink = file_roll(tmp_path, memory_channel())
    assert sink.metrics.snapshot() == dict.fromkeys(SINK_ATTRIBUTES, 0)


def test_ready_says_that_events_were_written_and_backoff_that_none_came(tmp_path: Path) -> None:
    sink = file_roll(tmp_path, memory_channel(*[b"x"] * 3), {"batchSize": "2"})
    sink.start()
    assert [sink.process() for _ in range(2)] == [Status.READY, Status.BACKOFF]
    sink.stop()


def test_batches_files_and_events_are_counted(tmp_path: Path) -> None:
    clock, channel = ManualClock(), memory_channel(*[b"x"] * 5)
    sink = file_roll(tmp_path, channel, {"batchSize": "2"}, clock=clock)
    sink.start()
    drain(sink)
    clock.now += 31
    fill(channel, b"y")
    drain(sink)
    counted = {name: count for name, count in sink.metrics.snapshot().items() if count}
    assert counted == {
        "ConnectionCreatedCount": 2,
        "ConnectionClosedCount": 1,
        "BatchCompleteCount": 2,
        "BatchUnderflowCount": 2,
        "BatchEmptyCount": 2,
        "EventDrainAttemptCount": 6,
        "EventDrainSuccessCount": 6,
    }
    sink.stop()
    assert sink.metrics.get("ConnectionClosedCount") == 2
    assert sink.summary() == (f"2 files with 6 events, 12 bytes, in {tmp_path}",)


def test_failures_are_counted(tmp_path: Path) -> None:
    sink = file_roll(tmp_path / "missing", memory_channel(b"x"))
    sink.start()
    with pytest.raises(RetryableError):
        sink.process()
    counted = {name: count for name, count in sink.metrics.snapshot().items() if count}
    assert counted == {"ConnectionFailedCount": 1, "EventDrainAttemptCount": 1, "EventWriteFail": 1}
    sink.stop()
