"""Settings of the avro source."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from flume_avro.protocol.framing import DEFAULT_MAX_FRAME
from flume_avro.source.address_rules import parse_rules
from flume_core import ByteSize, JavaRepairs, Seconds, SourceConfig, Words

__all__ = ["AvroSourceConfig"]


class AvroSourceConfig(SourceConfig):
    """Settings of the avro source. Those behind ``include-cipher-suites`` are not in Java Flume."""

    bind: str = Field(min_length=1, description="address or host name to listen on, and no other")
    port: int = Field(ge=0, le=65535, description="TCP port; 0: any free one")
    threads: int = Field(
        0, ge=0, description="calls that are carried out at the same time, at most; 0: no limit"
    )
    compression_type: Annotated[Literal["none", "deflate"], JavaRepairs()] = Field(
        "none",
        alias="compression-type",
        description="none or deflate; what the clients use must be the same",
    )
    ip_filter: bool = Field(False, description="whether ipFilterRules decide who may connect")
    ip_filter_rules: str = Field(
        "",
        description="rules allow:ip:PATTERN, deny:ip:PATTERN, allow:name:PATTERN, deny:name:PATTERN with"
        " commas between them; the first that matches decides, and who matches none may connect",
    )
    ssl: bool = Field(False, description="whether clients must speak TLS")
    keystore: str = Field(
        "",
        description="file with the server's key and certificates, as PEM or PKCS12;"
        " default: $FLUME_SSL_KEYSTORE_PATH",
    )
    keystore_password: SecretStr | None = Field(
        None,
        alias="keystore-password",
        description="password of the key store; default: $FLUME_SSL_KEYSTORE_PASSWORD",
    )
    keystore_type: str = Field(
        "",
        alias="keystore-type",
        description="not needed: the content of the file decides",
    )
    exclude_protocols: Words = Field(
        ("SSLv3",), alias="exclude-protocols", description="TLS versions that are refused"
    )
    include_protocols: Words = Field(
        (), alias="include-protocols", description="TLS versions to offer; default: all"
    )
    exclude_cipher_suites: Words = Field(
        (),
        alias="exclude-cipher-suites",
        description="cipher suites that are refused, Java's names",
    )
    include_cipher_suites: Words = Field(
        (),
        alias="include-cipher-suites",
        description="cipher suites to offer, Java's names; default: all",
    )
    compression_nesting: Literal["auto", "outer-zlib", "outer-tls"] = Field(
        "auto",
        alias="compression-nesting",
        description="with deflate and ssl, which is outermost on the wire: outer-zlib as in Flume 1.10 and"
        " later, outer-tls as in Flume 1.9; auto: as each client does",
    )
    client_auth: Literal["none", "want", "need"] = Field(
        "none", alias="client-auth", description="whether clients may, or must, show a certificate"
    )
    truststore: str = Field(
        "", description="file with the certificates that vouch for clients, as PEM or PKCS12"
    )
    truststore_password: SecretStr | None = Field(
        None, alias="truststore-password", description="password of the trust store"
    )
    max_frame_size: ByteSize = Field(
        DEFAULT_MAX_FRAME,
        alias="max-frame-size",
        gt=0,
        le=2**31 - 1,
        description="largest call; the connection that announces a larger one is closed",
    )
    max_connections: int = Field(
        1000,
        alias="max-connections",
        gt=0,
        description="clients served at once; others are turned away",
    )
    idle_timeout: Seconds = Field(
        3600,
        alias="idle-timeout",
        ge=0,
        le=2_000_000,
        description="a client that calls nothing for so long is disconnected; 0: never",
    )
    request_timeout: Seconds = Field(
        60,
        alias="request-timeout",
        gt=0,
        le=2_000_000,
        description="a client that takes longer to send one call, or to take its answer, is disconnected",
    )

    @field_validator("compression_type", "compression_nesting", "client_auth", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("ip_filter_rules")
    @classmethod
    def _well_formed(cls, rules: str) -> str:
        parse_rules(rules)
        return rules

    @model_validator(mode="after")
    def _complete(self) -> AvroSourceConfig:
        if self.ip_filter and not parse_rules(self.ip_filter_rules):
            raise ValueError("ipFilter is true, and ipFilterRules has no rule")
        if self.ssl and not self.key_store_path:
            raise ValueError("ssl is true, and keystore names no file")
        if self.client_auth != "none" and not (self.ssl and self.truststore):
            raise ValueError("client-auth needs ssl = true and a truststore")
        return self

    @property
    def key_store_path(self) -> str:
        """The key store that applies; empty if there is none."""
        return self.keystore or os.environ.get("FLUME_SSL_KEYSTORE_PATH", "")

    @property
    def key_store_password(self) -> str | None:
        """The password that applies; None if there is none."""
        if self.keystore_password is not None:
            return self.keystore_password.get_secret_value()
        return os.environ.get("FLUME_SSL_KEYSTORE_PASSWORD")

    @property
    def trust_store_password(self) -> str | None:
        """The password of the trust store; None if there is none."""
        secret = self.truststore_password
        return None if secret is None else secret.get_secret_value()
