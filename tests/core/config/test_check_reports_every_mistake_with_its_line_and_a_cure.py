"""What a check says: all mistakes at once, each with file, line and cure, and each only once."""

from __future__ import annotations

import pytest

from flume_core._runtime.load import check
from flume_core.config.findings import Mode
from flume_core.errors import Severity
from tests.core.config.tiny import CATALOG, GOOD, checked, errors, line, only, properties

TEN_MISTAKES = """\
# an agent with ten mistakes
a1.sources = r1 r2
a1.channels = c1 c2
a1.sinks = k1 k2 k3

a1.sources.r1.type = tick
a1.sources.r1.channels = cc1
a1.source.r1.batchSize = 5
a1.sources.r2.type = tikc
a1.sources.r2.channels = c2
a1.sources.r2.interceptors = i1
a1.sources.r2.interceptors.i1.type = stamp
a1.sources.r2.interceptors.i1.preserveExisting = yes

a1.channels.c1.type = ram
a1.channels.c1.capcity = 5000
a1.channels.c2.type = ram
a1.channels.c2.capacity = many

a1.sinks.k1.type = store
a1.sinks.k1.channel = c1
a1.sinks.k2.type = drop
a1.sinks.k2.channels = c2
a1.sinks.k3.type = drop
a1.sinks.k3.channel = c1
a1.sinks.k3.batchSize = 500
a1.sinks.k4.type = drop

b1.sources = r1
"""


def test_ten_different_mistakes_are_ten_problems_with_line_and_cure() -> None:
    report = checked(TEN_MISTAKES, agent="a1")
    found = {line(problem): problem for problem in report.problems}
    assert len(found) == len(report.problems) == 10
    assert all(problem.severity is Severity.ERROR for problem in report.problems)
    assert {number: problem.cure for number, problem in found.items()} == {
        7: "did you mean c1?",
        8: "did you mean a1.sources.r1.batchSize?",
        9: "did you mean tick?",
        13: "write true or false (the default is false)",
        16: "did you mean a1.channels.c1.capacity?",
        18: "write a whole number of events, greater than 0 (the default is 100)",
        20: "write a1.sinks.k1.sink.directory = ... (folder that gets the files)",
        23: "did you mean a1.sinks.k2.channel?",
        26: "write 100 or less, or raise transactionCapacity of channel c1 to 500",
        27: "write a1.sinks = k1 k2 k3 k4, or remove its properties",
    }
    assert found[18].text == "a1.channels.c2.capacity = many"
    assert str(found[9]) == (
        "flume.conf:9: error: a1.sources.r2.type: unknown source type 'tikc'\n"
        "    a1.sources.r2.type = tikc\n"
        "    cure: did you mean tick?"
    )


def test_problems_come_in_the_order_of_the_files() -> None:
    both = {
        **properties("a1.sinks.k1.type = nothing", "zebra.conf"),
        **properties(GOOD.replace("a1.sinks.k1.type = drop\n", "") + "foo\nbar", "apple.conf"),
    }
    report = check(both, CATALOG, mode=Mode.STRICT)
    assert [str(problem.origin) for problem in report.problems] == [
        "zebra.conf:1",
        "apple.conf:8",
        "apple.conf:9",
    ]


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ("a1.source.r1.port = 9", "did you mean a1.sources.r1.port?"),
        ("a1.sink.k1.batchSize = 9", "did you mean a1.sinks.k1.batchSize?"),
        ("a1.Channels.c1.capacity = 900", "did you mean a1.channels.c1.capacity?"),
        ("a1.monitoring = on", "write one of a1.configfilters, a1.channels"),
        ("a1.sinks.k1 = drop", "write a1.sinks.k1.type = drop"),
        ("a1.sinks..type = drop", "remove the line"),
        ("nodots = 1", "write it behind an agent's name"),
        (".sources = r1", "write it behind an agent's name"),
        ("a1. = r1", "write it behind an agent's name"),
    ],
)
def test_a_key_in_the_wrong_place_is_an_error_with_the_right_place(wrong: str, cure: str) -> None:
    problem = only(checked(GOOD + wrong))
    assert line(problem) == 9
    assert problem.cure.startswith(cure)


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ("a1.sources.r1.batchsize = 9", "did you mean a1.sources.r1.batchSize?"),
        ("a1.sources.r1.batch-size = 9", "did you mean a1.sources.r1.batchSize?"),
        ("a1.sources.r1.header.app.x = y", "did you mean a1.sources.r1.headers.app.x?"),
        ("a1.sources.r1.channel = c1", "did you mean a1.sources.r1.channels?"),
        ("a1.sources.r1.selector = replicating", "did you mean a1.sources.r1.selector.type?"),
        ("a1.sources.r1.interceptos.i1.x = 9", "did you mean a1.sources.r1.interceptors.i1.x?"),
        ("a1.channels.c1.keepAlive = 9", "did you mean a1.channels.c1.keep-alive?"),
        ("a1.sinks.k1.zzzzzzzz = 9", "`flume components drop` lists its properties"),
    ],
)
def test_an_unknown_property_gets_the_nearest_spelling(wrong: str, cure: str) -> None:
    problem = only(checked(GOOD + wrong))
    assert line(problem) == 9
    assert "has no property" in problem.message
    assert problem.cure == cure


