"""The suite that proves a channel right.

::

    class TestMyChannel(ChannelContract):
        @pytest.fixture
        def channel(self, tmp_path):
            return ChannelUnderTest(
                MyChannel,
                {"capacity": "500", "transactionCapacity": "200", "keep-alive": "0", "dir": str(tmp_path)},
                type="mine",
                patient={"keep-alive": "60"},
                crash=kill_and_reopen,
            )
"""

from __future__ import annotations

from flume_core.testing._channel_base import ChannelUnderTest
from flume_core.testing._channel_capacity import CapacityTests, TransactionCapacityTests, WaitTests
from flume_core.testing._channel_durability import ProgressTests, RestartTests, SpanTests
from flume_core.testing._channel_threads import CounterTests, ThreadTests
from flume_core.testing._channel_transactions import (
    AtomicityTests,
    BatchTests,
    OrderTests,
    StateTests,
)

__all__ = ["ChannelContract", "ChannelUnderTest"]


class ChannelContract(
    AtomicityTests,
    OrderTests,
    BatchTests,
    StateTests,
    CapacityTests,
    TransactionCapacityTests,
    WaitTests,
    ThreadTests,
    CounterTests,
    RestartTests,
    ProgressTests,
    SpanTests,
):
    """Subclass it with a fixture ``channel`` that returns a `ChannelUnderTest`.

    Atomicity, order, cutting and joining of batches, legal calls, capacity, waiting, threads,
    counters; restart, crash, progress and sequence numbers where the channel has them; and what holds
    for every component.
    """
