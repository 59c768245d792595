"""What can go wrong as a whole when a Java channel is read; damage to single records is a finding."""

from __future__ import annotations

from flume_core.errors import FlumeError

__all__ = ["JavaChannelDamaged", "JavaChannelError", "JavaChannelLocked", "KeyStoreError"]


class JavaChannelError(FlumeError):
    """The directories cannot be read as a Java file channel; the message says why and what to do."""


class JavaChannelLocked(JavaChannelError):
    """A running Java agent (or another reader) holds the lock of one of the directories."""


class JavaChannelDamaged(JavaChannelError):
    """Damage was met, and the caller asked to stop at the first of it."""


class KeyStoreError(JavaChannelError):
    """A key store cannot be read: not JCEKS, changed, or the password does not fit."""
