"""Sink groups, selectors, interceptor chains and serializers: each checked by its own model."""

from __future__ import annotations

import pytest

from flume_core.config.fields import NestedComponent
from flume_core.config.findings import Mode
from tests.core.config.tiny import (
    GOOD,
    FailoverConfig,
    PlainConfig,
    StoreConfig,
    checked,
    errors,
    line,
    only,
)

GROUP = (
    GOOD.replace("a1.sinks = k1", "a1.sinks = k1 k2")
    + "a1.sinks.k2.type = drop\n"
    + "a1.sinks.k2.channel = c1\n"
    + "a1.sinkgroups = g1\n"
    + "a1.sinkgroups.g1.sinks = k2 k1\n"
    + "a1.sinkgroups.g1.processor.type = failover\n"
)
K3 = "a1.sinks = k1 k2 k3\na1.sinks.k3.type = drop\na1.sinks.k3.channel = c1\n"
STORE = GOOD.replace("type = drop", "type = store") + "a1.sinks.k1.sink.directory = /d\n"


def test_a_group_keeps_the_order_of_its_list() -> None:
    (group,) = checked(GROUP + "a1.sinkgroups.g1.processor.priority.k2 = 7").plans["a1"].groups
    assert group.sinks == ("k2", "k1")
    assert (group.processor.name, group.processor.type) == ("g1", "failover")
    assert isinstance(group.processor.config, FailoverConfig)
    assert group.processor.config.priority == {"k2": 7}


def test_a_group_of_one_sink_needs_no_processor_type() -> None:
    text = GROUP.replace("sinks = k2 k1", "sinks = k2").replace("processor.type = failover", "")
    (group,) = checked(text.replace("a1.sinkgroups.g1.\n", "")).plans["a1"].groups
    assert group.processor.type == "default"


def test_a_group_of_two_sinks_needs_a_processor_type() -> None:
    problem = only(checked(GROUP.replace("a1.sinkgroups.g1.processor.type = failover\n", "")))
    assert problem.message == "a group of 2 sinks needs a processor"
    assert problem.key == "a1.sinkgroups.g1.processor.type"
    assert line(problem) == 12


def test_what_a_processor_finds_wrong_is_told_with_its_cure() -> None:
    problem = only(checked(GROUP.replace("failover", "default")))
    assert (problem.message, problem.cure) == ("runs one sink, not 2", "use failover")
    assert line(problem) == 13


def test_what_a_processor_finds_tolerable_is_a_warning_where_java_goes_on() -> None:
    text = GROUP + "a1.sinkgroups.g1.processor.priority.k1 = 5\n"
    text += "a1.sinkgroups.g1.processor.priority.k2 = 5\n"
    assert errors(checked(text))
    report = checked(text, Mode.COMPATIBLE)
    assert only(report).message == "two sinks have one priority; the later one is not used"
    assert report.plans["a1"].groups


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ("a1.sinkgroups.g1.sinks = k1 k22", "did you mean k2?"),
        (
            "a1.sinkgroups.g1.procesor.type = failover",
            "did you mean a1.sinkgroups.g1.processor.type?",
        ),
        ("a1.sinkgroups.g1.type = failover", "did you mean a1.sinkgroups.g1.processor.type?"),
        (
            "a1.sinkgroups.g1.prozessor.maxpenalty = 1",
            "did you mean a1.sinkgroups.g1.processor.maxpenalty?",
        ),
        (
            "a1.sinkgroups.g1.processor.maxPenalty = 1",
            "did you mean a1.sinkgroups.g1.processor.maxpenalty?",
        ),
        ("a1.sinkgroups.g1.processor.type = fail_over", "did you mean failover?"),
        ("a1.sinkgroup.g1.sinks = k1", "did you mean a1.sinkgroups.g1.sinks?"),
    ],
)
def test_mistakes_in_a_group_get_a_cure(wrong: str, cure: str) -> None:
    assert only(checked(GROUP + wrong)).cure == cure


def test_a_sink_belongs_to_one_group() -> None:
    text = GROUP + (
        "a1.sinkgroups = g1 g2\n"
        "a1.sinkgroups.g2.sinks = k1\n"
        "a1.sinkgroups.g2.processor.type = default\n"
    )
    problem = only(checked(text))
    assert problem.message == "sink k1 is in group g1 already"
    assert line(problem) == 15
    both = checked(text.replace("g2.sinks = k1", "g2.sinks = k1 k3") + K3, Mode.COMPATIBLE)
    assert only(both).message == "sink k1 is in group g1 already; it stays in g1"
    assert [group.sinks for group in both.plans["a1"].groups] == [("k2", "k1"), ("k3",)]


