"""What every component of every kind must do: life cycle, configuration model, entry point."""

# ruff: noqa: D102 - the names of the tests are their sentences

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from flume_core.component import Component
from flume_core.config.fields import Nested, SubProperties
from flume_core.config.model import ComponentConfig, marker, spellings
from flume_core.testing.building import Settings, make_component
from flume_core.testing.waiting import wait_until

__all__ = ["ComponentContract", "ComponentUnderTest", "need"]

H = TypeVar("H")


@dataclass(frozen=True)
class ComponentUnderTest:
    """A component, and what the suite needs to see and do. Tests whose hook is missing are skipped."""

    cls: type[Component[Any]]
    config: Settings
    """Properties that work, as text: every required one, and any others worth trying."""

    _: KW_ONLY
    type: str | None = None
    """The ``type`` by which a configuration finds the class."""
    fails_to_start: Settings | None = None
    """Properties with which ``start`` raises (a port in use, a directory that is missing)."""


def need(hook: H | None, name: str, why: str = "") -> H:
    """Return a hook that the test needs, or skip the test and say which one is missing."""
    if hook is None:
        pytest.skip(f"no {name}{f': {why}' if why else ''}")
    return hook


class ComponentContract:
    """Subclass it with a fixture ``component`` that returns a `ComponentUnderTest`.

    The suites of the single kinds contain these tests already.
    """

    @pytest.fixture
    def component(self) -> ComponentUnderTest:
        """Return what is tested; override this."""
        raise NotImplementedError("write a fixture `component` that returns a ComponentUnderTest")

    @pytest.fixture
    def make(self, component: ComponentUnderTest) -> Callable[[], Component[Any]]:
        """Return what makes a component that is not started, ready to start and stop."""
        return lambda: make_component(component.cls, component.config, "x1")

    # --- life cycle

    def test_it_knows_its_name_and_its_configuration(
        self, make: Callable[[], Component[Any]]
    ) -> None:
        made = make()
        assert made.name == "x1"
        assert isinstance(made.config, type(made).config_model)

    def test_making_it_starts_nothing(self, make: Callable[[], Component[Any]]) -> None:
        before = set(threading.enumerate())
        made = make()
        assert set(threading.enumerate()) <= before, "the constructor started a thread"
        made.stop()

    def test_it_starts_and_stops(self, make: Callable[[], Component[Any]]) -> None:
        made = make()
        made.start()
        made.stop()
        assert all(isinstance(line, str) for line in made.summary())

    def test_a_second_stop_is_harmless(self, make: Callable[[], Component[Any]]) -> None:
        made = make()
        made.start()
        made.stop()
        made.stop()

    def test_a_stop_without_a_start_is_harmless(self, make: Callable[[], Component[Any]]) -> None:
        made = make()
        made.stop()
        made.stop()

    def test_a_stop_leaves_no_thread_behind(self, make: Callable[[], Component[Any]]) -> None:
        before = set(threading.enumerate())
        made = make()
        made.start()
        made.stop()
        wait_until(
            lambda: set(threading.enumerate()) <= before, "the end of every thread it started"
        )

    def test_a_new_one_can_be_started_after_the_first_stopped(
        self, make: Callable[[], Component[Any]]
    ) -> None:
        for _ in range(2):
            made = make()
            made.start()
            made.stop()

    def test_a_stop_after_a_failed_start_is_harmless(self, component: ComponentUnderTest) -> None:
        config = need(component.fails_to_start, "fails_to_start")
        made = make_component(component.cls, config)
        with pytest.raises(Exception):  # noqa: B017, PT011 - any exception is a failed start
            made.start()
        with suppress(Exception):
            made.start()  # the runtime tries again
        made.stop()
        made.stop()

    # --- configuration model

    def test_an_unknown_property_is_refused_by_name(self, component: ComponentUnderTest) -> None:
        with pytest.raises(ValidationError, match="noSuchProperty"):
            component.cls.config_model.model_validate({**component.config, "noSuchProperty": "1"})

    def test_every_property_is_described(self, component: ComponentUnderTest) -> None:
        fields = component.cls.config_model.model_fields
        silent = [name for name, field in fields.items() if not field.description]
        assert not silent, f"give these fields a description: {silent}"

    def test_every_spelling_of_a_property_means_the_same(
        self, component: ComponentUnderTest
    ) -> None:
        model = component.cls.config_model
        reference = model.model_validate(dict(component.config))
        for spelt, others in _respelt(model, component.config).items():
            for other in others:
                config = {other if k == spelt else k: v for k, v in component.config.items()}
                assert model.model_validate(config) == reference, f"{spelt} spelt as {other}"

    def test_the_configuration_cannot_be_changed(self, component: ComponentUnderTest) -> None:
        config = component.cls.config_model.model_validate(dict(component.config))
        for name in type(config).model_fields:
            with pytest.raises(ValidationError):
                setattr(config, name, getattr(config, name))

    def test_the_model_is_the_class_s_own_and_has_a_schema(
        self, component: ComponentUnderTest
    ) -> None:
        model = component.cls.config_model
        assert issubclass(model, ComponentConfig)
        assert set(model.model_json_schema().get("properties", {})) or not model.model_fields

    def test_equal_settings_make_equal_claims(self, component: ComponentUnderTest) -> None:
        model, cls = component.cls.config_model, component.cls
        first, second = (
            sorted(cls.claims(model.model_validate(dict(component.config)))) for _ in range(2)
        )
        assert first == second
        assert all(isinstance(claim, str) for claim in first)

    # --- entry point

    def test_its_type_leads_to_the_class(self, component: ComponentUnderTest) -> None:
        type_ = need(component.type, "type", "the class is not announced by an entry point")
        group = f"flume.{component.cls.kind}"
        found = [e for e in entry_points(group=group) if e.name.lower() == type_.lower()]
        assert found, f"no installed distribution announces {type_!r} in the group {group}"
        assert len({e.value for e in found}) == 1, f"{type_!r} is announced more than once: {found}"
        assert found[0].load() is component.cls


def _respelt(model: type[ComponentConfig], config: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the other spellings of each plain property that is set."""
    known = spellings(model)
    found: dict[str, list[str]] = {}
    for key in config:
        name = known.get(key)
        if name is not None and not _grouped(model, name):
            found[key] = [other for other, field in known.items() if field == name and other != key]
    return found


def _grouped(model: type[ComponentConfig], name: str) -> bool:
    field = model.model_fields[name]
    return marker(field, Nested) is not None or marker(field, SubProperties) is not None
