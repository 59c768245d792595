"""The CrashableChannel passes the channel suite, synced eagerly and lazily."""

from __future__ import annotations

import pytest

from flume_core.testing.building import store_channel
from flume_core.testing.channel_contract import ChannelContract, ChannelUnderTest
from flume_core.testing.crashable_channel import CrashableChannel
from flume_core.testing.crashable_store import CrashableStore


def under_test(store: CrashableStore) -> ChannelUnderTest:
    config = {
        "store": store.name,
        "capacity": "300",
        "transactionCapacity": "200",
        "keep-alive": "0",
    }

    def crash(_: object) -> CrashableChannel:
        store.crash()
        return store_channel(store, capacity=300, transaction_capacity=200)

    return ChannelUnderTest(CrashableChannel, config, patient={"keep-alive": "60"}, crash=crash)


class TestCrashableChannel(ChannelContract):
    @pytest.fixture
    def channel(self) -> ChannelUnderTest:
        return under_test(CrashableStore())


class TestLazyCrashableChannel(ChannelContract):
    @pytest.fixture
    def channel(self) -> ChannelUnderTest:
        return under_test(CrashableStore(lazy=True))


class TestLazyCrashableChannelThatKeepsPartOfTheTakes(ChannelContract):
    @pytest.fixture(params=[1, 2, 3])
    def channel(self, request: pytest.FixtureRequest) -> ChannelUnderTest:
        return under_test(CrashableStore(lazy=True, seed=request.param))
