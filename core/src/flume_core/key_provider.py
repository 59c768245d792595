"""Key providers: where the keys come from that a channel encrypts its files with."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from flume_core.component import C, Component

__all__ = ["KeyProvider"]


class KeyProvider(Component[C]):
    """Hands out keys by alias. Which one is used for new files is the channel's own setting.

    The component that creates a provider starts it before it asks for a key, and stops it.
    """

    kind: ClassVar[str] = "key_provider"

    @abstractmethod
    def key(self, alias: str) -> bytes:
        """Return the key called ``alias``: the same bytes whenever it is asked for, from any thread.

        Files name the alias that they were written with, so a key is replaced by adding another one
        under a new alias; the old one stays until no file needs it.

        Raises `ConfigurationError`, naming alias and provider, if there is no such key or it cannot be
        used, `RetryableError` for an outage. No message may hold any part of a key.
        """
