"""A catalog made by hand: import paths, wrong kinds, and what is said about unknown types."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core._plugins.catalog import Catalog
from flume_core.component import Component
from flume_core.config.model import ComponentConfig, SinkConfig
from flume_core.errors import PluginError
from flume_core.sink import BatchSink
from tests.core.config.tiny import CATALOG, Drop, Tick
from tests.core.plugins.fake_packages import SINK


def refusal(kind: str, type_: str, catalog: Catalog = CATALOG) -> tuple[str, str]:
    with pytest.raises(PluginError) as caught:
        catalog.resolve(kind, type_)
    (problem,) = caught.value.problems
    return problem.message, problem.cure


def test_an_import_path_needs_no_package(site: Path) -> None:
    (site / "my_module.py").write_text(SINK + "\nclass Outer:\n    Inner = MySink\n")
    assert CATALOG.resolve("sink", "my_module:MySink").__name__ == "MySink"
    assert CATALOG.resolve("sink", "my_module:Outer.Inner").__name__ == "MySink"


def test_a_misspelt_import_path_says_where_to_look(site: Path) -> None:
    (site / "found_module.py").write_text(SINK)
    message, cure = refusal("sink", "fuond_module:MySink")
    assert "No module named 'fuond_module'" in message
    assert "PYTHONPATH" in cure
    message, cure = refusal("sink", "found_module:MySnk")
    assert "does not exist" in message
    assert cure == "did you mean MySink?"


def test_an_import_path_to_a_broken_module_says_so(site: Path) -> None:
    (site / "broken_module.py").write_text("import surely_not_installed_xyz\n")
    message, cure = refusal("sink", "broken_module:MySink")
    assert "surely_not_installed_xyz" in message
    assert cure == "correct the module broken_module, or install what it needs"


def test_classes_added_by_hand_come_before_others() -> None:
    class Other(BatchSink[SinkConfig]):
        def write(self, batch: object) -> None:
            pass

    catalog = CATALOG.with_({("sink", "DROP"): Other})
    assert catalog.resolve("sink", "drop") is Other
    assert CATALOG.resolve("sink", "drop") is Drop
    assert catalog.resolve("source", "tick") is Tick


def test_names_are_listed_by_kind() -> None:
    assert [each.name for each in CATALOG.names("sink")] == [
        "drop",
        "org.example.DropSink",
        "store",
    ]
    assert CATALOG.names("key_provider") == ()
    assert "sink_processor" in CATALOG.kinds()


def test_a_misspelt_type_gets_the_nearest_one() -> None:
    assert refusal("sink", "stor") == ("unknown sink type 'stor'", "did you mean store?")


def test_a_type_like_nothing_else_gets_the_choice() -> None:
    message, cure = refusal("sink", "qqqqqqq")
    assert message == "unknown sink type 'qqqqqqq'"
    assert cure == "choose one of drop, store"


@pytest.mark.parametrize(
    ("kind", "type_", "package"),
    [
        ("sink", "hdfs", "flume-hdfs"),
        ("sink", "HDFS", "flume-hdfs"),
        ("sink", "org.apache.flume.sink.hdfs.HDFSEventSink", "flume-hdfs"),
        ("source", "avro", "flume-avro"),
        ("event_serializer", "avro_event", "flume-avro"),
        ("channel", "file", "flume-filechannel"),
        ("channel", "SPILLABLEMEMORY", "flume-filechannel"),
        ("channel", "org.apache.flume.channel.kafka.KafkaChannel", "flume-kafka"),
        ("source", "org.apache.flume.source.kafka.KafkaSource", "flume-kafka"),
    ],
)
def test_a_type_of_a_package_of_ours_says_which(kind: str, type_: str, package: str) -> None:
    message, cure = refusal(kind, type_)
    assert message == f"the {kind.replace('_', ' ')} type {type_} is not installed"
    assert cure == f"pip install {package}"


def test_a_type_of_flume_that_nobody_provides_claims_no_package() -> None:
    message, cure = refusal("source", "thrift")
    assert "no package is known" in message
    assert "pip" not in cure


def test_a_type_of_another_kind_says_which() -> None:
    message, _ = refusal("sink", "tick")
    assert message == "tick is a source type, not a sink type"


def test_a_java_class_of_ones_own_gets_the_python_spelling() -> None:
    _, cure = refusal("sink", "com.acme.flume.AcmeSink")
    assert "com.acme.flume:AcmeSink" in cure


def test_an_environment_without_any_component_says_to_reinstall_the_core() -> None:
    message, cure = refusal("sink", "logger", Catalog())
    assert "not even those of flume-core" in message
    assert "flume-core" in cure


class _NoWrite(BatchSink[SinkConfig]):
    pass


class _Nothing(Component[ComponentConfig]):
    pass


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Tick, "is a source, not a sink"),
        (_Nothing, "is a component, not a sink"),
        (_NoWrite, "unfinished: _NoWrite lacks write"),
        (dict, "is no component class, it is the class dict"),
        (len, "is no component class, it is builtin_function_or_method"),
    ],
)
def test_what_is_no_such_component_is_refused(found: type, expected: str) -> None:
    message, cure = refusal("sink", "odd", Catalog.of({("sink", "odd"): found}))
    assert expected in message
    assert cure