def test_a_misspelt_list_is_one_mistake() -> None:
    problem = only(checked(GOOD.replace("a1.sinks =", "a1.sink =")))
    assert problem.cure == "did you mean a1.sinks?"


def test_a_list_that_is_missing_is_one_mistake() -> None:
    problem = only(checked(GOOD.replace("a1.sinks = k1\n", "")))
    assert problem.message == "nothing is listed in a1.sinks"
    assert problem.cure == "write a1.sinks = k1"
    assert only(checked(GOOD.replace("a1.channels = c1\n", ""))).cure == "write a1.channels = c1"


def test_a_misspelt_component_name_is_one_mistake() -> None:
    problem = only(checked(GOOD.replace("a1.sinks.k1.channel", "a1.sinks.kl.channel")))
    assert problem.key == "a1.sinks.kl"
    assert problem.cure == "did you mean a1.sinks.k1?"
    assert line(problem) == 8


def test_a_channel_that_is_not_listed_is_one_mistake() -> None:
    text = GOOD.replace("k1.channel = c1", "k1.channel = c2") + "a1.channels.c2.type = ram"
    problem = only(checked(text))
    assert problem.cure == "write a1.channels = c1 c2, or remove its properties"


def test_a_component_without_type_says_so_where_it_begins() -> None:
    problem = only(checked(GOOD.replace("a1.sinks.k1.type = drop\n", "")))
    assert problem.message == "the sink k1 has no type"
    assert problem.key == "a1.sinks.k1.type"
    assert line(problem) == 7


def test_a_misspelt_type_key_is_pointed_out() -> None:
    problem = only(checked(GOOD.replace("k1.type", "k1.typ")))
    assert line(problem) == 7
    assert problem.cure == "write a1.sinks.k1.type instead of typ"


def test_a_listed_name_without_properties_says_so_at_the_list() -> None:
    problem = only(checked(GOOD.replace("a1.sinks = k1", "a1.sinks = k1 other")))
    assert problem.message == "sink other is listed but has no properties"
    assert line(problem) == 3


def test_names_separated_by_commas_are_understood() -> None:
    text = GOOD.replace("a1.channels = c1", "a1.channels = c1 c2") + "a1.channels.c2.type = ram\n"
    problem = only(checked(text.replace("r1.channels = c1", "r1.channels = c1,c2")))
    assert problem.cure == "names are separated by blanks: write c1 c2"
    text = text.replace("r1.channels = c1", "r1.channels = c1 c2")
    problem = only(checked(text.replace("a1.channels = c1 c2", "a1.channels = c1, c2")))
    assert problem.cure == "write a1.channels = c1 c2"


def test_an_empty_value_is_one_mistake() -> None:
    problem = only(checked(GOOD.replace("k1.channel = c1", "k1.channel =")))
    assert "empty" in problem.message
    assert line(problem) == 8


