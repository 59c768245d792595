"""Config filters: where values like ``${f1['password']}`` come from."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from flume_core.component import C, Component

__all__ = ["ConfigFilter"]


class ConfigFilter(Component[C]):
    """Looks up secrets and other values while the configuration is read."""

    kind: ClassVar[str] = "config_filter"

    @abstractmethod
    def lookup(self, key: str) -> str | None:
        """Return the value of a key; None if there is none: the placeholder then stays.

        An exception is reported as a warning and leaves the whole value as it was written.
        """
