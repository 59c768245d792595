"""The key provider ``JCEKSFILE``: the settings of an existing Flume configuration open its key store."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from flume_core import ConfigurationError
from flume_core.testing import ComponentContract, ComponentUnderTest, make_component
from flume_filechannel.encryption import Keyring
from flume_filechannel.keys.jceksfile import KeyStoreKeys

# Made by keytool of Java 17 (with 10,000 rounds, for speed): key-0, 128 bits, password keypass0; Key-1, 256
# bits, with the password of the store, storepass1. The keys below are what Java reads from it.
STORE = base64.b64decode(
    "zs7OzgAAAAIAAAACAAAAAwAFa2V5LTEAAAGiCrqx+6ztAAVzcgAzY29tLnN1bi5jcnlwdG8ucHJvdmlkZXIuU2VhbGVk"
    "T2JqZWN0Rm9yS2V5UHJvdGVjdG9yzVfKWecwu1MCAAB4cgAZamF2YXguY3J5cHRvLlNlYWxlZE9iamVjdD42PabDt1Rw"
    "AgAEWwANZW5jb2RlZFBhcmFtc3QAAltCWwAQZW5jcnlwdGVkQ29udGVudHEAfgACTAAJcGFyYW1zQWxndAASTGphdmEv"
    "bGFuZy9TdHJpbmc7TAAHc2VhbEFsZ3EAfgADeHB1cgACW0Ks8xf4BghU4AIAAHhwAAAAEDAOBAinupN2fcqzDwICJxB1"
    "cQB+AAUAAACgJp2K7YPZv/VX8/B6kJ8JEGHfHdmQ9Chi16QRerfza1tZLRZFsZFXkThIHNRzj5M2/41XqRuGLL5pexyw"
    "62lXPt00X/nnmB7ELrCdgZDvVOi3FprZCd5Pl9FFOX3mOae8GHS3mB3X5qUBsCu7PIPUrQr8Ds8MLpagC2lP7gw7tpgj"
    "uOVwhxZUc/Wiw52Vq+CGFUg1cLtvOvffAmO9wlq1/HQAFlBCRVdpdGhNRDVBbmRUcmlwbGVERVN0ABZQQkVXaXRoTUQ1"
    "QW5kVHJpcGxlREVTAAAAAwAFa2V5LTAAAAGiCrqvq6ztAAVzcgAzY29tLnN1bi5jcnlwdG8ucHJvdmlkZXIuU2VhbGVk"
    "T2JqZWN0Rm9yS2V5UHJvdGVjdG9yzVfKWecwu1MCAAB4cgAZamF2YXguY3J5cHRvLlNlYWxlZE9iamVjdD42PabDt1Rw"
    "AgAEWwANZW5jb2RlZFBhcmFtc3QAAltCWwAQZW5jcnlwdGVkQ29udGVudHEAfgACTAAJcGFyYW1zQWxndAASTGphdmEv"
    "bGFuZy9TdHJpbmc7TAAHc2VhbEFsZ3EAfgADeHB1cgACW0Ks8xf4BghU4AIAAHhwAAAAEDAOBAhNFFwuULOBFwICJxB1"
    "cQB+AAUAAACQ3SqR81G5LWRPI426O3yAGmwD0Q3hacJ0U2Yjm6mxkUGZt7Mtge5tvhXvGFO/FQIMnvoF7zFrs1rrDRHR"
    "ZI9rDez4GQkhvAvUPvvlpLtXaQjHnaNcHzzPos0I4WvO5t4Cp3WRzt/RQQLYVbEvqp3v9MAKgrkKTLh0gPNf1z6y7zRX"
    "W8JViHFuUbyzO9XUg+oudAAWUEJFV2l0aE1ENUFuZFRyaXBsZURFU3QAFlBCRVdpdGhNRDVBbmRUcmlwbGVERVO7QL2l"
    "06iMrE1PsoQDjZT5sjWxCg=="
)
KEY_0 = bytes.fromhex("fc2da59789e86622a70ab5fecae45928")
KEY_1 = bytes.fromhex("d249e1a8687772967e630651881d530d965009fcf6188e739a8b8a0323a17d7d")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """What follows ``encryption.keyProvider.`` in a configuration of Flume."""
    files = {"keystore": STORE, "password": b"storepass1\n", "key-0.password": b" keypass0\r\n"}
    for name, content in files.items():
        path = tmp_path / name
        path.touch(0o600)
        path.write_bytes(content)
    return {
        "keyStoreFile": str(tmp_path / "keystore"),
        "keyStorePasswordFile": str(tmp_path / "password"),
        "keys": "key-0 Key-1",
        "keys.key-0.passwordFile": str(tmp_path / "key-0.password"),
    }


def made(settings: dict[str, str]) -> KeyStoreKeys:
    return make_component(KeyStoreKeys, settings, "c1")


class TestKeyStoreKeys(ComponentContract):
    @pytest.fixture
    def component(self, settings: dict[str, str]) -> ComponentUnderTest:
        missing = settings | {"keyStoreFile": "/nowhere/keystore"}
        return ComponentUnderTest(KeyStoreKeys, settings, type="JCEKSFILE", fails_to_start=missing)


def test_the_keys_are_those_that_java_reads(
    settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    provider = made(settings)
    provider.start()
    assert provider.key("key-0") == KEY_0
    assert provider.key("Key-1") == provider.key("key-1") == KEY_1
    assert not caplog.records


def test_a_key_of_the_store_seals_records(settings: dict[str, str]) -> None:
    active = Keyring(made(settings), "key-0").active
    assert active is not None
    sealed = active[1].seal(b"event", b"header")
    assert Keyring(made(settings), None).for_alias("key-0").open(sealed, b"header") == b"event"


def test_a_key_that_is_not_listed_opens_with_the_password_of_the_store(
    settings: dict[str, str],
) -> None:
    provider = made(settings | {"keys": "key-0"})
    provider.start()
    assert provider.key("key-1") == KEY_1


def test_a_key_that_is_listed_and_missing_fails_the_start(settings: dict[str, str]) -> None:
    provider = made(settings | {"keys": "key-0 key-7"})
    with pytest.raises(
        ConfigurationError, match=r"provider of c1 has no secret key key-7 in .*keystore"
    ):
        provider.start()


def test_a_wrong_password_of_the_store_is_refused_and_not_shown(settings: dict[str, str]) -> None:
    Path(settings["keyStorePasswordFile"]).write_text("hunter2")
    with pytest.raises(ConfigurationError, match="password does not fit") as refused:
        made(settings).start()
    assert "hunter2" not in str(refused.value)


def test_a_wrong_password_of_a_key_names_the_alias(settings: dict[str, str]) -> None:
    del settings["keys.key-0.passwordFile"]
    with pytest.raises(ConfigurationError, match=r"provider of c1 cannot open the key key-0"):
        made(settings).start()


@pytest.mark.parametrize(
    "name", ["keyStoreFile", "keyStorePasswordFile", "keys.key-0.passwordFile"]
)
def test_a_file_that_is_missing_is_named(settings: dict[str, str], name: str) -> None:
    Path(settings[name]).unlink()
    with pytest.raises(ConfigurationError, match=f"{settings[name]}: No such file"):
        made(settings).start()


def test_a_file_that_is_no_key_store_is_refused(settings: dict[str, str]) -> None:
    Path(settings["keyStoreFile"]).write_bytes(b"PK" * 100)
    with pytest.raises(ConfigurationError, match="not a JCEKS key store"):
        made(settings).start()


def test_a_password_file_that_others_may_read_is_a_warning(
    settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    Path(settings["keyStorePasswordFile"]).chmod(0o644)
    made(settings).start()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "password of the key store has mode 0644; chmod 600" in caplog.text


@pytest.mark.parametrize("name", ["keyStoreFile", "keyStorePasswordFile", "keys"])
def test_what_flume_requires_is_required(settings: dict[str, str], name: str) -> None:
    del settings[name]
    with pytest.raises(ValidationError, match="Field required"):
        made(settings)


def test_a_misspelt_password_file_is_refused(settings: dict[str, str]) -> None:
    settings["keys.key-0.password"] = settings.pop("keys.key-0.passwordFile")
    with pytest.raises(
        ValidationError, match=r"keys.key-0.password is no property: write keys.ALIAS.pass"
    ):
        made(settings)
