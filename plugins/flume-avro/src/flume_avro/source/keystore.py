"""Key stores and trust stores: PEM, and PKCS12 where the ``cryptography`` package is installed."""

from __future__ import annotations

import secrets
import ssl
import tempfile
from pathlib import Path

from flume_core import ConfigurationError

__all__ = ["load_key_store", "load_trust_store"]

_JKS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")  # the second is JCEKS
_DER_SEQUENCE = b"\x30"
_PEM = b"-----BEGIN "


def load_key_store(context: ssl.SSLContext, path: str, password: str | None) -> None:
    """Load the private key of a store, and the certificates for it, into a server's context.

    The content of the file decides how it is read, as in current Java. Raises `ConfigurationError`.
    """
    data = _read(path)
    if _is_pem(path, data):
        _load_pem(context, path, path, password)
        return
    key, certificates = _open_pkcs12(path, data, password)
    if key is None or not certificates:
        raise ConfigurationError(f"the key store {path} holds no private key with a certificate")
    # The ssl module reads keys from files only: this one is encrypted, readable by us alone, and gone
    # when it was read.
    secret = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.pem"
        file.touch(0o600)
        file.write_bytes(_as_pem(key, secret) + b"".join(certificates))
        _load_pem(context, path, str(file), secret)


def load_trust_store(context: ssl.SSLContext, path: str, password: str | None) -> None:
    """Let the certificates of a store vouch for peers. Raises `ConfigurationError`."""
    data = _read(path)
    if not _is_pem(path, data):
        data = b"".join(_open_pkcs12(path, data, password)[1])
    try:
        context.load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"the trust store {path} holds no certificate: {error}") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the key or trust store {path} cannot be read: {error.strerror}"
        ) from error


def _is_pem(path: str, data: bytes) -> bool:
    if data[:4] in _JKS:
        raise ConfigurationError(
            f"{path} is a Java key store (JKS), which only Java reads; convert it with: keytool"
            f" -importkeystore -srckeystore {path} -destkeystore {path}.p12 -deststoretype PKCS12"
        )
    if _PEM in data:
        return True
    if data[:1] != _DER_SEQUENCE:
        raise ConfigurationError(f"{path} is neither PEM nor PKCS12")
    return False


def _load_pem(context: ssl.SSLContext, name: str, path: str, password: str | None) -> None:
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(path, password=lambda: password or "")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            f"the key store {name} cannot be used: {error}; it must hold a private key and its"
            " certificates, and keystore-password must be its password"
        ) from error


def _open_pkcs12(path: str, data: bytes, password: str | None) -> tuple[object, list[bytes]]:
    """Return the private key, if any, and all certificates as PEM, the key's own first."""
    try:
        from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
    except ImportError as error:
        raise ConfigurationError(
            f"{path} is PKCS12, which needs a package: pip install 'flume-avro[pkcs12]'; or convert it to"
            f" PEM with: openssl pkcs12 -in {path} -out {path}.pem"
        ) from error
    try:
        store = pkcs12.load_pkcs12(data, password.encode() if password else None)
    except ValueError as error:
        raise ConfigurationError(f"{path} cannot be opened: {error}; check its password") from error
    found = [store.cert] if store.cert else []
    found += store.additional_certs
    return store.key, [each.certificate.public_bytes(Encoding.PEM) for each in found]


def _as_pem(key: object, secret: str) -> bytes:
    from cryptography.hazmat.primitives import serialization

    private = getattr(key, "private_bytes")  # noqa: B009 - the kinds of keys share no base class
    pem: bytes = private(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(secret.encode()),
    )
    return pem
