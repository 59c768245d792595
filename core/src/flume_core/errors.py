"""The exception tree, and the configuration problems that some of them carry.

Every class tells the runner what to do::

    FlumeError
    |-- ConfigurationError        the start fails; nothing is retried; exit code 1
    |   `-- PluginError           a type could not be found or loaded
    |-- RetryableError            an outage: roll back, wait, try the same events again
    |   `-- ChannelError          a channel refused a transaction
    |       `-- ChannelFull       there was no room within the keep-alive
    |-- PermanentError            these events can never be delivered; trying again is useless
    |-- PartialFailure            some events of a batch were delivered, the listed ones were not
    `-- ContractError             a component broke its contract: a defect, not an outage
        `-- TransactionStateError an illegal call for the state a transaction is in

Whatever else a sink or source raises is treated as retryable. Components map the exceptions of their
libraries to one of these where they enter, and keep the cause (``raise RetryableError(...) from e``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ChannelError",
    "ChannelFull",
    "ConfigurationError",
    "ContractError",
    "FlumeError",
    "Origin",
    "PartialFailure",
    "PermanentError",
    "PluginError",
    "Problem",
    "RetryableError",
    "Severity",
    "TransactionStateError",
]


class Severity(StrEnum):
    """How a configuration problem counts."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a piece of configuration was read: a file (or URI) and a line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration.

    ``key`` is the full property (``a1.sinks.k1.channel``) or the component it concerns, ``text`` the
    offending text as written (empty when something is missing; never a resolved secret), ``cure``
    what to write instead, in a sentence.
    """

    severity: Severity
    message: str
    key: str = ""
    origin: Origin | None = None
    text: str = ""
    cure: str = ""
    agent: str = ""

    def __str__(self) -> str:
        where = f"{self.origin}: " if self.origin else ""
        shown = f"\n    {self.text}" if self.text else ""
        cure = f"\n    cure: {self.cure}" if self.cure else ""
        key = f"{self.key}: " if self.key else ""
        return f"{where}{self.severity}: {key}{self.message}{shown}{cure}"


class FlumeError(Exception):
    """The root of everything that Flume raises on purpose."""


class ConfigurationError(FlumeError):
    """The configuration cannot be run; correct it and start again.

    ``problems`` lists everything that was found, errors and warnings, in file order; it is empty when
    a component refused its settings with a message alone.
    """

    def __init__(self, message: str = "", problems: Iterable[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(message or "\n".join(str(p) for p in self.problems))


class PluginError(ConfigurationError):
    """A component type is unknown, claimed twice, or its package fails to import."""


class RetryableError(FlumeError):
    """Something outside is not available now: the same events are tried again after a back-off.

    ``after`` (seconds) asks the runner to wait at least that long, for instance because the peer said so.
    """

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        self.after = after
        super().__init__(message)


class ChannelError(RetryableError):
    """A channel could not do what a transaction asked of it; the transaction was rolled back."""


class ChannelFull(ChannelError):
    """A put found no room within the channel's keep-alive. Nothing of it was stored."""


class PermanentError(FlumeError):
    """These events can never be delivered as they are.

    Without a dead-letter target the runner keeps them, shows the sink as failed and retries at the
    longest back-off: nothing is dropped.
    """


class PartialFailure(FlumeError):
    """Part of a batch was delivered; the events at ``indices`` (positions in that batch) were not.

    The runner tries those again, and only those, until the batch is through.
    """

    def __init__(self, indices: Iterable[int], message: str = "") -> None:
        self.indices: tuple[int, ...] = tuple(sorted(set(indices)))
        super().__init__(message or f"{len(self.indices)} events of the batch were not delivered")


class ContractError(FlumeError):
    """A component did what its contract forbids. This is a defect in the component named."""


class TransactionStateError(ContractError):
    """A transaction was used in a state that does not allow the call; the message says which."""
