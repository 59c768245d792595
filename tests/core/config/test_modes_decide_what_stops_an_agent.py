"""STRICT refuses what is wrong; COMPATIBLE starts what Java starts; LENIENT drops what is broken."""

from __future__ import annotations

import pytest

from flume_core._runtime.load import CheckReport
from flume_core._runtime.plan import AgentPlan
from flume_core.config.findings import Mode
from flume_core.errors import Severity
from tests.core.config.tiny import GOOD, RamConfig, StoreConfig, checked, errors, only

TWO_SINKS = (
    GOOD.replace("a1.sinks = k1", "a1.sinks = k1 k2")
    + "a1.sinks.k2.type = drop\na1.sinks.k2.channel = c1\n"
)


def warning(report: CheckReport) -> str:
    """Return the text of the one problem of a report, which is a warning."""
    problem = only(report)
    assert problem.severity is Severity.WARNING
    return problem.message


def plan(report: CheckReport) -> AgentPlan:
    assert not errors(report)
    return report.plans["a1"]


TOLERATED = [
    ("a1.sinks.k1.unknwon = 1", "it is ignored"),
    ("a1.sinks.k1.batchSizes = 1", "it is ignored"),
    ("a1.sinks.other.type = drop", "it is ignored"),
    ("a1.sources.r1.interceptors.i9.type = stamp", "it is ignored"),
    ("a1.sources.r1.selektor.type = replicating", "it is ignored"),
    ("a1.oddity.x = 1", "it is ignored"),
    ("nodots = 1", "it is ignored"),
    ("a1.sources.r1.interceptors.i1 = stamp", "it is ignored"),
    ("a1.sinks.k1.batchSize =", "the line is ignored"),
    ("a1.channels.c1.keep-alive = soon", "the default 3 is used"),
    ("a1.channels.c1.keep-alive = -1", "the default 3 is used"),
    ("a1.sinks = k1 k1", "it counts once"),
    ("a1.sources.r1.channels = c1 c1", "it counts once"),
    ("a1.sources.r1.channels = c1 c7", "it is left out"),
    ("a1.channels = c1 c2\na1.channels.c2.type = ram", "it is left out"),
]


@pytest.mark.parametrize(("line", "effect"), TOLERATED)
def test_what_java_ignores_or_repairs_is_an_error_only_in_strict(line: str, effect: str) -> None:
    text = GOOD + line
    strict = checked(text, Mode.STRICT)
    assert only(strict).severity is Severity.ERROR
    assert strict.failed
    for mode in (Mode.COMPATIBLE, Mode.LENIENT):
        report = checked(text, mode)
        assert warning(report).endswith(effect)
        assert len(plan(report).sources) == len(plan(report).sinks) == 1


def test_a_repaired_value_is_the_default_in_the_plan() -> None:
    text = GOOD + "a1.channels.c1.keep-alive = -1\na1.channels.c1.capacity = 200"
    (channel,) = plan(checked(text, Mode.COMPATIBLE)).channels
    assert isinstance(channel.config, RamConfig)
    assert (channel.config.keep_alive, channel.config.capacity) == (3, 200)


def test_a_boolean_that_is_none_is_false_where_java_says_so() -> None:
    store = GOOD.replace("type = drop", "type = store") + "a1.sinks.k1.sink.directory = /d\n"
    problem = only(checked(store + "a1.sinks.k1.sync = yes"))
    assert problem.message == "'yes' is neither true nor false; Java Flume reads it as false"
    report = checked(store + "a1.sinks.k1.sync = yes", Mode.COMPATIBLE)
    assert warning(report) == "'yes' is neither true nor false; it is read as false"
    (sink,) = plan(report).sinks
    assert isinstance(sink.component.config, StoreConfig)
    assert sink.component.config.sync is False
    assert plan(checked(store + "a1.sinks.k1.sync = TRUE")).sinks


def test_channels_that_do_not_exist_are_left_out_of_a_source() -> None:
    report = checked(GOOD + "a1.sources.r1.channels = c7 c1", Mode.COMPATIBLE)
    assert plan(report).sources[0].channels == ("c1",)


