"""Discovery among installed packages: listing imports nothing, using imports one module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from stevedore.extension import ExtensionManager

from flume_core._plugins.catalog import Catalog
from flume_core._plugins.entry_points import scan
from flume_core.errors import PluginError
from tests.core.plugins.fake_packages import SINK, install


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return message and cure of the PluginError that a call raises."""
    with pytest.raises(PluginError) as caught:
        call()
    (problem,) = caught.value.problems
    return problem.message, problem.cure


def test_listing_names_the_distribution_and_imports_nothing(site: Path) -> None:
    install(
        site,
        "my-plugin",
        {"flume.sink": {"mine": "listed_only:MySink"}},
        {"listed_only": "raise AssertionError('imported')"},
    )
    (mine,) = [each for each in Catalog.installed().names("sink") if each.name == "mine"]
    assert mine.providers == ("my-plugin 1.2",)
    assert mine.value == "listed_only:MySink"
    assert "listed_only" not in sys.modules


def test_only_the_class_in_use_is_imported(site: Path) -> None:
    install(
        site,
        "my-plugin",
        {"flume.sink": {"used": "in_use:MySink", "broken": "not_in_use:MySink"}},
        {"in_use": SINK, "not_in_use": "raise AssertionError('imported')"},
    )
    assert Catalog.installed().resolve("sink", "used").__name__ == "MySink"
    assert "in_use" in sys.modules
    assert "not_in_use" not in sys.modules


@pytest.mark.parametrize("type_", ["mine", "MINE", "org.example.MySink", "ORG.example.mysink"])
def test_short_names_and_class_names_resolve_in_any_case(site: Path, type_: str) -> None:
    names = {"Mine": "any_case:MySink", "org.example.MySink": "any_case:MySink"}
    install(site, "my-plugin", {"flume.sink": names}, {"any_case": SINK})
    assert Catalog.installed().resolve("sink", type_).__name__ == "MySink"


def test_a_dollar_sign_is_part_of_a_class_name(site: Path) -> None:
    text = SINK.replace("SinkConfig", "ComponentConfig").replace("sink", "interceptor")
    text = text.replace("BatchSink", "Interceptor").replace("write", "intercept")
    install(
        site,
        "my-plugin",
        {"flume.interceptor": {"org.example.Mine$Builder": "with_dollar:MySink"}},
        {"with_dollar": text},
    )
    found = Catalog.installed().resolve("interceptor", "org.example.Mine$Builder")
    assert found.kind == "interceptor"


def test_two_packages_that_claim_one_name_are_both_named(site: Path) -> None:
    install(site, "one", {"flume.sink": {"mine": "claims_one:MySink"}}, {"claims_one": SINK})
    install(site, "two", {"flume.sink": {"Mine": "claims_two:MySink"}}, {"claims_two": SINK}, "3.0")
    catalog = Catalog.installed()
    message, cure = refusal(lambda: catalog.resolve("sink", "mine"))
    assert "claimed by one 1.2 and by two 3.0" in message
    assert "uninstall one of them" in cure
    assert "claims_one:MySink" in cure
    (listed,) = [each for each in catalog.names("sink") if each.name.lower() == "mine"]
    assert listed.providers == ("one 1.2", "two 3.0")


def test_a_conflict_is_no_matter_while_nobody_uses_the_name(site: Path) -> None:
    install(site, "one", {"flume.sink": {"mine": "unused_one:MySink", "other": "fine:MySink"}})
    install(site, "two", {"flume.sink": {"mine": "unused_two:MySink"}}, {"fine": SINK})
    assert Catalog.installed().resolve("sink", "other").__name__ == "MySink"


def test_the_same_distribution_found_twice_is_no_conflict(tmp_path: Path, site: Path) -> None:
    install(site, "My_Plugin", {"flume.sink": {"mine": "first_on_path:MySink"}}, version="2.0")
    other = tmp_path / "other"
    install(other, "my-plugin", {"flume.sink": {"mine": "second_on_path:MySink"}}, version="1.0")
    found = scan(metadata.distributions(path=[str(site), str(other)]))
    assert [(each.value, each.provider) for each in found] == [
        ("first_on_path:MySink", "My_Plugin 2.0")
    ]


