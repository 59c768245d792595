"""Listening, stopping while calls are carried out, and the source in an agent of its own."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest

from flume_avro.protocol.definition import Status
from flume_avro.source.source import AvroSource
from flume_core import ConfigurationError, EventBatch, RetryableError
from flume_core.agent import Agent
from flume_core.testing import RecordingEmitter, wait_until
from flume_core.testing.waiting import OneThread

Run = Callable[..., AvroSource]
Connect = Callable[..., Any]

BATCH = EventBatch.from_bodies([b"one", b"two"], {"host": "web01"})


def test_a_call_that_is_being_carried_out_is_answered_before_the_stop(
    run: Run, connect: Connect, emitter: RecordingEmitter
) -> None:
    source = run()
    client = connect(source)
    emitter.hold()
    client.post(BATCH)
    wait_until(lambda: emitter.inside, "a call of emit")
    stopping = OneThread()
    stopping.post(source.stop)
    wait_until(lambda: not source.bound_port, "the end of listening")
    emitter.release()

    assert client.answer().status is Status.OK
    assert client.is_closed()
    stopping.close()
    assert len(emitter.events) == 2


def test_calls_behind_it_are_neither_carried_out_nor_answered(
    run: Run, connect: Connect, emitter: RecordingEmitter
) -> None:
    source = run()
    client = connect(source)
    emitter.hold()
    for _ in range(3):
        client.post(BATCH)
    wait_until(lambda: emitter.inside, "a call of emit")
    stopping = OneThread()
    stopping.post(source.stop)
    wait_until(lambda: not source.bound_port, "the end of listening")
    emitter.release()

    assert client.answer().status is Status.OK
    assert client.is_closed()
    stopping.close()
    assert len(emitter.offered) == 1


def test_idle_connections_end_at_once_with_the_source(
    run: Run, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    source = run()
    clients = [connect(source) for _ in range(20)]
    for client in clients:
        client.append(BATCH)
    with caplog.at_level(logging.INFO):
        source.stop()

    assert all(client.is_closed() for client in clients)
    assert not caplog.records
    assert source.metrics.get("OpenConnectionCount") == 0


def test_a_port_in_use_may_be_free_later(run: Run) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(RetryableError, match=r"source r1 cannot listen on .* in use"),
    ):
        run(port=taken.getsockname()[1])


def test_an_address_that_does_not_exist_is_a_mistake_in_the_configuration(run: Run) -> None:
    with pytest.raises(ConfigurationError, match="correct bind"):
        run(bind="no such host")


def test_an_agent_runs_it_between_interceptors_and_channels(connect: Connect) -> None:
    settings = {
        "sources": "r1",
        "sources.r1.type": "flume_avro.source.source:AvroSource",
        "sources.r1.bind": "127.0.0.1",
        "sources.r1.port": "0",
        "sources.r1.channels": "c1",
        "sources.r1.interceptors": "i1",
        "sources.r1.interceptors.i1.type": "static",
        "channels": "c1",
        "channels.c1.type": "memory",
        "channels.c1.transactionCapacity": "3",
        "sinks": "k1",
        "sinks.k1.type": "null",
        "sinks.k1.channel": "c1",
        "sinks.k1.batchSize": "3",
    }
    with Agent.from_mapping(settings) as agent:
        source = agent.source("r1")
        assert isinstance(source, AvroSource)
        client = connect(source)
        assert client.append(BATCH).status is Status.OK
        # More than a transaction of the channel holds, as Java answers it.
        assert client.append(EventBatch.concat([BATCH, BATCH])).status is Status.FAILED
        assert client.append(BATCH).status is Status.OK
        wait_until(agent.is_idle, "the sink to take everything")
        assert source.metrics.get("EventAcceptedCount") == 4
        assert agent.totals() == (4, 4)
