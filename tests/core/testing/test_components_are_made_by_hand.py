"""``make_...`` constructs components as the agent does, without one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flume_core._builtin.memory_channel import MemoryChannel
from flume_core._builtin.selectors import ReplicatingSelector
from flume_core._builtin.sequence_source import SequenceSource
from flume_core._builtin.serializers import TextSerializer
from flume_core._builtin.sink_processors import DefaultSinkProcessor
from flume_core.component import Component
from flume_core.config.model import ComponentConfig
from flume_core.errors import PluginError
from flume_core.testing import (
    ManualClock,
    RecordingEmitter,
    RecordingSink,
    create,
    make_channel,
    make_component,
    make_sink,
    make_source,
)


def test_properties_are_given_as_text_or_as_values_and_checked() -> None:
    assert make_channel(MemoryChannel, {"capacity": "500"}, "c7").capacity == 500
    assert make_channel(MemoryChannel, {"capacity": 500}).capacity == 500
    with pytest.raises(ValidationError, match="capacities"):
        make_channel(MemoryChannel, {"capacities": "500"})


def test_each_kind_gets_the_context_that_it_needs() -> None:
    clock, emitter = ManualClock(), RecordingEmitter()
    channel = make_channel(MemoryChannel, {})
    source = make_source(SequenceSource, {}, emitter, "r7", clock=clock)
    sink = make_sink(RecordingSink, {}, channel, grouped=True)
    assert (source.name, source.emitter, source.context.clock) == ("r7", emitter, clock)
    assert (sink.channel, sink.context.grouped) == (channel, True)
    selector = make_component(ReplicatingSelector, {}, context={"channels": ("c8", "c9")})
    assert selector.required_channels() == ["c8", "c9"]


@pytest.mark.parametrize(
    "cls",
    [MemoryChannel, SequenceSource, RecordingSink, ReplicatingSelector, DefaultSinkProcessor],
)
def test_a_component_of_any_kind_can_be_made_without_its_surroundings(
    cls: type[Component[ComponentConfig]],
) -> None:
    made = make_component(cls, {})
    assert made.name == "x1"
    assert made.metrics.component == f"{cls.kind.upper()}.x1"


def test_a_source_without_surroundings_has_nothing_to_emit_to() -> None:
    source = make_component(SequenceSource, {})
    with pytest.raises(AssertionError, match="nothing was fed"):
        source.poll()


def test_others_are_created_by_type_as_in_an_agent() -> None:
    for type_ in ("text", "TEXT", "flume_core._builtin.serializers:TextSerializer"):
        assert isinstance(create("event_serializer", type_, {}), TextSerializer)
    with pytest.raises(PluginError, match="no_such_type"):
        create("event_serializer", "no_such_type", {})
