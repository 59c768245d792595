"""``running_flow`` surrounds one component with a real agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.config.model import SinkConfig
from flume_core.errors import ConfigurationError, RetryableError
from flume_core.event import Event
from flume_core.interceptor import EventInterceptor
from flume_core.sink import EventSink
from flume_core.testing import (
    CrashableChannel,
    CrashableStore,
    assert_exactly,
    numbered,
    running_flow,
    wait_until,
)


def test_what_is_put_arrives(tmp_path: Path) -> None:
    with running_flow() as flow:
        flow.put(numbered(30), numbered(20, 30))
        assert_exactly(flow.wait_for(50), numbered(50))
        flow.wait_until_idle()
        assert flow.channel.size() == 0


def test_a_source_is_tried_by_its_type() -> None:
    with running_flow(source={"type": "seq", "totalEvents": "7"}) as flow:
        flow.wait_until_idle()
        assert flow.wait_for(7).bodies() == [b"%d" % number for number in range(7)]


def test_classes_that_nobody_announces_are_tried_as_well() -> None:
    class Odd(EventInterceptor[SinkConfig]):
        def intercept(self, event: Event) -> Event | None:
            return event if int(event.headers["number"]) % 2 else None

    class Shout(EventSink[SinkConfig]):
        shouted: list[bytes] = []  # noqa: RUF012 - one test, one list

        def write(self, event: Event) -> None:
            self.shouted.append(event.body.upper())

    static = {"type": "static", "key": "dc", "value": "eu"}
    with running_flow(interceptors=[{"type": Odd}, static], sink={"type": Shout}) as flow:
        flow.put(numbered(4))
        wait_until(lambda: len(Shout.shouted) == 2)
    assert Shout.shouted == [b"EVENT-000001", b"EVENT-000003"]


def test_mistakes_are_reported_as_for_a_file() -> None:
    flow = running_flow(channel={"type": "memory", "capaciti": "5"})
    with pytest.raises(ConfigurationError, match="capaciti"), flow:
        pass


def test_a_sink_that_fails_is_tried_again() -> None:
    class Shaky(EventSink[SinkConfig]):
        failures = 1
        written: list[bytes] = []  # noqa: RUF012

        def write(self, event: Event) -> None:
            if event.body == b"event-000001" and Shaky.failures:
                Shaky.failures -= 1
                raise RetryableError("told to fail")
            self.written.append(event.body)

    with running_flow(sink={"type": Shaky}) as flow:
        flow.put(numbered(3))
        wait_until(lambda: len(Shaky.written) == 3)
    assert Shaky.written == numbered(3).bodies()


def test_an_agent_loses_nothing_when_its_channel_crashes_and_another_takes_over() -> None:
    store = CrashableStore("harness")
    channel = {"type": CrashableChannel, "store": store.name}
    came: list[Event] = []
    with running_flow(channel=channel) as flow:
        flow.put(numbered(40))
        came += flow.wait_for(40)
        store.crash()
        with pytest.raises(Exception, match="crashed"):
            flow.put(numbered(1, 40))
    with running_flow(channel=channel) as flow:
        flow.put(numbered(10, 40))
        came += flow.wait_for(10)
    assert_exactly(came, numbered(50))
