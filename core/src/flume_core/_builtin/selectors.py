"""The channel selectors: replicating, multiplexing, load_balancing."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, NamedTuple

from pydantic import Field, field_validator

from flume_core.batch import Column, EventBatch
from flume_core.config.fields import SubProperties, Words
from flume_core.config.model import ComponentConfig
from flume_core.selector import ChannelSelector, Selection, SelectorContext

__all__ = [
    "LoadBalancingConfig",
    "LoadBalancingSelector",
    "MultiplexingConfig",
    "MultiplexingSelector",
    "ReplicatingConfig",
    "ReplicatingSelector",
]


class ReplicatingConfig(ComponentConfig):
    """Settings of the replicating selector."""

    optional: Words = Field(
        (), description="channels that may refuse an event; all others are required"
    )


class ReplicatingSelector(ChannelSelector[ReplicatingConfig]):
    """Sends every event to every channel of the source.

    As in Flume, except that an unknown name in ``optional`` is a problem before the start instead of a
    failure with the first event.
    """

    def __init__(self, config: ReplicatingConfig, context: SelectorContext) -> None:
        super().__init__(config, context)
        self._required = [name for name in self.channels if name not in config.optional]
        self._optional = [name for name in self.channels if name in config.optional]

    def check(self) -> Sequence[str]:
        """Return a line for each unknown channel."""
        return _unknown("selector.optional", self.config.optional, self.channels)

    def required_channels(self) -> Sequence[str]:
        """Return all channels but the optional ones."""
        return self._required

    def only_channel(self) -> str | None:
        """Return the source's channel if it has one, and requires it."""
        return self._required[0] if len(self.channels) == len(self._required) == 1 else None

    def select(self, batch: EventBatch) -> Selection:
        """Return the batch itself for every channel."""
        return Selection(dict.fromkeys(self._required, batch), dict.fromkeys(self._optional, batch))


class MultiplexingConfig(ComponentConfig):
    """Settings of the multiplexing selector."""

    header: str = Field(
        "flume.selector.header", description="header whose value chooses the channels"
    )
    default: Words = Field(
        (), description="channels for events whose header is missing, blank or not mapped"
    )
    mappings: Annotated[dict[str, Words], SubProperties("mapping.")] = Field(
        {}, description="required channels for a value of the header, as mapping.VALUE; case counts"
    )
    optional_mappings: Annotated[dict[str, Words], SubProperties("optional.")] = Field(
        {}, description="channels that may refuse the events with a value, as optional.VALUE"
    )


class _Route(NamedTuple):
    required: tuple[str, ...]
    optional: tuple[str, ...]


class MultiplexingSelector(ChannelSelector[MultiplexingConfig]):
    """Chooses channels by the value of one header.

    As in Flume: values match exactly; a missing, blank or unmapped value goes to ``default``; an optional
    channel that the same value also requires (or that ``default`` has, where the value is not mapped) is
    required only. Events that match nothing, without a default, go nowhere: they are counted as
    unrouted. Unlike Flume, names in a list may be separated by any white space.

    Works on columns: each value is looked up once per batch, and a batch that goes to the same channels
    as a whole is not copied.
    """

    def __init__(self, config: MultiplexingConfig, context: SelectorContext) -> None:
        super().__init__(config, context)
        self._default = _Route(config.default, ())
        self._routes: dict[str, _Route] = {}
        for value in {**config.mappings, **config.optional_mappings}:
            required = config.mappings.get(value) or config.default
            optional = config.optional_mappings.get(value, ())
            kept = tuple(name for name in optional if name not in required)
            self._routes[value] = _Route(required, kept)

    def check(self) -> Sequence[str]:
        """Return a line for each unknown channel, and for each value mapped to no channel."""
        config, problems = self.config, list[str]()
        problems += _unknown("selector.default", config.default, self.channels)
        groups = {"mapping": config.mappings, "optional": config.optional_mappings}
        for group, lists in groups.items():
            for value, names in lists.items():
                key = f"selector.{group}.{value}"
                if not names:
                    problems.append(f"{key} names no channel; name one, or leave the line out")
                problems += _unknown(key, names, self.channels)
        return problems

    def required_channels(self) -> Sequence[str]:
        """Return the channels that ``default`` or some mapping names."""
        lists = [self.config.default, *self.config.mappings.values()]
        return list(dict.fromkeys(name for names in lists for name in names))

    def select(self, batch: EventBatch) -> Selection:
        """Return the events of each channel, chosen by the values of the header."""
        header = self.config.header
        column = batch.columns.get(header)
        if column is None:
            return _all_to(self._route(batch.headers.get(header)), batch)
        routes = {value: self._route(value) for value in dict.fromkeys(column)}
        if len(set(routes.values())) == 1:
            return _all_to(next(iter(routes.values())), batch)
        return _divide(routes, column, batch)

    def _route(self, value: str | None) -> _Route:
        if value is None or not value.strip():
            return self._default
        return self._routes.get(value, self._default)


