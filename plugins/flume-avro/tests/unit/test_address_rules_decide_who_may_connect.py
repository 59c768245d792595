"""ipFilterRules, as Flume's guide describes them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest

from flume_avro.protocol.definition import Status
from flume_avro.source.address_rules import may_connect, parse_rules
from flume_avro.source.source import AvroSource
from flume_core import EventBatch
from flume_core.testing import RecordingEmitter, wait_until


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"10.1.2.3": "web01.example.org", "127.0.0.1": "localhost"}

    def look_up(address: str) -> tuple[str, list[str], list[str]]:
        if address not in known:
            raise socket.herror(1, "Unknown host")
        return known[address], [], [address]

    monkeypatch.setattr(socket, "gethostbyaddr", look_up)


@pytest.mark.parametrize(
    ("rules", "address", "allowed"),
    [
        ("allow:ip:127.*,deny:ip:*", "127.0.0.1", True),
        ("allow:ip:127.*,deny:ip:*", "10.1.2.3", False),
        ("deny:ip:10.1.2.?", "10.1.2.3", False),
        ("deny:ip:10.1.2.?", "10.1.2.34", True),
        ("deny:ip:10.1", "10.1.2.3", True),
        ("deny:ip:10.1.2.3", "10x1y2z3", True),
        ("allow:name:web*,deny:ip:*", "10.1.2.3", True),
        ("allow:name:WEB01.example.org,deny:ip:*", "10.1.2.3", True),
        ("allow:name:db*,deny:ip:*", "10.1.2.3", False),
        ("allow:name:*.org,deny:ip:*", "10.9.9.9", False),
        ("allow:name:localhost,deny:ip:*", "127.0.0.1", True),
        ("deny:ip:10.*,allow:ip:10.1.*", "10.1.2.3", False),
        ("deny:ip:10.*", "192.168.0.1", True),
        ("", "192.168.0.1", True),
    ],
)
def test_the_first_rule_that_matches_decides(rules: str, address: str, allowed: bool) -> None:
    assert may_connect(parse_rules(rules), address) is allowed


@pytest.mark.parametrize("rule", ["deny:ip:127.*", "deny:name:localhost"])
def test_who_is_denied_is_disconnected_before_anything_is_read(
    rule: str,
    run: Callable[..., AvroSource],
    connect: Callable[..., Any],
    emitter: RecordingEmitter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = run(ipFilter="true", ipFilterRules=rule)
    with caplog.at_level(logging.INFO):
        assert connect(source).is_closed()
        wait_until(lambda: source.metrics.get("OpenConnectionCount") == 0, "the end")

    assert "is turned away by ipFilterRules" in caplog.text
    assert not emitter.offered


def test_rules_without_ip_filter_are_not_used(
    run: Callable[..., AvroSource], connect: Callable[..., Any]
) -> None:
    client = connect(run(ipFilterRules="deny:ip:*"))

    assert client.append(EventBatch.from_bodies([b"x"])).status is Status.OK


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_an_ipv4_client_of_an_ipv6_socket_has_its_ipv4_address(
    run: Callable[..., AvroSource], connect: Callable[..., Any]
) -> None:
    source = run(bind="::", ipFilter="true", ipFilterRules="allow:ip:127.0.0.1,deny:ip:*")

    assert connect(source).append(EventBatch.from_bodies([b"x"])).status is Status.OK
