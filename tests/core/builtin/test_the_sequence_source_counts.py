from __future__ import annotations

import pytest
from pydantic import ValidationError

from flume_core._builtin.sequence_source import SequenceSource
from flume_core.errors import ChannelFull
from flume_core.source import Status
from tests.core.builtin.contexts import RecordingEmitter, source_context


def seq(emitter: RecordingEmitter, **settings: str) -> SequenceSource:
    return SequenceSource(
        SequenceSource.config_model.model_validate(settings), source_context(emitter)
    )


def test_it_counts_from_zero_one_event_at_a_time() -> None:
    emitter = RecordingEmitter()
    source = seq(emitter)
    assert [source.poll() for _ in range(3)] == [Status.READY] * 3
    assert emitter.bodies() == [b"0", b"1", b"2"]
    assert [len(batch) for batch in emitter.batches] == [1, 1, 1]


def test_it_counts_in_batches_and_rests_when_the_total_is_reached() -> None:
    emitter = RecordingEmitter()
    source = seq(emitter, batchSize="4", totalEvents="10")
    assert [source.poll() for _ in range(5)] == [
        Status.READY,
        Status.READY,
        Status.BACKOFF,
        Status.BACKOFF,
        Status.BACKOFF,
    ]
    assert emitter.bodies() == [b"%d" % n for n in range(10)]
    assert [len(batch) for batch in emitter.batches] == [4, 4, 2]


def test_a_total_of_zero_emits_nothing() -> None:
    emitter = RecordingEmitter()
    assert seq(emitter, totalEvents="0").poll() is Status.BACKOFF
    assert not emitter.batches


def test_a_refused_batch_is_offered_again_as_it_was_and_counted_once() -> None:
    emitter = RecordingEmitter()
    source = seq(emitter, batchSize="3")
    source.poll()
    emitter.refuse()
    for _ in range(2):
        with pytest.raises(ChannelFull):
            source.poll()
    emitter.refusing = None
    source.poll()
    source.poll()
    assert emitter.bodies() == [b"%d" % n for n in range(9)]
    # the same object: a channel that has it already must not get it again
    assert emitter.refused[0] is emitter.refused[1] is emitter.batches[1]


@pytest.mark.parametrize(
    "settings", [{"batchSize": "0"}, {"batchSize": "-5"}, {"batchSize": "x"}, {"totalEvents": "-1"}]
)
def test_numbers_that_make_no_sense_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        seq(RecordingEmitter(), **settings)
