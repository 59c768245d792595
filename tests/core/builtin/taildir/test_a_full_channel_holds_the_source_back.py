from __future__ import annotations

import pytest

from flume_core.errors import ChannelError, ChannelFull
from flume_core.source import Status
from tests.core.builtin.taildir.rig import Rig, bodies, lines


def test_the_same_batch_object_is_offered_until_it_is_accepted(rig: Rig) -> None:
    rig.make(batchSize="2")
    rig.write("a.log", lines(1, 5))
    rig.start()
    rig.channel.refuses = lambda: True
    for _ in range(3):
        with pytest.raises(ChannelFull):
            rig.source.poll()
    first = rig.channel.refused[0]
    assert all(batch is first for batch in rig.channel.refused)
    rig.channel.refuses = lambda: False
    assert rig.source.poll() is Status.READY
    assert rig.channel.batches[0] is first
    assert rig.catch_up() == bodies(1, 5)


def test_any_failure_of_the_emitter_keeps_the_batch(rig: Rig) -> None:
    rig.write("a.log", lines(1, 5))
    rig.start()
    rig.channel.refuses = lambda: True
    rig.channel.error = RuntimeError("a broken interceptor")
    with pytest.raises(RuntimeError):
        rig.source.poll()
    rig.channel.refuses = lambda: False
    assert rig.catch_up() == bodies(1, 5)
    assert rig.metrics.get("GenericProcessingFail") == 1
    assert rig.metrics.get("ChannelWriteFail") == 0


def test_a_batch_that_was_refused_is_read_again_after_a_restart(rig: Rig) -> None:
    rig.write("a.log", lines(1, 5))
    rig.start()
    rig.channel.refuses = lambda: True
    with pytest.raises(ChannelFull):
        rig.source.poll()
    rig.channel.refuses = lambda: False
    assert rig.restart().catch_up() == bodies(1, 5)


def test_a_file_may_rotate_and_shrink_while_the_channel_is_full(rig: Rig) -> None:
    rig.make(batchSize="2")
    rig.write("a.log", lines(11, 15))
    rig.start()
    rig.channel.refuses = lambda: len(rig.channel.batches) == 1
    with pytest.raises(ChannelFull):
        rig.catch_up()
    rig.rename("a.log", "b.log")
    rig.rewrite("b.log", lines(21, 22))
    rig.write("a.log", lines(31, 32))
    with pytest.raises(ChannelFull):
        rig.catch_up()
    rig.channel.refuses = lambda: False
    # What was in memory of the old contents is not lost; the rest of them was truncated away.
    got = rig.catch_up()
    assert got[:4] == bodies(11, 14)
    assert sorted(got) == sorted(bodies(11, 15) + bodies(21, 22) + bodies(31, 32))


def test_a_stop_is_obeyed_between_two_batches(rig: Rig) -> None:
    rig.make(batchSize="1")
    rig.write("a.log", lines(1, 1000))
    rig.start()
    rig.channel.refuses = lambda: len(rig.channel.batches) == 3 and rig.stopping.set()
    rig.source.poll()
    assert len(rig.channel.batches) == 4
    rig.channel.refuses = lambda: False
    rig.channel.drain()
    assert rig.restart().catch_up() == bodies(5, 1000)


def test_the_counters_are_those_of_flume(rig: Rig) -> None:
    rig.make(batchSize="2")
    rig.write("a.log", lines(1, 5))
    rig.start()
    refusals = iter([False, True, True])
    rig.channel.refuses = lambda: next(refusals, False)
    for _ in range(2):
        with pytest.raises(ChannelError):
            rig.source.poll()
    assert rig.metrics.get("AppendBatchReceivedCount") == 2
    assert rig.metrics.get("AppendBatchAcceptedCount") == 1
    rig.catch_up()
    figures = rig.metrics.snapshot()
    assert figures["AppendBatchReceivedCount"] == figures["AppendBatchAcceptedCount"] == 3
    assert figures["ChannelWriteFail"] == 2
    assert figures["EventReadFail"] == figures["GenericProcessingFail"] == 0
