"""Encryption of records with AES-GCM, and the keys in use.

A sealed record is ``nonce (12 bytes) | ciphertext | tag (16 bytes)``, `OVERHEAD` bytes longer than its
payload. The nonce is random, so one key may seal at most 2**32 records (NIST SP 800-38D, 8.3); a busy
channel gets there within weeks. Hence `Sealer.for_segment`: a key derived for each segment, from a salt
in its header, starts that count anew. Nothing is imported from the library until it is used.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol

from flume_core.batch import Buffer
from flume_core.errors import ConfigurationError
from flume_filechannel.errors import DamagedRecord

__all__ = ["KEY_SIZES", "OVERHEAD", "Keyring", "KeySource", "Sealer"]

KEY_SIZES = (16, 24, 32)
"""Bytes of a key of AES-128, AES-192 and AES-256."""
_NONCE, _TAG = 12, 16
OVERHEAD = _NONCE + _TAG
_PURPOSE = b"flume-filechannel segment"


class Sealer:
    """Seals records with one key. Has no state: any number of threads may use one."""

    def __init__(self, alias: str, key: bytes) -> None:
        """``alias`` is what messages call the key.

        Raises `ConfigurationError` for a key of another length than AES has, or without the library
        (cryptography).
        """
        if len(key) not in KEY_SIZES:
            raise ConfigurationError(
                f"the encryption key {alias} has {len(key)} bytes; AES takes 16, 24 or 32"
            )
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as e:
            raise ConfigurationError(
                "encryption needs the package cryptography:"
                " pip install 'flume-filechannel[encryption]'"
            ) from e
        self.alias = alias
        self._key = key
        self._aes = AESGCM(key)
        self._bad_tag = InvalidTag

    def __repr__(self) -> str:
        return f"Sealer({self.alias!r})"

    def for_segment(self, salt: bytes) -> Sealer:
        """Return a sealer with a key of the same size, derived from this one and ``salt`` (HKDF, SHA-256).

        The salt is no secret; it must be different for each segment (its id and its random salt will do).
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derive = HKDF(algorithm=SHA256(), length=len(self._key), salt=salt, info=_PURPOSE)
        return Sealer(self.alias, derive.derive(self._key))

    def seal(self, payload: Buffer, associated: Buffer) -> bytes:
        """Return the payload sealed. ``associated`` is not stored: `open` must be given the same bytes.

        A payload has less than 2 GiB.
        """
        nonce = os.urandom(_NONCE)
        return nonce + self._aes.encrypt(nonce, payload, associated)

    def open(self, sealed: Buffer, associated: Buffer) -> bytes:
        """Return the payload. Raises `DamagedRecord` unless everything is as it was when sealed."""
        view = memoryview(sealed).cast("B")
        if len(view) < OVERHEAD:
            raise DamagedRecord(
                f"an encrypted record has {len(view)} bytes; the shortest one has {OVERHEAD}"
            )
        try:
            return self._aes.decrypt(bytes(view[:_NONCE]), view[_NONCE:], associated)
        except self._bad_tag as e:
            raise DamagedRecord(
                f"an encrypted record of {len(view)} bytes does not open with the key {self.alias}:"
                " it was changed, or sealed with another key"
            ) from e


class KeySource(Protocol):
    """What gives keys: a `flume_core.KeyProvider`."""

    def key(self, alias: str) -> bytes:
        """Return the key called ``alias``; see `flume_core.KeyProvider.key` for what is raised."""


class Keyring:
    """The sealers of a channel by alias, each made once. Any number of threads may use one."""

    def __init__(self, provider: KeySource, active_alias: str | None) -> None:
        """``provider`` must have been started, ``active_alias`` is the key for new segments.

        None: new segments are not encrypted, old ones can still be read. Raises what the provider
        raises for the active key, and what `Sealer` raises.
        """
        self._provider = provider
        self._sealers: dict[str, Sealer] = {}
        self._lock = threading.Lock()
        self.active: tuple[str, Sealer] | None = None
        """Alias and sealer for new segments."""
        if active_alias is not None:
            self.active = active_alias, self.for_alias(active_alias)

    def for_alias(self, alias: str) -> Sealer:
        """Return the sealer for segments that name ``alias``.

        Raises what the provider raises for that key, and what `Sealer` raises; asking again tries again.
        """
        with self._lock:
            sealer = self._sealers.get(alias)
            if sealer is None:
                sealer = self._sealers[alias] = Sealer(alias, self._provider.key(alias))
            return sealer
