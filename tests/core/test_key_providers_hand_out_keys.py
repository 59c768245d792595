"""A key provider of anybody's is found, checked and made like every other component."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field

from flume_core import (
    ComponentConfig,
    ConfigurationError,
    KeyProvider,
    Nested,
    NestedComponent,
    PluginError,
    SubProperties,
)
from flume_core._plugins.catalog import Catalog
from flume_core._runtime.planning.nested import create_nested
from tests.core.builtin.contexts import component_context


class SafeConfig(ComponentConfig):
    keys: Annotated[dict[str, str], SubProperties("keys.")] = Field({}, description="the keys")
    host: str = Field("localhost", description="where the safe is")


class Safe(KeyProvider[SafeConfig]):
    def key(self, alias: str) -> bytes:
        if alias not in self.config.keys:
            raise ConfigurationError(f"the safe of {self.name} has no key {alias}")
        return self.config.keys[alias].encode()


class Unfinished(KeyProvider[ComponentConfig]):
    pass


class OwnerConfig(ComponentConfig):
    keys: Annotated[NestedComponent | None, Nested("key_provider", "encryption.keyProvider")] = (
        Field(None, alias="encryption.keyProvider", description="where keys come from")
    )


CATALOG = Catalog.of({("key_provider", "safe"): Safe, ("key_provider", "unfinished"): Unfinished})


def made(settings: dict[str, str], type_: str = "safe") -> KeyProvider[ComponentConfig]:
    found = create_nested(CATALOG, "key_provider", type_, settings, component_context("c1"))
    assert isinstance(found, KeyProvider)
    return found


def test_a_channel_makes_the_provider_that_its_configuration_names() -> None:
    owner = OwnerConfig.model_validate(
        {"encryption.keyProvider": "safe", "encryption.keyProvider.keys.k1": "0123456789abcdef"}
    )
    assert owner.keys is not None
    provider = made(dict(owner.keys.settings), owner.keys.type)
    provider.start()
    assert provider.key("k1") == b"0123456789abcdef"
    provider.stop()


def test_a_key_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="the safe of c1 has no key k9"):
        made({"keys.k1": "0123456789abcdef"}).key("k9")


def test_a_misspelt_property_of_a_provider_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="hots"):
        made({"hots": "vault.example.org"})


def test_a_provider_without_a_way_to_its_keys_is_refused() -> None:
    with pytest.raises(PluginError, match="Unfinished lacks key"):
        made({}, "unfinished")


def test_another_kind_of_component_is_no_key_provider() -> None:
    with pytest.raises(PluginError, match="key provider"):
        made({}, "flume_core._builtin.config_filters:EnvironmentFilter")
