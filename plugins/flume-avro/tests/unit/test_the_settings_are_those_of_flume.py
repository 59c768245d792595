"""Flume's spellings and defaults, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flume_avro.source.config import AvroSourceConfig
from flume_avro.source.source import AvroSource

REQUIRED = {"bind": "0.0.0.0", "port": "4141"}


def config(**settings: str) -> AvroSourceConfig:
    return AvroSourceConfig.model_validate(
        REQUIRED | {key.replace("_", "-"): value for key, value in settings.items()}
    )


def test_every_property_of_flume_is_read_as_flume_spells_it() -> None:
    read = AvroSourceConfig.model_validate(
        {
            **REQUIRED,
            "threads": "7",
            "compression-type": "DEFLATE",
            "ipFilter": "true",
            "ipFilterRules": "allow:ip:127.*, deny:name:*",
            "ssl": "true",
            "keystore": "/etc/server.p12",
            "keystore-password": "secret",
            "keystore-type": "PKCS12",
            "exclude-protocols": "SSLv3 TLSv1.2",
            "include-protocols": "TLSv1.2 TLSv1.3",
            "exclude-cipher-suites": "A B",
            "include-cipher-suites": "C D",
        }
    )

    assert (read.bind, read.port, read.threads) == ("0.0.0.0", 4141, 7)
    assert read.compression_type == "deflate"
    assert read.ip_filter
    assert read.key_store_path == "/etc/server.p12"
    assert read.key_store_password == "secret"
    assert read.exclude_protocols == ("SSLv3", "TLSv1.2")
    assert read.include_cipher_suites == ("C", "D")


def test_the_defaults_are_those_of_flume() -> None:
    read = config()

    assert read.threads == 0
    assert read.compression_type == "none"
    assert not read.ssl
    assert not read.ip_filter
    assert read.exclude_protocols == ("SSLv3",)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ssl": "true"}, "ssl is true, and keystore names no file"),
        ({"ipFilter": "true"}, "ipFilterRules has no rule"),
        ({"ipFilterRules": "allow:ip"}, "the rule 'allow:ip' is not"),
        ({"ipFilterRules": "Allow:ip:1.*"}, "the rule 'Allow:ip:1"),
        ({"client_auth": "need"}, "client-auth needs ssl = true and a truststore"),
        ({"compression_type": "gzip"}, "compression_type"),
        ({"threads": "-1"}, "threads"),
        ({"max_frame_size": "3G"}, "max_frame_size"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    settings: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLUME_SSL_KEYSTORE_PATH", raising=False)
    with pytest.raises(ValidationError, match=says):
        config(**settings)


def test_passwords_are_not_shown() -> None:
    read = config(ssl="true", keystore="k", keystore_password="hunter2")

    assert "hunter2" not in repr(read)


def test_two_sources_on_one_port_claim_the_same() -> None:
    assert list(AvroSource.claims(config())) == ["0.0.0.0:4141"]
    assert list(AvroSource.claims(config(port="0"))) == []
