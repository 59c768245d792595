"""AES in counter mode as the Java file channel uses it.

Every record of a file is encrypted anew from the same 16 bytes of counter (12 of them random for the file),
so all records share one key stream. That is weak, and what the files in the field have. It also means that
the stream is computed once, and that the first bytes of a record can be read without the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flume_filechannel.java.errors import JavaChannelError

__all__ = ["CIPHER_PROVIDER", "KeyLookup", "KeyStream", "require_cryptography"]

CIPHER_PROVIDER = "AESCTRNOPADDING"

KeyLookup: TypeAlias = Callable[[str], bytes]
"""Returns the AES key (16, 24 or 32 bytes) for an alias; raises KeyError for one it does not know."""

_KEEP = 1 << 16


def require_cryptography() -> None:
    """Raise JavaChannelError with the cure if the `cryptography` package is not installed."""
    try:
        import cryptography  # noqa: F401
    except ImportError as e:
        raise JavaChannelError(
            "encrypted files need the package 'cryptography': "
            "pip install 'flume-filechannel[encryption]'"
        ) from e


class KeyStream:
    """The key stream of one data file; calling it decrypts a record, or the first bytes of one.

    Args:
        key: 16, 24 or 32 bytes.
        counter: the 16 bytes in the file's metadata.

    Raises:
        JavaChannelError: a wrong length, or `cryptography` is not installed.
    """

    def __init__(self, key: bytes, counter: bytes) -> None:
        require_cryptography()
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if len(key) not in (16, 24, 32) or len(counter) != 16:
            raise JavaChannelError(
                f"an AES key has 16, 24 or 32 bytes and its parameters 16, not {len(key)} and {len(counter)}"
            )
        self._cipher = Cipher(algorithms.AES(key), modes.CTR(counter))
        self._stream = self._cipher.encryptor().update(bytes(4096))

    def __call__(self, data: bytes, /) -> bytes:
        """Return a record, or the first bytes of one, in clear text (or encrypted: it is the same)."""
        length = len(data)
        if length > _KEEP:
            return self._cipher.encryptor().update(data)
        if length > len(self._stream):
            self._stream = self._cipher.encryptor().update(bytes(_KEEP))
        mixed = int.from_bytes(data, "little") ^ int.from_bytes(self._stream[:length], "little")
        return mixed.to_bytes(length, "little")
