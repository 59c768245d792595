from __future__ import annotations

import socket
from typing import NoReturn

import pytest
from pydantic import ValidationError

from flume_core._builtin.interceptors import (
    HostInterceptor,
    StaticInterceptor,
    TimestampInterceptor,
)
from flume_core.batch import EventBatch
from tests.core.builtin.contexts import ManualClock, component_context


def mixed(key: str) -> EventBatch:
    """Three events; the second one has the header already, and all share another one."""
    return EventBatch.from_bodies([b"a", b"b", b"c"], {"dc": "eu"}, {key: [None, "old", None]})


def timestamp(**settings: str) -> TimestampInterceptor:
    config = TimestampInterceptor.config_model.model_validate(settings)
    return TimestampInterceptor(config, component_context(clock=ManualClock(1700000000.1239)))


def host(**settings: str) -> HostInterceptor:
    interceptor = HostInterceptor(
        HostInterceptor.config_model.model_validate(settings), component_context()
    )
    interceptor.start()
    return interceptor


def static(**settings: str) -> StaticInterceptor:
    config = StaticInterceptor.config_model.model_validate(settings)
    return StaticInterceptor(config, component_context())


def test_timestamp_adds_the_time_in_milliseconds_and_replaces_what_was_there() -> None:
    batch = timestamp().intercept(mixed("timestamp"))
    assert list(batch.header("timestamp")) == ["1700000000123"] * 3
    assert batch.bodies() == [b"a", b"b", b"c"]
    assert batch.headers["dc"] == "eu"


def test_timestamp_keeps_an_existing_header_if_asked_to() -> None:
    batch = timestamp(preserveExisting="true", headerName="at").intercept(mixed("at"))
    assert list(batch.header("at")) == ["1700000000123", "old", "1700000000123"]


def test_all_events_of_a_batch_share_one_time_without_a_column() -> None:
    batch = timestamp().intercept(EventBatch.from_block(b"a\nb\n"))
    assert batch.headers == {"timestamp": "1700000000123"}
    assert not batch.columns
    assert batch.is_block


def addresses(*found: tuple[socket.AddressFamily, str]) -> object:
    def getaddrinfo(*_args: object, **_more: object) -> object:
        return [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for family, address in found]

    return getaddrinfo


def test_host_adds_the_ipv4_address_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = addresses((socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "192.0.2.7"))
    monkeypatch.setattr(socket, "getaddrinfo", found)
    batch = host().intercept(mixed("host"))
    assert list(batch.header("host")) == ["192.0.2.7"] * 3


def test_host_adds_an_ipv6_address_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", addresses((socket.AF_INET6, "2001:db8::1")))
    batch = host(preserveExisting="true").intercept(mixed("host"))
    assert list(batch.header("host")) == ["2001:db8::1", "old", "2001:db8::1"]


def test_host_adds_the_canonical_name_if_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "web01.example.org")
    batch = host(useIP="false", hostHeader="from").intercept(mixed("from"))
    assert list(batch.header("from")) == ["web01.example.org"] * 3


def test_host_looks_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", addresses((socket.AF_INET, "192.0.2.7")))
    interceptor = host()
    monkeypatch.setattr(socket, "getaddrinfo", addresses((socket.AF_INET, "192.0.2.8")))
    assert interceptor.intercept(mixed("host")).headers["host"] == "192.0.2.7"


def test_a_host_without_an_address_gives_a_warning_and_no_header(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_more: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    batch = mixed("other")
    assert host().intercept(batch) is batch
    (message,) = caplog.messages
    assert "no header host is added" in message
    assert "Name or service not known" in message


def test_static_adds_its_header_and_keeps_existing_ones() -> None:
    batch = static(key="env", value="prod").intercept(mixed("env"))
    assert list(batch.header("env")) == ["prod", "old", "prod"]


def test_static_replaces_existing_headers_if_told_to() -> None:
    batch = static(key="env", value="prod", preserveExisting="false").intercept(mixed("env"))
    assert list(batch.header("env")) == ["prod"] * 3


def test_static_has_defaults_as_in_flume() -> None:
    assert static().intercept(EventBatch.from_bodies([b"a"])).headers == {"key": "value"}


@pytest.mark.parametrize("make", [timestamp, host, static])
def test_an_unclear_boolean_is_refused(make: object) -> None:
    with pytest.raises(ValidationError, match="neither true nor false"):
        make(preserveExisting="yes")  # type: ignore[operator]
