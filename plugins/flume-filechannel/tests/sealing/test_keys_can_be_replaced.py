"""A keyring: the active key seals, old keys still open, each is fetched once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from flume_core import ComponentConfig, ConfigurationError, KeyProvider
from flume_core.testing import make_component
from flume_filechannel.encryption import Keyring, Sealer
from flume_filechannel.errors import DamagedRecord

KEYS = {"old": bytes(16), "new": bytes(range(32)), "short": b"secret"}


class Vault(KeyProvider[ComponentConfig]):
    """Remembers what it was asked for."""

    asked: list[str]

    def start(self) -> None:
        self.asked = []

    def key(self, alias: str) -> bytes:
        self.asked.append(alias)
        if alias not in KEYS:
            raise ConfigurationError(f"the vault has no key {alias}")
        return KEYS[alias]


@pytest.fixture
def vault() -> Vault:
    vault = make_component(Vault, {})
    vault.start()
    return vault


def active(keyring: Keyring) -> tuple[str, Sealer]:
    assert keyring.active is not None
    return keyring.active


def test_what_the_old_key_sealed_opens_after_a_new_one_is_active(vault: Vault) -> None:
    alias, sealer = active(Keyring(vault, "old"))
    sealed = sealer.seal(b"event", b"header")
    rotated = Keyring(vault, "new")
    assert (alias, active(rotated)[0]) == ("old", "new")
    assert rotated.for_alias(alias).open(sealed, b"header") == b"event"
    with pytest.raises(DamagedRecord):
        active(rotated)[1].open(sealed, b"header")


def test_without_an_active_key_old_segments_can_still_be_read(vault: Vault) -> None:
    sealed = active(Keyring(vault, "old"))[1].seal(b"event", b"header")
    reading = Keyring(vault, None)
    assert reading.active is None
    assert reading.for_alias("old").open(sealed, b"header") == b"event"


def test_an_active_key_that_is_missing_is_found_at_once(vault: Vault) -> None:
    with pytest.raises(ConfigurationError, match="the vault has no key lost"):
        Keyring(vault, "lost")


def test_a_key_of_a_wrong_length_names_alias_and_lengths(vault: Vault) -> None:
    with pytest.raises(ConfigurationError, match="key short has 6 bytes; AES takes 16, 24 or 32"):
        Keyring(vault, "short")


def test_threads_share_one_sealer_and_the_provider_is_asked_once(vault: Vault) -> None:
    keyring = Keyring(vault, "new")
    with ThreadPoolExecutor(8) as pool:
        sealers = list(pool.map(keyring.for_alias, ["new", "old"] * 50))
    assert len({id(sealer) for sealer in sealers}) == 2
    assert vault.asked == ["new", "old"]


def test_a_key_that_was_missing_is_asked_for_again(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = Keyring(vault, "new")
    with pytest.raises(ConfigurationError):
        keyring.for_alias("late")
    monkeypatch.setitem(KEYS, "late", bytes(24))
    assert keyring.for_alias("late").alias == "late"