def test_an_unused_channel_is_not_in_the_plan() -> None:
    text = GOOD + "a1.channels = c1 c2\na1.channels.c2.type = ram"
    assert [each.name for each in plan(checked(text, Mode.COMPATIBLE)).channels] == ["c1"]


BREAKING = [
    "a1.sinks.k2.type = nothing",
    "a1.sinks.k2.channel = nowhere",
    "a1.sinks.k2.batchSize = many",
    "a1.sinks.k2.batchSize = 0",
    "a1.sinks.k2.batchSize = 101",
    "a1.sinks.k2.type = store",
]


@pytest.mark.parametrize("line", BREAKING)
def test_only_lenient_goes_on_without_a_broken_component(line: str) -> None:
    text = TWO_SINKS + line
    for mode in (Mode.STRICT, Mode.COMPATIBLE):
        report = checked(text, mode)
        assert only(report).severity is Severity.ERROR
        assert not report.plans
    report = checked(text, Mode.LENIENT)
    assert warning(report).endswith("; sink k2 is dropped")
    assert [sink.component.name for sink in plan(report).sinks] == ["k1"]


@pytest.mark.parametrize(
    "line",
    [
        "a1.sources.r1.selector.type = nothing",
        "a1.sources.r1.selector.optional = c9",
        "a1.sources.r1.interceptors = i1",
        "a1.sources.r1.interceptors = i1\na1.sources.r1.interceptors.i1.type = nothing",
        "a1.sources.r1.channels = nowhere",
    ],
)
def test_selector_and_interceptors_take_their_source_along(line: str) -> None:
    report = checked(GOOD + line, Mode.LENIENT)
    assert warning(report).endswith("; source r1 is dropped")
    assert plan(report).sources == ()
    assert errors(checked(GOOD + line, Mode.COMPATIBLE))


def test_a_broken_channel_takes_along_what_has_no_other() -> None:
    text = TWO_SINKS + (
        "a1.channels = c1 c2\na1.channels.c2.type = ram\na1.channels.c2.capacity = no\n"
        "a1.sources.r1.channels = c1 c2\na1.sinks.k2.channel = c2\n"
    )
    assert len(errors(checked(text, Mode.COMPATIBLE))) == 1
    report = checked(text, Mode.LENIENT)
    assert [problem.message.rpartition("; ")[2] for problem in report.problems] == [
        "channel c2 is dropped",
        "sink k2 is dropped",
    ]
    assert plan(report).sources[0].channels == ("c1",)
    assert [sink.component.name for sink in plan(report).sinks] == ["k1"]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "text",
    [
        "a1.sources = r1\na1.sources.r1.type = tick\na1.sources.r1.channels = c1",
        "a1.channels =\na1.sinks = k1\na1.sinks.k1.type = drop\na1.sinks.k1.channel = c1",
        GOOD + "a1.channels.c1.type = nothing",
        GOOD + "a1.sources.r1.type = nothing\na1.sinks.k1.type = nothing",
        "a1.channels = c1\na1.channels.c1.type = ram",
    ],
)
def test_an_agent_of_which_nothing_is_left_is_an_error_in_every_mode(text: str, mode: Mode) -> None:
    report = checked(text, mode)
    assert errors(report)
    assert not report.plans


def test_other_agents_never_stop_the_named_one() -> None:
    text = GOOD + "b1.channels = c1\nb1.sinks.k1.type = nothing\nb2.x.y = 1\nc3.sources =\n"
    report = checked(text, Mode.STRICT, agent="a1")
    assert report.problems == ()
    assert report.agents == ("a1", "b1", "c3")


def test_a_misspelt_agent_name_only_warns_the_named_one() -> None:
    text = GOOD.replace("a1.", "agent1.") + "agnet1.sinks.k1.batchSize = 5"
    assert "there is no agent agnet1" in warning(checked(text, Mode.STRICT, agent="agent1"))
