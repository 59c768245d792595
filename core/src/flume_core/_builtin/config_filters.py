"""The config filters: env, external."""

from __future__ import annotations

import os
import subprocess
from typing import ClassVar

from pydantic import Field, field_validator

from flume_core._builtin.charset import Charset
from flume_core.config.model import ComponentConfig
from flume_core.config_filter import ConfigFilter
from flume_core.errors import ConfigurationError

__all__ = ["EnvironmentFilter", "ExternalProcessConfig", "ExternalProcessFilter"]

_MOST_SHOWN = 200  # characters of what a failed program says


class EnvironmentFilter(ConfigFilter[ComponentConfig]):
    """Looks keys up in the environment of the agent, as Flume does. A variable may be empty."""

    def lookup(self, key: str) -> str | None:
        """Return the environment variable ``key``; None if it is not set."""
        return os.environ.get(key)


class ExternalProcessConfig(ComponentConfig):
    """Settings of the external filter."""

    command: str = Field(
        description="program and arguments, separated by white space; the key is added as the last one"
    )
    charset: Charset = Field("UTF-8", description="encoding of what the program prints")

    @field_validator("command")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.split():
            raise ValueError("no program is named; write its path")
        return value


class ExternalProcessFilter(ConfigFilter[ExternalProcessConfig]):
    """Asks a program: the value is the first line that it prints.

    As in Flume: no shell is involved, so there is no quoting; no output gives a warning and no value,
    more than one line a warning; an exit code other than 0 is an error. Unlike Flume, a program that
    does not end within 30 seconds, or prints bytes that are not in ``charset``, is an error too.
    """

    timeout: ClassVar[float] = 30.0
    """Seconds that the program may take."""

    def lookup(self, key: str) -> str | None:
        """Return the first line of output; None if there is none. Raises ConfigurationError."""
        output = self._output_for(key)
        if not output:
            self.log.warning("%s printed nothing for key %s", self._program, key)
            return None
        lines = output.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
        if len(lines) > 1:
            self.log.warning(
                "%s printed %d lines for key %s; only the first one is used",
                self._program,
                len(lines),
                key,
            )
        return lines[0]

    @property
    def _program(self) -> str:
        return self.config.command.split()[0]

    def _output_for(self, key: str) -> str:
        try:
            ended = subprocess.run(
                [*self.config.command.split(), key],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout,
                check=False,
            )
            if ended.returncode:
                said = ended.stderr.decode(self.config.charset, "replace").strip()[:_MOST_SHOWN]
                raise self._failure(key, f"exit code {ended.returncode}" + (said and f": {said}"))
            return ended.stdout.decode(self.config.charset)
        except subprocess.TimeoutExpired as error:
            raise self._failure(key, f"it did not end within {self.timeout:g} s") from error
        except UnicodeDecodeError as error:
            reason = f"its output is not {self.config.charset}; set charset"
            raise self._failure(key, reason) from error
        except OSError as error:
            raise self._failure(key, f"it cannot be run: {error.strerror or error}") from error
        except ValueError as error:
            raise self._failure(key, f"it cannot be run: {error}") from error

    def _failure(self, key: str, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"config filter {self.name}: {self._program} gave no value for key {key}: {reason}"
        )