def test_lenient_drops_a_group_with_a_bad_processor_together_with_its_sinks() -> None:
    text = GROUP.replace("processor.type = failover", "processor.type = nothing") + (
        "a1.sinks = k1 k2 k3\na1.sinks.k3.type = drop\na1.sinks.k3.channel = c1\n"
    )
    report = checked(text, Mode.LENIENT)
    assert only(report).message.endswith("; group g1 is dropped, and k2 k1 with it")
    assert [sink.component.name for sink in report.plans["a1"].sinks] == ["k3"]
    assert report.plans["a1"].groups == ()


def test_lenient_drops_a_group_without_sinks_alone() -> None:
    report = checked(GROUP.replace("g1.sinks = k2 k1", "g1.sinks = k8 k9"), Mode.LENIENT)
    assert not errors(report)
    assert len(report.plans["a1"].sinks) == 2
    assert report.plans["a1"].groups == ()


def test_lenient_takes_a_broken_sink_out_of_its_group() -> None:
    report = checked(GROUP + "a1.sinks.k2.batchSize = no", Mode.LENIENT)
    (group,) = report.plans["a1"].groups
    assert group.sinks == ("k1",)


def test_the_selector_is_replicating_by_default() -> None:
    (source,) = checked(GOOD).plans["a1"].sources
    assert (source.selector.type, source.selector.name) == ("replicating", "r1")
    assert source.selector.kind == "channel_selector"


def test_a_selector_may_name_only_channels_of_its_source() -> None:
    text = GOOD + (
        "a1.sources.r1.selector.type = multiplexing\n"
        "a1.sources.r1.selector.mapping.US = c1\n"
        "a1.sources.r1.selector.mapping.EU = c2\n"
    )
    problem = only(checked(text))
    assert problem.key == "a1.sources.r1.selector.mapping.EU"
    assert line(problem) == 11
    assert "names c2" in problem.message


@pytest.mark.parametrize("key", ["selector.tpye", "selektor.type"])
def test_a_misspelt_selector_type_is_one_mistake(key: str) -> None:
    text = GOOD + f"a1.sources.r1.{key} = multiplexing\na1.sources.r1.selector.mapping.a = c1"
    assert only(checked(text)).cure == "did you mean a1.sources.r1.selector.type?"


def test_an_unknown_selector_property_is_found() -> None:
    problem = only(checked(GOOD + "a1.sources.r1.selector.optionl = c1"))
    assert problem.cure == "did you mean a1.sources.r1.selector.optional?"


def test_interceptors_keep_the_order_of_their_list() -> None:
    text = GOOD + (
        "a1.sources.r1.interceptors = second first\n"
        "a1.sources.r1.interceptors.first.type = stamp\n"
        "a1.sources.r1.interceptors.second.type = org.example.stamp$builder\n"
        "a1.sources.r1.interceptors.second.header = when\n"
    )
    (source,) = checked(text).plans["a1"].sources
    assert [each.name for each in source.interceptors] == ["second", "first"]
    assert source.interceptors[0].config.model_dump()["header"] == "when"


def test_a_misspelt_interceptor_name_is_one_mistake() -> None:
    text = GOOD + (
        "a1.sources.r1.interceptors = stamper\na1.sources.r1.interceptors.stampr.type = stamp\n"
    )
    problem = only(checked(text))
    assert problem.cure == "did you mean a1.sources.r1.interceptors.stamper?"
    assert line(problem) == 10


def test_a_nested_component_has_its_default_type_and_its_own_settings() -> None:
    (sink,) = checked(STORE + "a1.sinks.k1.sink.serializer.appendNewline = false").plans["a1"].sinks
    assert isinstance(sink.component.config, StoreConfig)
    assert sink.component.config.serializer == NestedComponent("plain", {"appendNewline": "false"})


@pytest.mark.parametrize(
    ("wrong", "number", "cure"),
    [
        ("a1.sinks.k1.sink.serializer = plian", 10, "did you mean plain?"),
        (
            "a1.sinks.k1.sink.serializer.appendNewlin = true",
            10,
            "did you mean a1.sinks.k1.sink.serializer.appendNewline?",
        ),
        (
            "a1.sinks.k1.sink.serializer.width = 0",
            10,
            "write a whole number, greater than 0 (the default is 80)",
        ),
    ],
)
def test_a_nested_component_is_checked_by_its_own_model(wrong: str, number: int, cure: str) -> None:
    problem = only(checked(STORE + wrong))
    assert line(problem) == number
    assert problem.cure == cure
    assert problem.key == wrong.partition(" = ")[0]


def test_repairs_in_a_nested_component_reach_it() -> None:
    text = STORE + (
        "a1.sinks.k1.sink.serializer.appendNewline = yes\n"
        "a1.sinks.k1.sink.serializer.unknown = 1\n"
        "a1.sinks.k1.sink.serializer.width = 9\n"
    )
    report = checked(text, Mode.COMPATIBLE)
    assert not errors(report)
    (sink,) = report.plans["a1"].sinks
    assert isinstance(sink.component.config, StoreConfig)
    settings = sink.component.config.serializer.settings
    assert PlainConfig.model_validate(settings) == PlainConfig(append_newline=False, width=9)
