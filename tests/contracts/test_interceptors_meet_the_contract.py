"""The interceptors timestamp, host and static pass the interceptor suite."""

from __future__ import annotations

import socket

import pytest

from flume_core._builtin.interceptors import (
    HostInterceptor,
    StaticInterceptor,
    TimestampInterceptor,
)
from flume_core.batch import EventBatch
from flume_core.event import Event
from flume_core.testing import InterceptorContract, InterceptorUnderTest

NOW = "1700000000000"


def some_with(header: str) -> EventBatch:
    """Events with and without the header."""
    return EventBatch.from_events(
        [
            Event(b"without"),
            Event(b"with", {header: "own", "x": "y"}),
            Event(b"empty", {header: ""}),
        ]
    )


class TestTimestampInterceptor(InterceptorContract):
    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        return InterceptorUnderTest(
            TimestampInterceptor,
            {},
            lambda event: event.with_headers(timestamp=NOW),
            type="timestamp",
            examples=some_with("timestamp"),
        )


class TestTimestampInterceptorThatPreserves(InterceptorContract):
    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        return InterceptorUnderTest(
            TimestampInterceptor,
            {"headerName": "t", "preserveExisting": "true"},
            lambda event: event if "t" in event.headers else event.with_headers(t=NOW),
            examples=some_with("t"),
        )


class TestHostInterceptor(InterceptorContract):
    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        name = socket.getfqdn()
        return InterceptorUnderTest(
            HostInterceptor,
            {"useIP": "false", "hostHeader": "h"},
            lambda event: event.with_headers(h=name),
            type="host",
            examples=some_with("h"),
        )


class TestHostInterceptorWithAnAddress(InterceptorContract):
    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        return InterceptorUnderTest(HostInterceptor, {"preserveExisting": "true"})


class TestStaticInterceptor(InterceptorContract):
    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        return InterceptorUnderTest(
            StaticInterceptor,
            {"key": "dc", "value": "eu"},
            lambda event: event if "dc" in event.headers else event.with_headers(dc="eu"),
            type="static",
            examples=some_with("dc"),
        )


class TestStaticInterceptorThatOverwrites(InterceptorContract):
    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        return InterceptorUnderTest(
            StaticInterceptor,
            {"key": "dc", "value": "eu", "preserveExisting": "false"},
            lambda event: event.with_headers(dc="eu"),
            examples=some_with("dc"),
        )
