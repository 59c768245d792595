"""What a file is known by besides its inode, and the record of where reading of it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b

import msgspec

__all__ = ["HEAD", "LAST", "Mark", "decode", "digest", "prefix"]

HEAD = 1024
"""The most bytes at the start of a file that its fingerprint covers."""

LAST = 64
"""The most bytes before the position that are compared when a file is taken up again."""


class Mark(msgspec.Struct, frozen=True):
    """How far a file was read, and how to know it again.

    ``key`` names it in progress and stays the same for as long as the file is known. ``head`` is the
    digest of its first ``covered`` bytes; a file that was shorter then still matches when it has grown.
    ``last`` is the digest of the ``measured`` bytes before ``pos``. With 0 bytes a digest says nothing.
    """

    key: str
    file: str
    inode: int
    pos: int
    head: str = ""
    covered: int = 0
    last: str = ""
    measured: int = 0


def digest(data: bytes) -> str:
    """Return a short digest of some bytes, in hexadecimal."""
    return blake2b(data, digest_size=12).hexdigest()


def prefix(key: str, path: str, inode: int, head: bytes) -> bytes:
    """Return the encoded `Mark` up to the value of ``pos``, which is all that changes with a batch."""
    fixed = {"key": key, "file": path, "inode": inode, "head": digest(head), "covered": len(head)}
    return json.dumps(fixed, separators=(",", ":"))[:-1].encode() + b',"pos":'


def decode(raw: bytes | Mapping[str, object]) -> Mark:
    """Return the `Mark` that bytes or an object of JSON hold; unknown members are ignored.

    Raises ValueError for anything else.
    """
    # The standard library, because names of files may hold lone surrogates.
    value = json.loads(raw) if isinstance(raw, bytes) else raw
    try:
        return msgspec.convert(value, Mark)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
