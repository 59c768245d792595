"""Sink processors: which sink of a group takes the next batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from flume_core.component import C, Component, ComponentContext, Status

__all__ = ["ProcessorContext", "SinkHandle", "SinkProcessor", "Status"]


class SinkHandle(Protocol):
    """A sink as a processor sees it. The runtime starts it when it is first used, and stops it."""

    @property
    def name(self) -> str:
        """The sink's name."""

    def process(self) -> Status:
        """Let the sink take and deliver one batch; see `flume_core.sink.Sink.process`.

        A sink that could not be started yet is started first; if that fails the exception leaves here,
        and a later call tries again.
        """


@dataclass(frozen=True, kw_only=True)
class ProcessorContext(ComponentContext):
    """What the agent gives a sink processor."""

    sinks: Sequence[SinkHandle]
    """The sinks of the group, in the order of the configuration."""


class SinkProcessor(Component[C]):
    """Runs the sinks of one group, in one thread."""

    kind: ClassVar[str] = "sink_processor"
    context: ProcessorContext

    def __init__(self, config: C, context: ProcessorContext) -> None:
        super().__init__(config, context)
        self.sinks = context.sinks

    @classmethod
    def check(cls, config: C, sinks: Sequence[str]) -> Sequence[str]:
        """Return what is wrong with the settings for a group of these sinks; one line each."""
        return ()

    @abstractmethod
    def process(self) -> Status:
        """Let one sink process a batch, and return its status.

        Raise `RetryableError` when no sink of the group could. Only exceptions count as failures of a
        sink; BACKOFF means that its channel was empty.
        """