def test_a_sink_has_one_channel() -> None:
    text = GOOD.replace("a1.channels = c1", "a1.channels = c1 c2")
    text = text.replace("k1.channel = c1", "k1.channel = c1 c2") + "a1.channels.c2.type = ram"
    problem = only(checked(text))
    assert problem.message == "a sink takes from one channel, not from 2"


def test_two_components_that_need_the_same_port_name_each_other() -> None:
    text = GOOD.replace("a1.sources = r1", "a1.sources = r1 r2") + (
        "a1.sources.r1.port = 4444\n"
        "a1.sources.r2.port = 4444\n"
        "a1.sources.r2.type = tick\n"
        "a1.sources.r2.channels = c1\n"
    )
    problem = only(checked(text))
    assert problem.message == "TCP port 4444 is used by a1.sources.r1 already"
    assert line(problem) == 11


def test_a_batch_may_be_as_large_as_a_transaction() -> None:
    fits = GOOD + "a1.channels.c1.capacity = 500\na1.channels.c1.transactionCapacity = 200\n"
    assert checked(fits + "a1.sinks.k1.batchSize = 200").problems == ()
    problem = only(checked(fits + "a1.sources.r1.batch_size = 201"))
    assert problem.key == "a1.sources.r1.batch_size"
    assert line(problem) == 11


def test_a_default_batch_that_does_not_fit_is_reported_at_the_component() -> None:
    problem = only(checked(GOOD + "a1.channels.c1.transactionCapacity = 50"))
    assert problem.key == "a1.sinks.k1.batchSize"
    assert line(problem) == 7


def test_no_conclusions_are_drawn_from_a_value_that_is_wrong() -> None:
    text = GOOD + "a1.channels.c1.transactionCapacity = 1ooo\na1.sinks.k1.batchSize = 500"
    assert line(only(checked(text))) == 9


def test_what_the_model_says_about_several_properties_is_placed_on_one_it_names() -> None:
    problem = only(checked(GOOD + "a1.channels.c1.capacity = 60"))
    assert problem.message == "transactionCapacity is more than capacity"
    assert line(problem) == 9


def test_an_agent_without_channels_sources_or_sinks_cannot_run() -> None:
    assert only(checked("a1.sinks = k1\na1.sinks.k1.type = drop\na1.sinks.k1.channel = c")).message
    problem = only(checked("a1.channels = c1\na1.channels.c1.type = ram"))
    assert problem.message == "agent a1 has neither sources nor sinks"


def test_an_agent_may_do_without_sources() -> None:
    text = "\n".join(each for each in GOOD.splitlines() if "sources" not in each)
    report = checked(text)
    assert only(report).severity is Severity.WARNING
    assert report.plans["a1"].sources == ()


def test_all_agents_are_checked_unless_one_is_named() -> None:
    text = GOOD + GOOD.replace("a1.", "b1.").replace("type = drop", "type = dorp")
    report = checked(text)
    assert report.agents == ("a1", "b1")
    assert [problem.agent for problem in report.problems] == ["b1"]
    assert set(report.plans) == {"a1"}
    assert checked(text, agent="a1").problems == ()
    assert errors(checked(text, agent="b1"))


def test_a_misspelt_agent_name_is_found_by_its_neighbours() -> None:
    text = GOOD.replace("a1.", "agent1.")
    problem = only(checked(text.replace("agent1.sinks.k1.channel", "agnet1.sinks.k1.channel")))
    assert problem.cure == "did you mean agent1.sinks.k1.channel?"
    assert line(problem) == 8


def test_an_agent_that_is_not_there_is_named_with_those_that_are() -> None:
    report = checked(GOOD + GOOD.replace("a1.", "web."), agent="a9")
    problem = only(report)
    assert problem.message == "agent a9 is not in flume.conf; it defines: a1, web"
    assert not report.plans


def test_an_empty_configuration_defines_no_agent() -> None:
    assert "defines no agent" in only(checked("# nothing\n")).message