def test_other_groups_are_left_alone(site: Path) -> None:
    install(site, "my-plugin", {"console_scripts": {"mine": "x:y"}, "flumes.sink": {"a": "x:y"}})
    assert scan(metadata.distributions(path=[str(site)])) == ()


def test_what_a_plugin_lacks_is_named_with_package_module_and_cure(site: Path) -> None:
    install(
        site,
        "my-plugin",
        {"flume.sink": {"mine": "lacks_something:MySink"}},
        {"lacks_something": "import surely_not_installed_xyz\n"},
    )
    message, cure = refusal(lambda: Catalog.installed().resolve("sink", "mine"))
    assert "my-plugin 1.2" in message
    assert "lacks_something" in message
    assert "No module named 'surely_not_installed_xyz'" in message
    assert "the module surely_not_installed_xyz is missing" in cure
    assert "pip install --force-reinstall my-plugin" in cure


@pytest.mark.parametrize(
    "text", ["raise SystemExit(3)", "raise RuntimeError('no')", "def", "assert False"]
)
def test_a_plugin_that_breaks_at_import_does_not_take_the_agent_along(
    site: Path, text: str
) -> None:
    install(site, "my-plugin", {"flume.sink": {"mine": "breaks:MySink"}}, {"breaks": f"{text}\n"})
    message, _ = refusal(lambda: Catalog.installed().resolve("sink", "mine"))
    assert message.startswith("my-plugin 1.2 provides the sink type mine, but its module breaks")


def test_a_keyboard_interrupt_during_an_import_stays_one(site: Path) -> None:
    install(
        site,
        "my-plugin",
        {"flume.sink": {"mine": "interrupted:MySink"}},
        {"interrupted": "raise KeyboardInterrupt\n"},
    )
    with pytest.raises(KeyboardInterrupt):
        Catalog.installed().resolve("sink", "mine")


@pytest.mark.parametrize("value", ["no_such_module_xyz:MySink", "there:NoSuchClass", "there: ]["])
def test_an_entry_point_to_nowhere_is_a_plugin_error(site: Path, value: str) -> None:
    install(site, "my-plugin", {"flume.sink": {"mine": value}}, {"there": SINK})
    message, cure = refusal(lambda: Catalog.installed().resolve("sink", "mine"))
    assert "my-plugin 1.2" in message
    assert "reinstall" in cure


def test_the_cache_that_stevedore_keeps_on_disk_is_never_asked(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the cache was asked")

    monkeypatch.setattr("stevedore._cache._c._get_data_for_path", asked)
    monkeypatch.setattr("stevedore._cache.get_group_all", asked)
    install(site, "my-plugin", {"flume.sink": {"mine": "no_cache:MySink"}}, {"no_cache": SINK})
    assert Catalog.installed().resolve("sink", "mine").__name__ == "MySink"


def test_a_stevedore_without_that_table_is_done_without(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ExtensionManager, "ENTRY_POINT_CACHE")
    install(site, "my-plugin", {"flume.sink": {"mine": "no_table:MySink"}}, {"no_table": SINK})
    assert Catalog.installed().resolve("sink", "mine").__name__ == "MySink"


def test_a_package_installed_meanwhile_is_found_by_the_next_scan(site: Path) -> None:
    install(site, "one", {"flume.sink": {"early": "early_module:MySink"}}, {"early_module": SINK})
    Catalog.installed().resolve("sink", "early")
    install(site, "two", {"flume.sink": {"late": "late_module:MySink"}}, {"late_module": SINK})
    assert Catalog.installed().resolve("sink", "late").__name__ == "MySink"


def test_half_removed_packages_do_not_disturb(site: Path) -> None:
    (site / "gone-1.0.dist-info").mkdir()
    nameless = site / "nameless-1.0.dist-info"
    nameless.mkdir()
    (nameless / "entry_points.txt").write_text("[flume.sink]\nmine = x:y\n")
    found = scan(metadata.distributions(path=[str(site)]))
    assert [each.provider for each in found] == ["unnamed package"]
