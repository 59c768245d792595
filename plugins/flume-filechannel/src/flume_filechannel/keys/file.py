"""The key provider ``file``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flume_core.config.fields import SubProperties
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError
from flume_core.key_provider import KeyProvider
from flume_filechannel.keys.decoding import key_from_bytes
from flume_filechannel.keys.reading import read_secret

__all__ = ["FileKeys", "FileKeysConfig"]


class FileKeysConfig(ComponentConfig):
    """Settings of the file key provider."""

    paths: Annotated[dict[str, str], SubProperties("keys.")] = Field(
        {},
        description="keys.ALIAS: the file that holds the key ALIAS, as raw bytes, hex or base64 of 16, 24"
        " or 32 bytes",
    )


class FileKeys(KeyProvider[FileKeysConfig]):
    """Reads each key from a file of its own, when it is first needed.

    A file that others than its owner may use is a warning: whoever has the key has the events.
    """

    def key(self, alias: str) -> bytes:
        """Return the key in the file that ``keys.ALIAS`` names.

        Raises `ConfigurationError`; `RetryableError` if reading fails for a reason that may pass.
        """
        owner = f"the file key provider of {self.name}"
        path = self.config.paths.get(alias)
        if path is None:
            raise ConfigurationError(
                f"{owner} has no key {alias}: set keys.{alias} to the path of its file"
                f" (there are: {', '.join(self.config.paths) or 'none'})"
            )
        content = read_secret(path, f"key {alias}", owner, self.log)
        try:
            return key_from_bytes(content)
        except ValueError as e:
            raise ConfigurationError(f"{owner} finds no usable key {alias} in {path}: {e}") from e
