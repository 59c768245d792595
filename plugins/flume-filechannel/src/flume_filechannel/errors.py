"""What the file channel raises besides the errors of flume-core."""

from __future__ import annotations

from flume_core.errors import ChannelError

__all__ = ["DamagedRecord"]


class DamagedRecord(ChannelError):
    """A stored record is not what was written: its contents cannot be had."""
