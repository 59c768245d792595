"""What all parts of the channel suite share: the hooks, fixtures and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeAlias

import pytest

from flume_core.batch import EventBatch
from flume_core.channel import Channel
from flume_core.testing.building import Settings, make_channel
from flume_core.testing.component_contract import ComponentContract, ComponentUnderTest, need
from flume_core.transaction import Transaction

__all__ = [
    "LARGEST",
    "SMALLEST",
    "AnyChannel",
    "ChannelParts",
    "ChannelUnderTest",
    "OpenChannels",
    "drain",
    "put",
    "rolled_back",
    "take",
]

AnyChannel: TypeAlias = Channel[Any]

SMALLEST = 100
"""Events that a channel under test must have room for, in all and in one transaction."""

LARGEST = 20_000
"""Events above which filling a channel is not worth the time."""


@dataclass(frozen=True)
class ChannelUnderTest(ComponentUnderTest):
    """A channel, and what the suite needs to do with it.

    ``config`` should give the channel room for 100 to 20000 events and a keep-alive of 0 or 1 s, and
    every fixture call a place of its own (below ``tmp_path``) where data is stored.
    """

    cls: type[AnyChannel]
    _: KW_ONLY
    patient: Settings | None = None
    """Properties to add so that a commit waits at least 30 s for room: ``{"keep-alive": "60"}``."""
    crash: Callable[[AnyChannel], AnyChannel] | None = None
    """Abandons a started channel as a kill would, and returns a started one over what is left."""


class OpenChannels:
    """Starts channels, and stops whatever is still running at the end of the test."""

    def __init__(self, under_test: ChannelUnderTest) -> None:
        self._under_test = under_test
        self._running: AnyChannel | None = None

    def open(self, more: Settings | None = None) -> AnyChannel:
        """Start a channel, with properties added."""
        channel = make_channel(self._under_test.cls, {**self._under_test.config, **(more or {})})
        channel.start()
        self._running = channel
        return channel

    def open_patient(self) -> AnyChannel:
        """Start a channel whose commits wait long for room, or skip the test."""
        return self.open(need(self._under_test.patient, "patient"))

    def reopen(self) -> AnyChannel:
        """Stop the channel cleanly and start a new one over its data, or skip the test."""
        assert self._running is not None
        if not self._running.durable:
            pytest.skip("the channel is not durable")
        self.close()
        return self.open()

    def crash(self) -> AnyChannel:
        """Kill the channel and start a new one over what is left, or skip the test."""
        crash = need(self._under_test.crash, "crash")
        assert self._running is not None
        self._running = crash(self._running)
        return self._running

    def close(self) -> None:
        """Stop the channel that runs."""
        if self._running is not None:
            self._running.stop()
            self._running = None


class ChannelParts(ComponentContract):
    """The base of the parts of the channel suite."""

    @pytest.fixture
    def channel(self) -> ChannelUnderTest:
        """Return what is tested; override this."""
        raise NotImplementedError("write a fixture `channel` that returns a ChannelUnderTest")

    @pytest.fixture
    def component(self, channel: ChannelUnderTest) -> ComponentUnderTest:
        """Return the channel, for the tests that hold for every component."""
        return channel

    @pytest.fixture
    def channels(self, channel: ChannelUnderTest) -> Iterator[OpenChannels]:
        """Start channels when asked; stop them after the test."""
        opened = OpenChannels(channel)
        yield opened
        opened.close()

    @pytest.fixture
    def live(self, channels: OpenChannels) -> AnyChannel:
        """Return a started, empty channel."""
        return channels.open()


def put(channel: AnyChannel, *batches: EventBatch) -> None:
    """Commit batches in one transaction."""
    with channel.transaction() as tx:
        for batch in batches:
            tx.put(batch)


def take(channel: AnyChannel, most: int) -> EventBatch:
    """Take and commit once."""
    with channel.transaction() as tx:
        return tx.take(most)


@contextmanager
def rolled_back(channel: AnyChannel) -> Iterator[Transaction]:
    """Give a transaction that an exception will end."""
    try:
        with channel.transaction() as tx:
            yield tx
            raise _Interrupted
    except _Interrupted:
        return
    raise AssertionError("the exception that left the transaction did not come out of it")


class _Interrupted(Exception):
    pass


def drain(channel: AnyChannel, step: int = SMALLEST) -> EventBatch:
    """Take and commit until nothing comes."""
    taken = []
    while batch := take(channel, step):
        taken.append(batch)
    return EventBatch.concat(taken)
