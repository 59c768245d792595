"""The key provider ``environment``."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import Field

from flume_core.config.fields import SubProperties
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError
from flume_core.key_provider import KeyProvider
from flume_filechannel.keys.decoding import key_from_text

__all__ = ["EnvironmentKeys", "EnvironmentKeysConfig"]


class EnvironmentKeysConfig(ComponentConfig):
    """Settings of the environment key provider."""

    variables: Annotated[dict[str, str], SubProperties("keys.")] = Field(
        {},
        description="keys.ALIAS: the environment variable that holds the key ALIAS, as hex or base64 of 16,"
        " 24 or 32 bytes",
    )


class EnvironmentKeys(KeyProvider[EnvironmentKeysConfig]):
    """Takes each key from an environment variable of the agent, when it is first needed."""

    def key(self, alias: str) -> bytes:
        """Return the key in the variable that ``keys.ALIAS`` names. Raises ConfigurationError."""
        variable = self.config.variables.get(alias)
        if variable is None:
            raise ConfigurationError(
                f"the environment key provider of {self.name} has no key {alias}: set keys.{alias} to"
                f" the name of its variable (there are: {', '.join(self.config.variables) or 'none'})"
            )
        text = os.environ.get(variable)
        if text is None:
            raise ConfigurationError(
                f"the environment key provider of {self.name} needs the variable {variable} for the key"
                f" {alias}, and it is not set"
            )
        try:
            return key_from_text(text)
        except ValueError as e:
            raise ConfigurationError(
                f"the environment key provider of {self.name} finds no usable key {alias} in the"
                f" variable {variable}: {e}"
            ) from e
