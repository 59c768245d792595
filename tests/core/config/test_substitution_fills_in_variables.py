"""``${...}`` in values: what each form gives, and what is left alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.config.properties import merge, parse_properties
from flume_core.config.substitution import substitute, unresolved
from flume_core.errors import Severity

ENVIRON = {"HOME": "/home/flume", "EMPTY": "", "WHICH": "HOME", "DEEP": "${env:HOME}/deep"}
SYSTEM = {"log.dir": "/var/log/flume"}


def filled_in(
    text: str,
    *,
    env_var_resolver: bool = False,
    now: Callable[[], datetime] | None = None,
    environ: Mapping[str, str] = ENVIRON,
) -> dict[str, str]:
    result = substitute(
        merge([parse_properties(text, "flume.conf")]),
        environ=environ,
        system=SYSTEM,
        env_var_resolver=env_var_resolver,
        now=now,
    )
    return {key: prop.value for key, prop in result.items()}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("no variable, $5 {x}", "no variable, $5 {x}"),
        ("${env:HOME}/x", "/home/flume/x"),
        ("${ENV:HOME}${Sys:log.dir}", "/home/flume/var/log/flume"),
        ("x${env:EMPTY}y", "xy"),
        ("x${env:EMPTY:-default}y", "xy"),
        ("${env:ABSENT:-a default}", "a default"),
        ("${env:ABSENT:-${env:HOME}}", "/home/flume"),
        ("${env:ABSENT:-}x", "x"),
        ("${env:${env:WHICH}}", "/home/flume"),
        ("${env:DEEP}", "/home/flume/deep"),
        ("${other}", "the other"),
        ("${env:other}", "the other"),
        ("${unknown:other}", "the other"),
        ("${oth${suffix}}", "the other"),
        ("${f1['key']} and ${f1[\"key\"]}", "${f1['key']} and ${f1[\"key\"]}"),
        ("${env:ABSENT}/${absent}", "${env:ABSENT}/${absent}"),
        ("${absent${suffix}}", "${absent${suffix}}"),
        ("$${env:HOME}", "${env:HOME}"),
        ("$$${env:HOME}", "$${env:HOME}"),
        ("$${a${suffix}}", "${aer}"),
        ("${absent:-$${env:HOME}}", "${env:HOME}"),
        ("${escaped}", "${env:HOME}"),
        ("${env:HOME", "${env:HOME"),
        ("${env:HOME ${other}", "${env:HOME ${other}"),
        ("$${env:HOME", "$${env:HOME"),
        ("$ {env:HOME} ${}", "$ {env:HOME} ${}"),
        ("  ${absent:-  padded  }", "padded"),
    ],
)
def test_a_value_is_filled_in_as_the_reference_says(value: str, expected: str) -> None:
    text = f"x = {value}\nother = the other\nsuffix = er\nescaped = $${{env:HOME}}\n"

    assert filled_in(text)["x"] == expected


def test_references_resolve_whatever_the_order_of_the_file() -> None:
    lines = ["a = ${b}/${c}", "b = [${c}]", "c = ${d:-?}${env:HOME}", "d = end"]
    expected = {"a": "[end/home/flume]/end/home/flume", "b": "[end/home/flume]", "d": "end"}

    for order in itertools.permutations(lines):
        result = filled_in("\n".join(order))
        assert {key: result[key] for key in expected} == expected


def test_a_chain_of_references_may_be_as_long_as_the_file() -> None:
    text = "".join(f"k{n} = ${{k{n + 1}}}\n" for n in range(5000)) + "k5000 = end\n"

    assert set(filled_in(text).values()) == {"end"}


def test_the_text_and_the_origin_stay_as_written() -> None:
    properties = merge([parse_properties("# x\npassword = ${env:SECRET}\n", "flume.conf")])

    result = substitute(properties, environ={"SECRET": "hunter2"})["password"]

    assert result.value == "hunter2"
    assert result.text == "password = ${env:SECRET}"
    assert str(result.origin) == "flume.conf:2"


def test_with_the_environment_resolver_a_plain_name_may_be_a_variable() -> None:
    text = "a = ${HOME}\nb = ${WHICH}\nWHICH = a property\n"

    assert filled_in(text)["a"] == "${HOME}"
    assert filled_in(text, env_var_resolver=True) == {
        "a": "/home/flume",
        "b": "a property",
        "WHICH": "a property",
    }
    assert filled_in("HOME = ${HOME}", env_var_resolver=True) == {"HOME": "/home/flume"}


def test_a_property_named_as_what_it_refers_to_is_not_a_circle() -> None:
    text = "HOME = ${env:HOME}\nport = ${port:-4141}\nABSENT = ${env:ABSENT}\n"

    assert filled_in(text) == {"HOME": "/home/flume", "port": "4141", "ABSENT": "${env:ABSENT}"}


@pytest.mark.parametrize("name", ["version", "runtime", "vm", "os", "hardware", "locale"])
def test_java_facts_describe_this_python(name: str) -> None:
    value = filled_in(f"x = ${{java:{name}}}")["x"]

    assert value
    assert "$" not in value


MAY = datetime(2024, 5, 5, 0, 4, 5, 67_890, tzinfo=UTC)
DECEMBER = datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-5), "EST"))


@pytest.mark.parametrize(
    ("pattern", "may", "december"),
    [
        ("yyyy-MM-dd", "2024-05-05", "2025-12-31"),
        ("yy/M/d", "24/5/5", "25/12/31"),
        ("HH:mm:ss.SSS", "00:04:05.067", "23:59:59.999"),
        ("H:m:s,S", "0:4:5,67", "23:59:59,999"),
        ("hh a", "12 AM", "11 PM"),
        ("k", "24", "23"),
        ("EEE, EEEE", "Sun, Sunday", "Wed, Wednesday"),
        ("MMM MMMM", "May May", "Dec December"),
        ("DDD", "126", "365"),
        ("yyyyMMdd'T'HHmmssXXX", "20240505T000405Z", "20251231T235959-05:00"),
        ("X XX", "Z Z", "-05 -0500"),
        ("Z ZZ", "+0000 Z", "-0500 -05:00"),
        ("z", "UTC", "EST"),
        ("'at' HH 'o''clock'", "at 00 o'clock", "at 23 o'clock"),
        ("''yy''", "'24'", "'25'"),
        ("", "", ""),
    ],
)
def test_a_date_is_written_in_the_pattern(pattern: str, may: str, december: str) -> None:
    text = f"x = ${{date:{pattern}}}"

    assert filled_in(text, now=lambda: MAY)["x"] == may
    assert filled_in(text, now=lambda: DECEMBER)["x"] == december


def test_all_dates_of_a_configuration_are_the_same_moment() -> None:
    moments = iter([MAY, DECEMBER])
    text = "a = ${date:yyyy}\nb = ${date:yyyy}\n"

    assert filled_in(text, now=lambda: next(moments)) == {"a": "2024", "b": "2024"}


def test_the_date_is_now_in_local_time_unless_told_otherwise() -> None:
    before = datetime.now().astimezone()
    value = filled_in("x = ${date:yyyy-MM-dd'T'HH:mm:ss.SSSXXX}")["x"]
    after = datetime.now().astimezone()

    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(value) <= after


@given(st.text(alphabet="${}:-ab e'n[]v\\", max_size=30))
def test_text_without_a_complete_reference_comes_back_unchanged(value: str) -> None:
    if "${" in value and "}" in value[value.index("${") :]:
        return
    origin = parse_properties("x=1", "flume.conf")[0]
    prop = type(origin)("x", value.strip(), origin.origin, "")

    assert substitute({"x": prop}, environ={})["x"].value == value.strip()


def test_variables_that_stay_are_warned_about_with_a_cure() -> None:
    text = (
        "a = ${env:ABSENT} ${env:ABSENT}\nb = ${sys:absent}\nc = ${ABSENT}\n"
        "d = ${f1['key']} ${env:HOME} $${env:X} ${absent} ${f1[KEY]} ${env:NO:-default}\n"
    )
    properties = merge([parse_properties(text, "flume.conf")])

    warnings = unresolved(substitute(properties, environ=ENVIRON))

    assert [(w.key, str(w.origin)) for w in warnings] == [
        ("a", "flume.conf:1"),
        ("b", "flume.conf:2"),
        ("c", "flume.conf:3"),
    ]
    assert all(w.severity is Severity.WARNING for w in warnings)
    assert "environment variable ABSENT" in warnings[0].message
    assert "${env:ABSENT:-value}" in warnings[0].cure
    assert "system property absent" in warnings[1].message
    assert "${env:ABSENT}" in warnings[2].cure
