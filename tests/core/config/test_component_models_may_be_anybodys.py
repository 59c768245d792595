"""Models and components of strangers: several spellings, required parts, and defects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, Field, model_validator

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.load import CheckReport, check, create_nested
from flume_core.component import Component
from flume_core.config.fields import Nested, NestedComponent
from flume_core.config.findings import Mode
from flume_core.config.model import ComponentConfig, SinkConfig
from flume_core.errors import ConfigurationError, PluginError
from flume_core.selector import ChannelSelector, Selection
from flume_core.sink import BatchSink
from tests.core.config.tiny import CATALOG, GOOD, Plain, errors, line, only, properties
from tests.core.config.tiny_contexts import context

ODD = GOOD.replace("type = drop", "type = odd")


def with_sink(model: type[SinkConfig], **members: object) -> Catalog:
    """Return the catalog with a sink ``odd`` of this model and these members."""
    members.setdefault("write", lambda self, batch: None)
    sink: type[Component[Any]] = type("Odd", (BatchSink,), {"config_model": model, **members})
    return CATALOG.with_({("sink", "odd"): sink})


def run(text: str, catalog: Catalog, mode: Mode = Mode.STRICT) -> CheckReport:
    return check(properties(text), catalog, mode=mode)


class Spelt(SinkConfig):
    host: str = Field("here", validation_alias=AliasChoices("host-name", "hostName"))


def test_two_spellings_with_one_value_are_one_property() -> None:
    text = ODD + "a1.sinks.k1.host-name = x\na1.sinks.k1.hostName = x\na1.sinks.k1.host = x"
    report = run(text, with_sink(Spelt))
    assert report.plans["a1"].sinks[0].component.config.model_dump()["host"] == "x"


def test_two_spellings_with_two_values_are_a_mistake_and_the_first_spelling_counts() -> None:
    text = ODD + "a1.sinks.k1.hostName = x\na1.sinks.k1.host-name = y"
    problem = only(run(text, with_sink(Spelt)))
    assert problem.key == "a1.sinks.k1.hostName"
    assert problem.cure == "keep a1.sinks.k1.host-name only"
    plan = run(text, with_sink(Spelt), Mode.COMPATIBLE).plans["a1"]
    assert plan.sinks[0].component.config.model_dump()["host"] == "y"


class Parted(SinkConfig):
    codec: Annotated[NestedComponent, Nested("event_serializer", "codec")]
    other: Annotated[NestedComponent | None, Nested("event_serializer", "other")] = None


def test_a_required_part_is_missed_by_the_key_of_its_type() -> None:
    problem = only(run(ODD, with_sink(Parted)))
    assert problem.key == "a1.sinks.k1.codec"
    assert only(run(ODD + "a1.sinks.k1.codec.width = 7", with_sink(Parted))).key == problem.key
    assert not run(ODD + "a1.sinks.k1.codec = plain", with_sink(Parted)).problems
    text = ODD + "a1.sinks.k1.codec = plain\na1.sinks.k1.other.width = 7"
    assert only(run(text, with_sink(Parted))).key == "a1.sinks.k1.other"


class Failing(SinkConfig):
    @model_validator(mode="after")
    def _fail(self) -> Failing:
        raise ZeroDivisionError


class Free(SinkConfig, extra="allow"):
    pass


def _raise(*_: object) -> Iterable[str]:
    raise KeyError("secret")


@pytest.mark.parametrize(
    "catalog",
    [with_sink(Failing), with_sink(SinkConfig, claims=classmethod(_raise))],
    ids=["model", "claims"],
)
def test_a_defect_of_a_component_is_called_one(catalog: Catalog) -> None:
    problem = only(run(ODD, catalog))
    assert "defect" in problem.cure
    assert "secret" not in str(problem)


def test_a_model_may_take_any_property() -> None:
    assert not run(ODD + "a1.sinks.k1.whatever = 1", with_sink(Free)).problems


def test_claims_may_refuse_the_settings_themselves() -> None:
    def refuse(*_: object) -> Iterable[str]:
        raise ConfigurationError("the path is relative")

    report = run(ODD, with_sink(SinkConfig, claims=classmethod(refuse)))
    assert only(report).message == "the path is relative"


class Needy(ChannelSelector[ComponentConfig]):
    """Makes a part of its own already when it is constructed."""

    def __init__(self, config: ComponentConfig, context: Any) -> None:
        super().__init__(config, context)
        self.part = context.create("event_serializer", "plain", {"width": "9"})

    def check(self) -> Sequence[str]:
        return [f"made {type(self.part).__name__}"]

    def select(self, batch: object) -> Selection:
        return Selection({})


def test_a_selector_that_is_checked_may_make_its_parts() -> None:
    catalog = CATALOG.with_({("channel_selector", "needy"): Needy})
    report = run(GOOD + "a1.sources.r1.selector.type = needy", catalog)
    assert only(report).message == "made Plain"
    assert line(only(report)) == 9


def test_a_part_is_checked_and_made_at_run_time() -> None:
    made = create_nested(CATALOG, "event_serializer", "PLAIN", {"width": "9"}, context("k1"))
    assert isinstance(made, Plain)
    assert made.config.width == 9
    with pytest.raises(PluginError):
        create_nested(CATALOG, "event_serializer", "plian", {}, context("k1"))
    with pytest.raises(ConfigurationError, match=r"did you mean k1\.width"):
        create_nested(CATALOG, "event_serializer", "plain", {"widht": "9"}, context("k1"))


@pytest.mark.parametrize(
    ("names", "cure"), [("k1 k.2", "a name has no dots"), ("k1 k2", "write a1.sinks.k2.type = ...")]
)
def test_a_name_that_cannot_have_properties_is_explained(names: str, cure: str) -> None:
    problem = only(run(GOOD + f"a1.sinks = {names}", CATALOG))
    assert problem.cure.startswith(cure)


def test_a_comma_between_names_is_a_broken_component_to_java() -> None:
    report = run(GOOD + "a1.sinks = k1,k2", CATALOG, Mode.COMPATIBLE)
    assert errors(report)[0].cure == "names are separated by blanks: write k1 k2"


def test_a_group_without_anything_in_it_is_explained() -> None:
    group = GOOD + "a1.sinkgroups = g1\na1.sinkgroups.g1.processor.type = default\n"
    assert only(run(group, CATALOG)).cure == "write a1.sinkgroups.g1.sinks = k1"
    assert only(run(group + "a1.sinkgroups.g1.sinks =", CATALOG)).message.startswith("the value is")
    twice = group + "a1.sinkgroups.g1.sinks = k1 k1"
    assert only(run(twice, CATALOG)).message == "a sink is listed twice"
    commas = group + "a1.sinkgroups.g1.sinks = k1,k2"
    assert only(run(commas, CATALOG)).cure == "names are separated by blanks: write k1 k2"


def _settings(values: Mapping[str, str]) -> str:
    return "".join(f"a1.sinks.k1.{key} = {value}\n" for key, value in values.items())


def test_every_mistake_of_one_component_is_reported() -> None:
    text = GOOD.replace("type = drop", "type = store") + _settings(
        {"order": "oldset", "batchSize": "0", "sync": "1", "sink.serializer": "plian", "x": "1"}
    )
    found = [(line(p), p.cure) for p in run(text, CATALOG).problems]
    assert [number for number, _ in found] == [7, 9, 10, 11, 12, 13]
    assert found[1][1] == "did you mean oldest?"
