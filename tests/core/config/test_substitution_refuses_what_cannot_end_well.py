"""Circles, blow-ups and unknown names: all reported at once, none of them a hang."""

from __future__ import annotations

import pytest

from flume_core.config.properties import merge, parse_properties
from flume_core.config.substitution import MAX_NESTING, MAX_VALUE_LENGTH, substitute
from flume_core.errors import ConfigurationError, Problem, Severity


def problems_of(text: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as refused:
        substitute(merge([parse_properties(text, "flume.conf")]), environ=environ or {})
    return refused.value.problems


def test_a_circle_is_reported_once_with_its_members() -> None:
    (problem,) = problems_of("start = ${a}\na = ${b}\nb = x${c}\nc = ${a:-default}\n")

    assert problem.severity is Severity.ERROR
    assert "a -> b -> c -> a" in problem.message
    assert (problem.key, str(problem.origin), problem.text) == (
        "c",
        "flume.conf:4",
        "c = ${a:-default}",
    )
    assert problem.cure


def test_a_property_that_is_nothing_but_itself_is_a_circle() -> None:
    (problem,) = problems_of("a = ${a}")

    assert "a -> a" in problem.message


def test_environment_variables_that_need_each_other_are_a_circle() -> None:
    (problem,) = problems_of("a = ${env:X}", {"X": "${env:Y}", "Y": "${env:X}"})

    assert "env:X -> env:Y -> env:X" in problem.message
    assert problem.key == "a"


def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = (
        "a = ${d}\nb = ${date:yyyy QQ} ${java:beans}\nc = ${c}\nd = ${date:YYYY}\n"
        "ok = ${date:yyyy'QQ'}\n"
    )

    problems = problems_of(text)

    assert [p.key for p in problems] == ["b", "b", "c", "d"]
    assert "date letter Q" in problems[0].message
    assert " M d " in problems[0].cure
    assert "hardware" in problems[1].cure
    assert "date letter Y" in problems[3].message


def test_no_message_shows_what_was_filled_in() -> None:
    text = "a = ${java:${env:SECRET}}\nb = ${date:'${env:SECRET}' Q}\nc = ${env:SECRET}${c}\n"

    problems = problems_of(text, {"SECRET": "hunter2"})

    assert len(problems) == 3
    assert "hunter2" not in "\n".join(map(str, problems))


def test_references_that_double_at_each_step_are_stopped() -> None:
    text = "".join(f"k{n} = ${{k{n + 1}}}${{k{n + 1}}}\n" for n in range(100)) + "k100 = ha\n"

    (problem,) = problems_of(text)

    assert str(MAX_VALUE_LENGTH) in problem.message


def test_doubling_through_the_environment_ends_even_when_nothing_grows() -> None:
    environ = {f"K{n}": f"${{env:K{n + 1}}}${{env:K{n + 1}}}" for n in range(200)} | {"K200": ""}
    properties = merge([parse_properties("a = [${env:K0}]", "flume.conf")])

    assert substitute(properties, environ=environ)["a"].value == "[]"


def test_many_large_values_together_are_stopped() -> None:
    text = f"large = {'x' * MAX_VALUE_LENGTH}\n" + "".join(
        f"k{n} = ${{large}}\n" for n in range(99)
    )

    assert "together" in problems_of(text)[0].message


def test_large_names_made_of_references_are_stopped() -> None:
    text = f"large = {'x' * MAX_VALUE_LENGTH}\na = {'${${large}}' * 50_000}\n"

    assert problems_of(text)[0].key == "a"


@pytest.mark.parametrize("escape", ["", "$"])
def test_nesting_has_a_limit(escape: str) -> None:
    def nested(levels: int) -> str:
        return f"a = {escape}{'${x:-' * levels}end{'}' * levels}\n"

    properties = merge([parse_properties(nested(MAX_NESTING), "flume.conf")])
    assert "end" in substitute(properties, environ={})["a"].value

    (problem,) = problems_of(nested(MAX_NESTING + 2) + "b = ${a}${a}")
    assert str(MAX_NESTING) in problem.message


def test_a_megabyte_of_unfinished_references_is_left_alone() -> None:
    value = "${a $${b" * 10 + "x" * 1_000_000
    properties = merge([parse_properties(f"a = {value}", "flume.conf")])

    assert substitute(properties, environ={})["a"].value == value
