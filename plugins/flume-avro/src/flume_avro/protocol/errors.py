"""What can be wrong with the bytes of a peer."""

from __future__ import annotations

from flume_core import RetryableError

__all__ = ["PeerError"]


class PeerError(RetryableError):
    """The peer does not keep to the protocol: the connection is of no use any more."""
