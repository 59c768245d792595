"""What is in the archives that people install."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

from tests.support.distributions import CORE, ROOT, Built, folders, project

# Components that Flume has no class for.
OURS_ALONE = {"flume.source": ["embedded"]}

# Kind, then the names of each component there: the short one and Flume's Java class.
BUILT_INS = {
    "flume.source": {
        "taildir": "org.apache.flume.source.taildir.TaildirSource",
        "seq": "org.apache.flume.source.SequenceGeneratorSource",
        "netcat": "org.apache.flume.source.NetcatSource",
    },
    "flume.channel": {"memory": "org.apache.flume.channel.MemoryChannel"},
    "flume.sink": {
        "null": "org.apache.flume.sink.NullSink",
        "logger": "org.apache.flume.sink.LoggerSink",
        "file_roll": "org.apache.flume.sink.RollingFileSink",
    },
    "flume.interceptor": {
        "timestamp": "org.apache.flume.interceptor.TimestampInterceptor$Builder",
        "host": "org.apache.flume.interceptor.HostInterceptor$Builder",
        "static": "org.apache.flume.interceptor.StaticInterceptor$Builder",
    },
    "flume.channel_selector": {
        "replicating": "org.apache.flume.channel.ReplicatingChannelSelector",
        "multiplexing": "org.apache.flume.channel.MultiplexingChannelSelector",
        "load_balancing": "org.apache.flume.channel.LoadBalancingChannelSelector",
    },
    "flume.sink_processor": {
        "default": "org.apache.flume.sink.DefaultSinkProcessor",
        "failover": "org.apache.flume.sink.FailoverSinkProcessor",
        "load_balance": "org.apache.flume.sink.LoadBalancingSinkProcessor",
    },
    "flume.event_serializer": {
        "text": "org.apache.flume.serialization.BodyTextEventSerializer$Builder",
        "header_and_text": "org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder",
    },
    "flume.config_filter": {
        "env": "org.apache.flume.configfilter.EnvironmentVariableConfigFilter",
        "external": "org.apache.flume.configfilter.ExternalProcessConfigFilter",
    },
}


def defined_in(source: bytes) -> set[str]:
    """Names of the classes and functions that a module defines at its top."""
    kinds = ast.ClassDef | ast.FunctionDef
    return {node.name for node in ast.parse(source).body if isinstance(node, kinds)}


def test_a_wheel_holds_its_package_and_nothing_else(distribution: Built) -> None:
    tops = {name.partition("/")[0] for name in distribution.files}
    version = project(distribution.folder)["version"]

    assert tops == {distribution.package, f"{distribution.package}-{version}.dist-info"}


def test_a_wheel_holds_every_module_of_its_source_folder(distribution: Built) -> None:
    source = distribution.folder / "src"
    modules = {str(path.relative_to(source)) for path in source.rglob("*.py")}

    assert modules
    assert modules == {name for name in distribution.files if name.endswith(".py")}


def test_a_wheel_tells_type_checkers_that_it_is_typed(distribution: Built) -> None:
    assert f"{distribution.package}/py.typed" in distribution.files


def test_a_wheel_carries_the_apache_licence(distribution: Built) -> None:
    licences = [data for name, data in distribution.files.items() if name.endswith("/LICENSE")]

    assert licences == [(ROOT / "LICENSE").read_bytes()]
    assert distribution.metadata.metadata["License-Expression"] == "Apache-2.0"


def test_metadata_says_what_the_package_is_and_where_it_runs(distribution: Built) -> None:
    metadata = distribution.metadata.metadata

    assert metadata["Version"] == "0.1.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"]
    assert metadata.get_payload(), "the README is missing from the metadata"


def test_an_sdist_builds_without_the_repository_around_it(distribution: Built) -> None:
    # The wheel was built from the sdist, so what the build needs is in it; this is for people.
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= distribution.sdist_names


def test_requirements_state_minimums_and_cap_nothing_but_our_own(distribution: Built) -> None:
    for requirement in distribution.metadata.requires or []:
        specifier = requirement.partition(";")[0].strip()
        if re.match(r"flume[-_]", specifier):
            assert re.fullmatch(r"flume-[a-z]+(\[[a-z,]+\])?(<0\.2,>=0\.1|>=0\.1,<0\.2)", specifier)
        else:
            assert re.fullmatch(r"[\w.-]+(\[[\w,]+\])?>=[\d.]+", specifier)


def test_every_class_and_command_that_is_announced_is_in_the_wheel(distribution: Built) -> None:
    absent = []
    for point in distribution.entry_points:
        path = point.module.replace(".", "/")
        source = distribution.files.get(f"{path}.py") or distribution.files.get(
            f"{path}/__init__.py"
        )
        # A hook package announces a module as a whole.
        whole = not point.attr and point.group == "flume.hooks"
        if source is None or not (whole or point.attr in defined_in(source)):
            absent.append(f"{point.group}: {point.name} = {point.value}")

    assert not absent


def test_a_type_name_is_announced_once(distribution: Built) -> None:
    # Without regard to case, as configurations are read.
    names = [(point.group, point.name.lower()) for point in distribution.entry_points]

    assert len(names) == len(set(names))


def test_the_core_announces_each_built_in_by_its_short_and_its_java_name(
    built: Callable[[Path], Built],
) -> None:
    announced: dict[str, dict[str, str]] = {}
    for point in built(CORE).entry_points:
        announced.setdefault(point.group, {})[point.name] = point.value
    commands = announced.pop("console_scripts")

    assert {group: set(names) for group, names in announced.items()} == {
        group: {*names, *names.values(), *OURS_ALONE.get(group, ())}
        for group, names in BUILT_INS.items()
    }
    for group, names in BUILT_INS.items():
        for short, java in names.items():
            assert announced[group][short] == announced[group][java]
    assert set(commands) == {"flume", "flume-ng"}


def test_each_distribution_is_named_like_its_package_and_all_have_one_version() -> None:
    projects = {folder.name: project(folder) for folder in folders()}

    assert {p["version"] for p in projects.values()} == {"0.1.0"}
    assert {name for name, p in projects.items() if p["name"] != name} == {"core"}
    assert projects["core"]["name"] == "flume-core"
