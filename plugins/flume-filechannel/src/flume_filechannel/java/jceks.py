"""Key stores of Java's JCEKS type, from which the file channel takes its keys.

The file: magic ``cececece``, version 1 or 2, number of entries, the entries, and a SHA-1 of password (UTF-16,
big-endian), "Mighty Aphrodite" and everything before. A secret key is a serialized ``SealedObject``: a
serialized key encrypted with triple DES, whose key and first block come from the key's password by MD5.
Other entries (certificates, private keys) are passed over.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from flume_filechannel.java.encryption import KeyLookup, require_cryptography
from flume_filechannel.java.errors import KeyStoreError
from flume_filechannel.java.java_object import JavaObject, NotAJavaObject, read_java_object

__all__ = ["read_key_store"]

_MAGIC = 0xCECECECE
_WHITENER = b"Mighty Aphrodite"
_DIGEST = 20
_LARGEST = 16 << 20
_MOST_ROUNDS = 10_000_000
_ALGORITHM = "PBEWithMD5AndTripleDES"


def read_key_store(
    path: Path, password: str, key_passwords: Mapping[str, str] | None = None
) -> KeyLookup:
    """Return a look-up of the secret keys in a JCEKS key store, for `read_java_channel`.

    Keys are opened when they are asked for. The look-up raises KeyError for an unknown alias (aliases are
    compared in lower case, as Java does) and KeyStoreError if the key's password does not fit.

    Args:
        path: the key store.
        password: of the store; it is also that of every key without one of its own.
        key_passwords: passwords by alias.

    Raises:
        KeyStoreError: the file cannot be read, is no JCEKS store, or the password does not fit.
        JavaChannelError: `cryptography` is not installed.
    """
    require_cryptography()
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= _LARGEST else b""
    except OSError as e:
        raise KeyStoreError(f"cannot read the key store {path}: {e.strerror}") from e
    sealed = _entries(path, data, password)
    passwords = {alias.lower(): own for alias, own in (key_passwords or {}).items()}

    def look_up(alias: str) -> bytes:
        name = alias.lower()
        return _unseal(path, name, sealed[name], passwords.get(name, password))

    return look_up


def _entries(path: Path, data: bytes, password: str) -> dict[str, JavaObject]:
    if len(data) < 12 + _DIGEST or struct.unpack_from(">I", data)[0] != _MAGIC:
        raise KeyStoreError(f"{path} is not a JCEKS key store (keytool -storetype jceks makes one)")
    content = data[:-_DIGEST]
    digest = hashlib.sha1(
        password.encode("utf-16-be", "surrogatepass") + _WHITENER + content, usedforsecurity=False
    ).digest()
    if not hmac.compare_digest(digest, data[-_DIGEST:]):
        raise KeyStoreError(
            f"the password does not fit the key store {path}, or the file was changed"
        )
    try:
        return dict(_secret_keys(content))
    except (struct.error, NotAJavaObject, UnicodeDecodeError) as e:
        raise KeyStoreError(f"the key store {path} cannot be read: {e}") from e


def _secret_keys(data: bytes) -> Iterator[tuple[str, JavaObject]]:
    version, count = struct.unpack_from(">ii", data, 4)
    if version not in (1, 2):
        raise NotAJavaObject(f"version {version}")
    at = 12
    for _ in range(count):
        (kind,) = struct.unpack_from(">i", data, at)
        alias, at = _text(data, at + 4)
        at += 8  # when it was made
        if kind == 3:
            sealed, at = read_java_object(data, at)
            yield alias.lower(), sealed
        elif kind == 2:
            at = _certificate(data, at, version)
        elif kind == 1:
            at = _sized(data, at)
            (chain,) = struct.unpack_from(">i", data, at)
            at += 4
            for _ in range(chain):
                at = _certificate(data, at, version)
        else:
            raise NotAJavaObject(f"an entry of type {kind}")


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">H", data, at)
    at += 2
    return data[at : at + length].decode("utf-8"), at + length


def _sized(data: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">I", data, at)
    return at + 4 + int(length)


def _certificate(data: bytes, at: int, version: int) -> int:
    if version == 2:
        _, at = _text(data, at)
    return _sized(data, at)


def _unseal(path: Path, alias: str, sealed: JavaObject, password: str) -> bytes:
    try:
        content, parameters = sealed.get("encryptedContent"), sealed.get("encodedParams")
        if not isinstance(content, bytes) or not isinstance(parameters, bytes):
            raise NotAJavaObject("a sealed object without content or parameters")
        if sealed.get("sealAlg") != _ALGORITHM:
            raise NotAJavaObject(f"sealed with {sealed.get('sealAlg')!r}")
        salt, rounds = _parameters(parameters)
        key, _ = read_java_object(_decrypt(content, password, salt, rounds))
        found = key.get("key", key.get("encoded"))
        if not isinstance(found, bytes):
            raise NotAJavaObject("not a secret key")
    except ValueError as e:  # bad padding, or what came out is no object
        raise KeyStoreError(
            f"the key {alias!r} in {path} cannot be opened: most likely its password is another ({e})"
        ) from e
    return found


def _parameters(der: bytes) -> tuple[bytes, int]:
    """Return salt and rounds from ``SEQUENCE { OCTET STRING, INTEGER }``, all lengths of one byte."""
    if len(der) < 15 or der[0] != 0x30 or der[1] != len(der) - 2 or der[2:4] != b"\x04\x08":
        raise NotAJavaObject("parameters of another form")
    if der[12] != 0x02 or der[13] != len(der) - 14:
        raise NotAJavaObject("parameters of another form")
    rounds = int.from_bytes(der[14:], "big")
    if not 0 < rounds <= _MOST_ROUNDS:
        raise NotAJavaObject(f"{rounds} rounds")
    return der[4:12], rounds


def _decrypt(content: bytes, password: str, salt: bytes, rounds: int) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    secret = bytes(ord(c) & 0x7F for c in password)  # Java keeps seven bits
    derived = b""
    first, second = salt[:4], salt[4:]
    if first == second:  # two equal halves would give two equal keys: Java reverses the first
        first = first[::-1]
    for half in (first, second):
        hashed = half
        for _ in range(rounds):
            hashed = hashlib.md5(hashed + secret, usedforsecurity=False).digest()
        derived += hashed
    decryptor = Cipher(TripleDES(derived[:24]), modes.CBC(derived[24:])).decryptor()
    padded = decryptor.update(content) + decryptor.finalize()
    unpadder = PKCS7(64).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
