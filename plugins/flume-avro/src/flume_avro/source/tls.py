"""The TLS settings of the source as an `ssl.SSLContext`."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Iterable

from flume_avro.source.config import AvroSourceConfig
from flume_avro.source.keystore import load_key_store, load_trust_store
from flume_core import ConfigurationError

__all__ = ["server_context"]

_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_CLIENT_AUTH = {"none": ssl.CERT_NONE, "want": ssl.CERT_OPTIONAL, "need": ssl.CERT_REQUIRED}


def server_context(config: AvroSourceConfig) -> ssl.SSLContext | None:
    """Return the context for a source's clients, or None without TLS. Raises `ConfigurationError`.

    TLS before 1.2 is offered only where ``include-protocols`` names it.
    """
    if not config.ssl:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _limit_versions(context, config.include_protocols, config.exclude_protocols)
    _limit_ciphers(context, config.include_cipher_suites, config.exclude_cipher_suites)
    load_key_store(context, config.key_store_path, config.key_store_password)
    if config.truststore:
        load_trust_store(context, config.truststore, config.trust_store_password)
    context.verify_mode = _CLIENT_AUTH[config.client_auth]
    return context


def _limit_versions(
    context: ssl.SSLContext, include: Iterable[str], exclude: Iterable[str]
) -> None:
    wanted = set(include or ("TLSv1.2", "TLSv1.3")) - set(exclude)
    offered = [version for name, version in _VERSIONS.items() if name in wanted]
    if not offered:
        raise ConfigurationError(
            "include-protocols and exclude-protocols leave no version of TLS; there are"
            f" {', '.join(_VERSIONS)}"
        )
    if len([v for v in _VERSIONS.values() if offered[0] <= v <= offered[-1]]) != len(offered):
        raise ConfigurationError(
            "include-protocols and exclude-protocols leave out a version of TLS between two others,"
            " which OpenSSL cannot do"
        )
    with warnings.catch_warnings():  # those before 1.2 are deprecated, and asked for by name
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = offered[0], offered[-1]


def _limit_ciphers(context: ssl.SSLContext, include: Iterable[str], exclude: Iterable[str]) -> None:
    wanted, refused = set(map(_openssl_name, include)), set(map(_openssl_name, exclude))
    if not wanted and not refused:
        return
    # The suites of TLS 1.3 have Java's names already, and OpenSSL offers them all in any case.
    names = [c["name"] for c in context.get_ciphers() if not c["name"].startswith("TLS_")]
    left = [name for name in names if (not wanted or name in wanted) and name not in refused]
    if not left:
        raise ConfigurationError(
            "include-cipher-suites and exclude-cipher-suites leave no cipher suite that OpenSSL has"
        )
    context.set_ciphers(":".join(left))


def _openssl_name(name: str) -> str:
    """Return OpenSSL's name of a cipher suite that Java calls TLS_..._WITH_..."""
    if "_WITH_" not in name:
        return name
    keys, cipher = re.sub(r"^(TLS|SSL)_", "", name).split("_WITH_", 1)
    cipher = cipher.replace("AES_128", "AES128").replace("AES_256", "AES256").replace("_CBC", "")
    if "CHACHA20" in cipher:
        cipher = "CHACHA20_POLY1305"
    return (cipher if keys == "RSA" else f"{keys}_{cipher}").replace("_", "-")
