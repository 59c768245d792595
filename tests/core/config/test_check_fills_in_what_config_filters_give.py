"""Config filters: placeholders in values, filled in before anything else is checked."""

from __future__ import annotations

import pytest

from flume_core._runtime.load import check
from flume_core.component import Component
from flume_core.config.findings import Mode
from flume_core.config.model import ComponentConfig
from tests.core.config.tiny import (
    CATALOG,
    GOOD,
    StoreConfig,
    TickConfig,
    Vault,
    VaultConfig,
    checked,
    errors,
    line,
    only,
    properties,
)

FILTERED = (
    GOOD.replace("type = drop", "type = store")
    + "a1.sinks.k1.sink.directory = /d\n"
    + "a1.configfilters = f1\n"
    + "a1.configfilters.f1.type = vault\n"
)


def directory(text: str, mode: Mode = Mode.STRICT) -> str:
    report = checked(text, mode)
    assert not errors(report)
    config = report.plans["a1"].sinks[0].component.config
    assert isinstance(config, StoreConfig)
    return config.directory


@pytest.mark.parametrize("placeholder", ["${f1['dir']}", '${f1["dir"]}', "${f1[dir]}"])
def test_a_placeholder_may_be_quoted_either_way_and_be_part_of_a_value(placeholder: str) -> None:
    text = FILTERED + f"a1.sinks.k1.sink.directory = x{placeholder}/y/{placeholder}"
    assert directory(text) == "x/data/out/y//data/out"


def test_every_part_of_an_agent_may_have_placeholders() -> None:
    text = FILTERED + (
        "a1.sources.r1.headers.dir = ${f1[dir]}\n"
        "a1.sources.r1.selector.optional = c1\n"
        "a1.sinkgroups = g1\n"
        "a1.sinkgroups.g1.sinks = k1\n"
        "a1.sinkgroups.g1.processor.type = ${f1[nothing]}\n"
    )
    report = checked(text, Mode.COMPATIBLE)
    config = report.plans["a1"].sources[0].component.config if report.plans else None
    assert config is None
    assert "unknown sink processor type" in errors(report)[0].message
    report = checked(text.replace("${f1[nothing]}", "failover"))
    config = report.plans["a1"].sources[0].component.config
    assert isinstance(config, TickConfig)
    assert config.headers == {"dir": "/data/out"}


def test_filters_work_in_the_order_of_their_list() -> None:
    class Second(Vault):
        def lookup(self, key: str) -> str | None:
            return {"which": "pw", "dir": "second"}.get(key)

    class First(Vault):
        def lookup(self, key: str) -> str | None:
            return "${f2[dir]}"

    catalog = CATALOG.with_({("config_filter", "one"): First, ("config_filter", "two"): Second})
    text = FILTERED + (
        "a1.configfilters = f1 f2\na1.configfilters.f1.type = one\na1.configfilters.f2.type = two\n"
        "a1.sinks.k1.sink.directory = ${f1[x]}\n"
    )
    report = check(properties(text), catalog, mode=Mode.STRICT)
    assert report.plans["a1"].sinks[0].component.config.model_dump()["directory"] == "second"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${f1[nothing]}", "config filter f1 has no value for nothing"),
        ("${f1[boom]}", "config filter f1 failed with OSError for boom"),
        ("${f9[dir]}", "there is no config filter f9"),
    ],
)
def test_a_placeholder_that_stays_is_an_error_or_a_warning(value: str, message: str) -> None:
    text = FILTERED + f"a1.sinks.k1.sink.directory = {value}"
    problem = only(checked(text))
    assert problem.message == message
    assert line(problem) == 12
    assert directory(text, Mode.COMPATIBLE) == value


def test_a_filter_that_fails_once_leaves_the_whole_value_alone() -> None:
    value = "${f1[dir]}/${f1[boom]}"
    assert directory(FILTERED + f"a1.sinks.k1.sink.directory = {value}", Mode.LENIENT) == value


@pytest.mark.parametrize(
    "wrong",
    [
        "a1.configfilters.f1.type = nothing",
        "a1.configfilters = f1 f2",
        "a1.configfilters.f1.unknown = 1",
    ],
)
def test_a_filter_is_checked_like_other_components(wrong: str) -> None:
    assert "a1.configfilters." in only(checked(FILTERED + wrong)).key


def test_a_filter_that_cannot_be_made_or_started_is_reported() -> None:
    class Unmade(Vault):
        def start(self) -> None:
            raise OSError("no such command")

    catalog = CATALOG.with_({("config_filter", "vault"): Unmade})
    report = check(properties(FILTERED), catalog, mode=Mode.STRICT)
    assert "OSError" in only(report).message


def test_a_filter_is_started_asked_once_for_a_key_and_stopped() -> None:
    calls: list[str] = []

    class Watched(Vault):
        def __init__(self, config: VaultConfig, context: object) -> None:
            calls.append(f"made with {config.file}")

        def start(self) -> None:
            calls.append("start")

        def lookup(self, key: str) -> str | None:
            calls.append(key)
            return "7"

        def stop(self) -> None:
            calls.append("stop")

    catalog = CATALOG.with_({("config_filter", "vault"): Watched})
    text = FILTERED + (
        "a1.configfilters.f1.file = secrets\n"
        "a1.sinks.k1.batchSize = ${f1[n]}\n"
        "a1.channels.c1.keep-alive = ${f1[n]}${f1[n]}\n"
    )
    report = check(properties(text), catalog, mode=Mode.STRICT)
    assert not report.problems
    assert calls == ["made with secrets", "start", "n", "stop"]


def test_a_filter_that_cannot_be_stopped_is_only_mentioned() -> None:
    class Stuck(Vault):
        def stop(self) -> None:
            raise OSError("busy")

    catalog = CATALOG.with_({("config_filter", "vault"): Stuck})
    report = check(properties(FILTERED), catalog, mode=Mode.STRICT)
    assert only(report).message == "stopping the filter failed with OSError"
    assert "a1" in report.plans


def test_what_only_calls_itself_a_filter_is_refused() -> None:
    class Pretender(Component[ComponentConfig]):
        kind = "config_filter"

    catalog = CATALOG.with_({("config_filter", "vault"): Pretender})
    report = check(properties(FILTERED), catalog, mode=Mode.STRICT)
    assert only(report).message == "vault is not derived from ConfigFilter"
