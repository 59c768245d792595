"""The memory channel passes the channel suite."""

from __future__ import annotations

import pytest

from flume_core._builtin.memory_channel import MemoryChannel
from flume_core.testing import (
    ChannelContract,
    ChannelUnderTest,
    assert_exactly,
    make_channel,
    numbered,
)


class TestMemoryChannel(ChannelContract):
    @pytest.fixture
    def channel(self) -> ChannelUnderTest:
        config = {"capacity": "300", "transactionCapacity": "200", "keep-alive": "0"}
        return ChannelUnderTest(MemoryChannel, config, type="memory", patient={"keep-alive": "60"})


class TestMemoryChannelAtItsSmallest(ChannelContract):
    """Capacity and transaction capacity as in a file that sets neither."""

    @pytest.fixture
    def channel(self) -> ChannelUnderTest:
        config = {"keep-alive": "0"}
        return ChannelUnderTest(MemoryChannel, config, patient={"keep-alive": "60"})


def test_a_memory_channel_keeps_its_events_over_a_stop_and_a_start() -> None:
    channel = make_channel(MemoryChannel, {})
    channel.start()
    with channel.transaction() as tx:
        tx.put(numbered(10))
    channel.stop()
    channel.start()
    with channel.transaction() as tx:
        assert_exactly(tx.take(100), numbered(10))
