"""How a key is written in a file or a variable.

As text it is hex or standard base64 of 16, 24 or 32 bytes, white space around it ignored. A file may hold
the bytes themselves instead. Printable text is never taken as the bytes of a key: it is a key written
another way, or a passphrase, which is too weak. (No random key looks like hex or base64 of a key; one in
five million random keys of 16 bytes is printable, and is refused.)
"""

from __future__ import annotations

import base64
import binascii

from flume_filechannel.encryption import KEY_SIZES

__all__ = ["key_from_bytes", "key_from_text"]

_PRINTABLE = bytes([*range(0x20, 0x7F), *b"\t\r\n"])


def key_from_text(text: str) -> bytes:
    """Return the key that is written as ``text``. Raises ValueError, without quoting it."""
    written = text.strip()
    # Hex first: what is hex of one key may also be base64 of another.
    for decode in (_hex, _base64):
        key = decode(written)
        if key is not None and len(key) in KEY_SIZES:
            return key
    raise ValueError(
        f"it is text of {len(written)} characters, and neither hex nor base64 of 16, 24 or 32 bytes"
    )


def key_from_bytes(content: bytes) -> bytes:
    """Return the key that a file holds, raw or as text. Raises ValueError, without quoting it.

    One line feed behind a raw key is what an editor or ``echo`` leaves there: it is not part of it.
    """
    if not content.translate(None, _PRINTABLE):
        return key_from_text(content.decode("ascii"))
    if content.endswith(b"\n") and len(content) - 1 in KEY_SIZES:
        return content[:-1]
    if len(content) not in KEY_SIZES:
        raise ValueError(f"it has {len(content)} bytes; a raw key has 16, 24 or 32")
    return content


def _hex(text: str) -> bytes | None:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