def _all_to(route: _Route, batch: EventBatch) -> Selection:
    unrouted = 0 if route.required or route.optional else len(batch)
    required, optional = route
    return Selection(dict.fromkeys(required, batch), dict.fromkeys(optional, batch), unrouted)


def _divide(routes: Mapping[str | None, _Route], column: Column, batch: EventBatch) -> Selection:
    required: dict[str, set[str | None]] = {}
    optional: dict[str, set[str | None]] = {}
    lost: set[str | None] = set()
    for value, route in routes.items():
        for name in route.required:
            required.setdefault(name, set()).add(value)
        for name in route.optional:
            optional.setdefault(name, set()).add(value)
        if not route.required and not route.optional:
            lost.add(value)
    # Channels that get the same values share one batch.
    made: dict[frozenset[str | None], EventBatch] = {}

    def part(values: set[str | None]) -> EventBatch:
        key = frozenset(values)
        if key not in made:
            made[key] = batch.select(list(map(key.__contains__, column)))
        return made[key]

    return Selection(
        {name: part(values) for name, values in required.items()},
        {name: part(values) for name, values in optional.items()},
        sum(map(lost.__contains__, column)) if lost else 0,
    )


class LoadBalancingConfig(ComponentConfig):
    """Settings of the load-balancing selector."""

    policy: str = Field("round_robin", description="round_robin or random, in any case")

    @field_validator("policy")
    @classmethod
    def _known(cls, value: str) -> str:
        policy = value.lower()
        if policy not in ("round_robin", "random"):
            raise ValueError(f"there is no policy {value!r}; write round_robin or random")
        return policy


class LoadBalancingSelector(ChannelSelector[LoadBalancingConfig]):
    """Sends each event to one of the source's channels, all required: in turn, or at random.

    As Flume documents it (its released versions cannot load it). The turn is taken event by event, also
    across batches, so that a batch of n events becomes one of about n / channels events per channel. A
    failed emit does not give its turns back.
    """

    def __init__(self, config: LoadBalancingConfig, context: SelectorContext) -> None:
        super().__init__(config, context)
        self._next = 0
        self._random = random.Random()

    def select(self, batch: EventBatch) -> Selection:
        """Return the events of each channel that gets any."""
        count, ways = len(batch), len(self.channels)
        if ways == 1:
            return Selection({self.channels[0]: batch})
        if self.config.policy == "random":
            return self._at_random(batch)
        first, self._next = self._next, (self._next + count) % ways
        shares = {}
        for position in range(min(ways, count)):
            turn = [False] * ways
            turn[position] = True
            marks = (turn * (count // ways + 1))[:count]
            shares[self.channels[(first + position) % ways]] = batch.select(marks)
        return Selection(shares)

    def _at_random(self, batch: EventBatch) -> Selection:
        chosen = self._random.choices(self.channels, k=len(batch))
        return Selection(
            {name: batch.select([c is name for c in chosen]) for name in dict.fromkeys(chosen)}
        )


def _unknown(key: str, names: Iterable[str], channels: Sequence[str]) -> list[str]:
    problems = []
    for name in names:
        if name not in channels:
            near = get_close_matches(name, channels, 1)
            cure = f"did you mean {near[0]}?" if near else f"it has {' '.join(channels)}"
            problems.append(f"{key} names {name}, which is not a channel of this source; {cure}")
    return problems
