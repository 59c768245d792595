"""The embedded source passes the source suite: the program that embeds the agent is its peer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Thread

import pytest

from flume_core._builtin.embedded_source import EmbeddedSource
from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, ContractError
from flume_core.testing import SourceContract, SourceUnderTest


class Program:
    """Puts batches in a thread of its own, again and again while the channel refuses them."""

    def __init__(self) -> None:
        self.count = 0
        self._queue: SimpleQueue[tuple[EmbeddedSource, EventBatch] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def offer(self, source: EmbeddedSource, bodies: Sequence[bytes]) -> None:
        for start in range(0, len(bodies), 10):
            batch = EventBatch.from_bodies(list(bodies[start : start + 10]))
            self._queue.put((source, batch))

    def _run(self) -> None:
        while (offered := self._queue.get()) is not None:
            source, batch = offered
            while True:
                try:
                    source.put(batch)
                except ChannelError:
                    continue
                except ContractError:
                    break  # the agent does not run
                self.count += len(batch)
                break

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(10)


class TestEmbeddedSource(SourceContract):
    @pytest.fixture
    def source(self) -> Iterator[SourceUnderTest]:
        program = Program()
        yield SourceUnderTest(
            EmbeddedSource, {}, program.offer, lambda: program.count, type="embedded"
        )
        program.close()
