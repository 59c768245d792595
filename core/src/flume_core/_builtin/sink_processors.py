"""The sink processors: default, failover, load_balance."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from flume_core.config.fields import JavaRepairs, Millis, SubProperties
from flume_core.config.findings import Tolerable
from flume_core.config.model import ComponentConfig
from flume_core.errors import RetryableError
from flume_core.sink_processor import ProcessorContext, SinkHandle, SinkProcessor, Status

__all__ = [
    "DefaultSinkProcessor",
    "FailoverConfig",
    "FailoverSinkProcessor",
    "LoadBalancingConfig",
    "LoadBalancingSinkProcessor",
]

_LONGEST_STREAK = 16
_STREAK_ENDS_AFTER = 3600.0  # seconds without a failure after a back-off has ended


class DefaultSinkProcessor(SinkProcessor[ComponentConfig]):
    """Runs the only sink of its group, as in Flume; an ungrouped sink is run the same way."""

    @classmethod
    def check(cls, config: ComponentConfig, sinks: Sequence[str]) -> Sequence[str]:
        """Return a line unless there is exactly one sink."""
        if len(sinks) == 1:
            return ()
        return [
            f"a default processor runs exactly one sink, not {len(sinks)} ({' '.join(sinks)});"
            " use failover or load_balance"
        ]

    def process(self) -> Status:
        """Let the sink process a batch; whatever it raises leaves here."""
        return self.sinks[0].process()


def _priority(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]+", value.strip()):
        raise ValueError(f"{value!r} is not a whole number")
    return value


class FailoverConfig(ComponentConfig):
    """Settings of the failover processor."""

    priorities: Annotated[
        dict[str, Annotated[int, BeforeValidator(_priority)]],
        SubProperties("priority."),
        JavaRepairs(),
    ] = Field(
        {},
        description="priority.SINK: the sink with the highest number is used first; without one,"
        " -1, -2, ... in the order of the group's list",
    )
    maxpenalty: Annotated[Millis, JavaRepairs()] = Field(
        30000, ge=0, description="longest time that a failed sink is left alone"
    )


@dataclass(slots=True)
class _Failed:
    """A failed sink: how often in a row, until when it is left alone (seconds), and why."""

    sink: SinkHandle
    failures: int
    until: float
    error: Exception


class FailoverSinkProcessor(SinkProcessor[FailoverConfig]):
    """Uses the sink with the highest priority that works; failed ones are tried again after a while.

    As in Flume: an exception sends a sink into a cool-down of 2, 4, 8 ... seconds, at most
    ``maxpenalty``, and the next one takes the batch in the same call. Each call first tries the failed
    sinks whose cool-down is over: one that delivers is back, and the call ends.

    Unlike Flume, a failed sink that finds its channel empty does not end the call: it is asked again
    next time, and the active sink has its turn. Default priorities follow the order of the list, and
    sinks of equal priority, which `check` reports, are used in that order.
    """

    def __init__(self, config: FailoverConfig, context: ProcessorContext) -> None:
        super().__init__(config, context)
        priority = _priorities(config, [sink.name for sink in self.sinks])
        self._order = sorted(self.sinks, key=lambda sink: -priority[sink.name])
        self._failed: dict[str, _Failed] = {}

    @classmethod
    def check(cls, config: FailoverConfig, sinks: Sequence[str]) -> Sequence[str]:
        """Return a line for each unknown sink and for each priority that is used twice."""
        problems: list[str] = []
        for name in config.priorities:
            if name not in sinks:
                near = get_close_matches(name, sinks, 1)
                cure = f"did you mean {near[0]}?" if near else f"it has {' '.join(sinks)}"
                line = f"processor.priority.{name} names a sink that is not in this group; {cure}"
                problems.append(Tolerable(line, "it is ignored"))
        holders: dict[int, str] = {}
        for name, priority in _priorities(config, sinks).items():
            first = holders.setdefault(priority, name)
            if first != name:
                line = (
                    f"sinks {first} and {name} have the same priority {priority}: Java Flume would not"
                    f" use {name}; give processor.priority.{name} a number of its own"
                )
                problems.append(Tolerable(line, f"sink {name} comes after {first}"))
        return problems

    def process(self) -> Status:
        """Let the best working sink process a batch; see the class."""
        now = self.context.clock.monotonic()
        for failed in sorted(self._failed.values(), key=lambda each: each.until):
            if failed.until <= now and self._retry(failed):
                return Status.READY
        for sink in self._order:
            if sink.name not in self._failed:
                try:
                    return sink.process()
                except Exception as error:  # noqa: BLE001  whatever is wrong with it, another may work
                    self._penalize(sink, 1, error)
        until = min(failed.until for failed in self._failed.values())
        errors = {name: failed.error for name, failed in self._failed.items()}
        wait = max(0.0, until - self.context.clock.monotonic())
        raise _none_works(errors, wait) from list(errors.values())[-1]

    def _retry(self, failed: _Failed) -> bool:
        try:
            status = failed.sink.process()
        except Exception as error:  # noqa: BLE001  it is kept and shown, and the next sink is tried
            self._penalize(failed.sink, failed.failures + 1, error)
            return False
        if status is Status.BACKOFF:
            return False
        del self._failed[failed.sink.name]
        self.log.info("sink %s works again", failed.sink.name)
        return True

    def _penalize(self, sink: SinkHandle, failures: int, error: Exception) -> None:
        pause = _doubled(failures, self.config.maxpenalty)
        until = self.context.clock.monotonic() + pause
        self._failed.pop(sink.name, None)
        self._failed[sink.name] = _Failed(sink, failures, until, error)
        self.log.warning(
            "sink %s failed (%s); it is left alone for %.1f s", sink.name, _reason(error), pause
        )


class LoadBalancingConfig(ComponentConfig):
    """Settings of the load-balancing processor."""

    selector: str = Field("round_robin", description="round_robin or random, in any case")
    backoff: bool = Field(False, description="leave a failed sink out for a while")
    max_time_out: Millis = Field(
        30000,
        alias="selector.maxTimeOut",
        ge=0,
        description="longest time that a failed sink is left out",
    )

    @field_validator("selector")
    @classmethod
    def _known(cls, value: str) -> str:
        selector = value.lower()
        if selector not in ("round_robin", "random"):
            raise ValueError(
                f"there is no selector {value!r}; write round_robin or random (classes of one's own"
                " are not supported)"
            )
        return selector


@dataclass(slots=True)
class _Streak:
    """Failures of a sink that follow each other: how many, the last one, the end of the back-off."""

    failures: int = 0
    last: float = float("-inf")
    until: float = float("-inf")


class LoadBalancingSinkProcessor(SinkProcessor[LoadBalancingConfig]):
    """Spreads batches over the sinks of the group: in turn, or in random order.

    As in Flume: a sink that raises is followed by the next one in the same call. With ``backoff`` it is
    left out for 2, 4, 8 ... seconds, at most ``selector.maxTimeOut``; a failure within an hour after
    that continues the series. One thread runs the group.

    Unlike Flume, a sink whose channel is empty is followed by the next one too, so that an empty channel
    delays no other; BACKOFF means that all were empty, and uses up no turn.
    """

    def __init__(self, config: LoadBalancingConfig, context: ProcessorContext) -> None:
        super().__init__(config, context)
        self._next = 0
        self._random = random.Random()
        self._streaks = {sink.name: _Streak() for sink in self.sinks}
        self._errors: dict[str, Exception] = {}

    @classmethod
    def check(cls, config: LoadBalancingConfig, sinks: Sequence[str]) -> Sequence[str]:
        """Return a line for fewer than two sinks."""
        if len(sinks) > 1:
            return ()
        return [f"a load_balance processor needs two sinks or more, not {len(sinks)}"]

    def process(self) -> Status:
        """Let the sinks try in their order until one has delivered."""
        status: Status | None = None
        turn = self._next
        for sink in self._ordered():
            try:
                status = sink.process()
            except Exception as error:  # noqa: BLE001  whatever is wrong with it, another may work
                self._note_failure(sink, error)
                continue
            if status is Status.READY:
                if self._errors.pop(sink.name, None):
                    self.log.info("sink %s works again", sink.name)
                return status
        if status is None:
            last = list(self._errors.values())[-1]
            raise _none_works(self._errors, self._shortest_wait()) from last
        # Or with two sinks and a batch now and then, every batch would go to the same one.
        self._next = turn
        return status

    def _ordered(self) -> Sequence[SinkHandle]:
        sinks = self.sinks
        if self.config.backoff:
            now = self.context.clock.monotonic()
            sinks = [sink for sink in sinks if self._streaks[sink.name].until <= now]
        if self.config.selector == "random":
            return self._random.sample(sinks, len(sinks))
        first = self._next if self._next < len(sinks) else 0
        self._next = first + 1
        return [*sinks[first:], *sinks[:first]]

    def _note_failure(self, sink: SinkHandle, error: Exception) -> None:
        known = self._errors.pop(sink.name, None)
        self._errors[sink.name] = error
        pause = self._back_off(sink) if self.config.backoff else 0.0
        # Without back-off a dead sink fails with every batch: that is one warning, not thousands.
        if pause or known is None or _reason(known) != _reason(error):
            left_out = f"; it is left out for {pause:.1f} s" if pause else ""
            self.log.warning("sink %s failed (%s)%s", sink.name, _reason(error), left_out)

    def _back_off(self, sink: SinkHandle) -> float:
        streak, longest = self._streaks[sink.name], self.config.max_time_out
        now = self.context.clock.monotonic()
        if now - streak.last < _doubled(streak.failures, longest) + _STREAK_ENDS_AFTER:
            streak.failures = min(streak.failures + 1, _LONGEST_STREAK)
        else:
            streak.failures = 1
        pause = _doubled(streak.failures, longest)
        streak.last, streak.until = now, now + pause
        return pause

    def _shortest_wait(self) -> float | None:
        if not self.config.backoff:
            return None
        until = min(streak.until for streak in self._streaks.values())
        return max(0.0, until - self.context.clock.monotonic())


def _priorities(config: FailoverConfig, sinks: Sequence[str]) -> Mapping[str, int]:
    default = range(-1, -1 - len(sinks), -1)
    return {n: config.priorities.get(n, d) for n, d in zip(sinks, default, strict=True)}


def _doubled(failures: int, longest: int) -> float:
    """Return 1 s doubled with each failure in a row, as seconds; ``longest`` is in milliseconds."""
    return min(longest, 1000 << min(failures, 32)) / 1000


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _none_works(errors: Mapping[str, Exception], wait: float | None) -> RetryableError:
    reasons = "; ".join(f"{name}: {_reason(error)}" for name, error in errors.items())
    return RetryableError(f"no sink of the group works ({reasons})", after=wait)
