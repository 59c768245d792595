"""The key provider ``JCEKSFILE``: key stores that Java's keytool made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from flume_core.config.fields import SubProperties, Words
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError
from flume_core.key_provider import KeyProvider
from flume_filechannel.java.encryption import KeyLookup
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.jceks import read_key_store
from flume_filechannel.keys.reading import read_secret

__all__ = ["KeyStoreKeys", "KeyStoreKeysConfig"]

_PASSWORD_FILE = ".passwordFile"
_TRIMMED = "".join(map(chr, range(0x21)))  # what Java's String.trim takes away


class KeyStoreKeysConfig(ComponentConfig):
    """Settings of the JCEKS key provider."""

    key_store_file: str = Field(min_length=1, description="the JCEKS key store")
    key_store_password_file: str = Field(
        min_length=1,
        description="file with the password of the key store; white space around it is ignored",
    )
    keys: Words = Field(
        min_length=1, description="aliases of the keys, with all that old files still need"
    )
    password_files: Annotated[dict[str, str], SubProperties("keys.")] = Field(
        {},
        description="keys.ALIAS.passwordFile: file with the password of the key ALIAS; without one it is"
        " that of the key store",
    )

    @field_validator("password_files")
    @classmethod
    def _are_password_files(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not name.endswith(_PASSWORD_FILE) or name == _PASSWORD_FILE:
                raise ValueError(
                    f"keys.{name} is no property: write keys.ALIAS{_PASSWORD_FILE} for a password file"
                )
        return value


class KeyStoreKeys(KeyProvider[KeyStoreKeysConfig]):
    """Takes the keys from a JCEKS key store, as Flume does. Needs flume-filechannel[encryption].

    As in Flume: password files of aliases that ``keys`` does not list are not read, and a key that is not
    listed opens with the password of the key store. A key that is listed and missing or locked fails the
    start. Only secret keys are used. A password file that others than its owner may use is a warning.
    """

    _look_up: KeyLookup | None = None

    def start(self) -> None:
        """Open the key store and every key listed. Raises `ConfigurationError`, `RetryableError`."""
        for alias in self.config.keys:
            self.key(alias)

    def key(self, alias: str) -> bytes:
        """Return a key of the store; upper and lower case are the same, as in Java.

        Raises `ConfigurationError`; `RetryableError` if a file cannot be read for a reason that may pass.
        """
        if self._look_up is None:  # two threads may both get here, and read the same
            self._look_up = self._opened()
        try:
            return self._look_up(alias)
        except KeyError as e:
            raise ConfigurationError(
                f"{self._owner} has no secret key {alias} in {self.config.key_store_file}"
            ) from e
        except JavaChannelError as e:
            raise ConfigurationError(f"{self._owner} cannot open the key {alias}: {e}") from e

    @property
    def _owner(self) -> str:
        return f"the JCEKSFILE key provider of {self.name}"

    def _opened(self) -> KeyLookup:
        config = self.config
        password = self._password(config.key_store_password_file, "password of the key store")
        own = {
            alias: self._password(path, f"password of the key {alias}")
            for alias in config.keys
            if (path := config.password_files.get(alias + _PASSWORD_FILE)) is not None
        }
        try:
            return read_key_store(Path(config.key_store_file), password, own)
        except JavaChannelError as e:
            raise ConfigurationError(f"{self._owner}: {e}") from e

    def _password(self, path: str, what: str) -> str:
        content = read_secret(path, what, self._owner, self.log)
        try:
            return content.decode().strip(_TRIMMED)
        except UnicodeDecodeError as e:
            raise ConfigurationError(f"{self._owner}: the {what} in {path} is not UTF-8") from e
