"""From files to a plan: merging, substitution, TOML, which agent, what is raised."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core._runtime.load import check_files, load_plan, load_properties, plan_from_mapping
from flume_core._runtime.plan import AgentPlan
from flume_core.config.findings import Mode
from flume_core.errors import ConfigurationError, Severity
from tests.core.config.tiny import CATALOG, GOOD, StoreConfig, TickConfig

STORE = GOOD.replace("type = drop", "type = store") + "a1.sinks.k1.sink.directory = "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, so that origins have short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def load(
    *files: str, name: str | None = "a1", mode: Mode = Mode.STRICT, strict: bool = False
) -> AgentPlan:
    environ, system = {"HOME": "/home/me"}, {"dir": "/from/system"}
    return load_plan(files, name, CATALOG, mode=mode, strict=strict, environ=environ, system=system)


def refused(*files: str, name: str | None = "a1", **options: object) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(*files, name=name, **options)  # type: ignore[arg-type]
    return caught.value


def directory(plan: AgentPlan) -> str:
    config = plan.sinks[0].component.config
    assert isinstance(config, StoreConfig)
    return config.directory


def test_a_plan_has_everything_in_the_order_of_the_lists(folder: Path) -> None:
    text = GOOD.replace("sources = r1", "sources = r2 r1") + (
        "a1.sources.r2.type = org.example.ticksource\na1.sources.r2.channels = c1\n"
    )
    plan = load(write("flume.conf", text))
    assert plan.name == "a1"
    assert [(s.component.name, s.component.kind) for s in plan.sources] == [
        ("r2", "source"),
        ("r1", "source"),
    ]
    assert plan.sources[0].component.type == "org.example.ticksource"
    assert plan.problems == ()


def test_later_files_override_earlier_ones(folder: Path) -> None:
    first = write("first.conf", STORE + "/first")
    second = write("second.conf", "a1.sinks.k1.sink.directory = /second")
    assert directory(load(first, second)) == "/second"
    assert directory(load(second, first)) == "/first"


def test_properties_and_toml_may_be_mixed(folder: Path) -> None:
    first = write("first.conf", STORE + "/first")
    second = write("second.toml", '["a1.sinks.k1"]\n"sink.directory" = "/second"\n')
    assert directory(load(first, second)) == "/second"


def test_variables_are_filled_in_before_the_check(folder: Path) -> None:
    assert directory(load(write("flume.conf", STORE + "${env:HOME}/x"))) == "/home/me/x"
    assert directory(load(write("flume.conf", STORE + "${sys:dir}/x"))) == "/from/system/x"


def test_a_key_that_is_only_a_variable_is_no_mistake(folder: Path) -> None:
    text = "base = /data\nshared.dir = ${base}/out\n" + STORE + "${shared.dir}/x"
    assert directory(load(write("flume.conf", text))) == "/data/out/x"
    assert refused(write("flume.conf", "base = /data\n" + STORE + "/x")).problems[0].key == "base"


def test_a_variable_that_is_not_there_is_a_warning(folder: Path) -> None:
    plan = load(write("flume.conf", STORE + "${env:NOT_THERE}/x"))
    (problem,) = plan.problems
    assert "NOT_THERE" in problem.message
    assert problem.severity is Severity.WARNING


def test_strict_makes_every_warning_an_error(folder: Path) -> None:
    file = write("flume.conf", STORE + "${env:NOT_THERE}/x")
    (problem,) = refused(file, strict=True).problems
    assert problem.severity is Severity.ERROR
    file = write("flume.conf", GOOD + "a1.sinks.k1.unknown = 1")
    assert load(file, mode=Mode.COMPATIBLE).problems
    assert refused(file, mode=Mode.COMPATIBLE, strict=True).problems


def test_a_line_that_replaces_another_is_a_warning(folder: Path) -> None:
    (problem,) = load(
        write("flume.conf", GOOD + "a1.channels.c1.type = org.example.RamChannel")
    ).problems
    assert problem.message == "this line replaces the value given on line 6"


def test_warnings_about_other_agents_are_not_the_named_ones(folder: Path) -> None:
    text = GOOD + "b1.channels = c\nb1.channels = d\nb1.x = ${env:NOT_THERE}\n"
    assert load(write("flume.conf", text)).problems == ()


def test_an_agent_that_is_not_in_the_file(folder: Path) -> None:
    file = write("flume.conf", GOOD + GOOD.replace("a1.", "a2."))
    (problem,) = refused(file, name="a9").problems
    assert problem.message == "agent a9 is not in flume.conf; it defines: a1, a2"
    assert problem.cure


def test_without_a_name_the_only_agent_is_meant(folder: Path) -> None:
    assert load(write("flume.conf", GOOD), name=None).name == "a1"
    error = refused(write("flume.conf", GOOD + GOOD.replace("a1.", "b1.")), name=None)
    assert "flume.conf defines several agents: a1, b1" in str(error)
    assert "-n" in str(error)
    assert "flume.conf defines no agent" in str(refused(write("flume.conf", "#"), name=None))


def test_all_files_that_cannot_be_read_are_named(folder: Path) -> None:
    bad = write("bad.conf", "a1.sources = \\u12\n")
    error = refused("missing.conf", bad, write("bad.toml", "a1 = ["))
    assert "missing.conf does not exist" in str(error)
    assert "bad.conf:1" in str(error)
    assert "bad.toml:1" in str(error)


def test_a_check_of_files_reports_what_loading_raises(folder: Path) -> None:
    report = check_files(["missing.conf"], CATALOG, mode=Mode.STRICT, environ={}, system={})
    assert report.failed
    assert "missing.conf does not exist" in report.problems[0].message


def test_a_check_of_files_has_warnings_and_errors_in_order(folder: Path) -> None:
    file = write("flume.conf", GOOD + "a1.sinks.k1.type = dorp\na1.channels.c1.oops = ${env:NO}")
    report = check_files([file], CATALOG, mode=Mode.STRICT, environ={}, system={})
    assert [problem.origin.line for problem in report.problems if problem.origin] == [9, 9, 10, 10]


def test_the_deprecated_resolver_reads_the_environment(folder: Path) -> None:
    file = write("flume.conf", "a1.x = ${HOME}")
    plain = load_properties([file], environ={"HOME": "/h"}, system={})
    assert plain["a1.x"].value == "${HOME}"
    old = load_properties([file], environ={"HOME": "/h"}, system={}, env_var_resolver=True)
    assert old["a1.x"].value == "/h"


NESTED = {
    "sources": {"r1": {"type": "tick", "channels": ["c1"], "batchSize": 7, "port": None}},
    "channels": {"c1": {"type": "ram", "keep-alive": 1}},
    "sinks": {
        "k1": {"type": "store", "channel": "c1", "sink": {"directory": Path("/d")}, "sync": True}
    },
}


def test_a_mapping_may_be_nested_or_dotted() -> None:
    nested = {**NESTED, "sources": {"r1": {"type": "tick", "channels": ["c1"], "batchSize": 7}}}
    dotted = {
        "sources": "r1",
        "channels": ["c1"],
        "sources.r1.type": "tick",
        "sources.r1.channels": "c1",
        "sources.r1.batchSize": "7",
        "channels.c1.type": "ram",
        "channels.c1": {"keep-alive": 1},
        "sinks.k1": {"type": "store", "channel": "c1", "sync": "true"},
        "sinks": {"": "k1"},
        "sinks.k1.sink.directory": "/d",
    }
    plan = plan_from_mapping(nested, "a1", CATALOG)
    assert plan == plan_from_mapping(dotted, "a1", CATALOG)
    config = plan.sources[0].component.config
    assert isinstance(config, TickConfig)
    assert config.batch_size == 7


def test_interceptors_in_a_mapping_are_listed_by_being_there() -> None:
    mapping = {
        **NESTED,
        "sources": {
            "r1": {
                "type": "tick",
                "channels": "c1",
                "interceptors": {"b": {"type": "stamp"}, "a": {"type": "stamp"}},
            }
        },
    }
    (source,) = plan_from_mapping(mapping, "a1", CATALOG).sources
    assert [each.name for each in source.interceptors] == ["b", "a"]


def test_problems_of_a_mapping_have_keys_and_no_lines() -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan_from_mapping(NESTED, "a1", CATALOG)
    assert "sources.r1.port" in str(caught.value)
    wrong = {
        "channels": {"c1": {"type": "rma"}},
        "sinks": {"k1": {"type": "drop", "channel": "c1"}},
    }
    with pytest.raises(ConfigurationError) as caught:
        plan_from_mapping(wrong, "a1", CATALOG)
    assert any(problem.cure == "did you mean ram?" for problem in caught.value.problems)
    assert all(problem.origin is None for problem in caught.value.problems)


@pytest.mark.parametrize("name", ["", "a.b", "a b", " a"])
def test_a_name_that_cannot_name_an_agent_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name an agent"):
        plan_from_mapping({}, name, CATALOG)
