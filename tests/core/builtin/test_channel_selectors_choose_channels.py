from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flume_core._builtin.selectors import (
    LoadBalancingSelector,
    MultiplexingSelector,
    ReplicatingSelector,
)
from flume_core.batch import EventBatch
from flume_core.event import Event
from tests.core.builtin.contexts import selector_context


def replicating(*channels: str, **settings: str) -> ReplicatingSelector:
    config = ReplicatingSelector.config_model.model_validate(settings)
    return ReplicatingSelector(config, selector_context(*channels))


def multiplexing(settings: Mapping[str, str], *channels: str) -> MultiplexingSelector:
    config = MultiplexingSelector.config_model.model_validate(dict(settings))
    return MultiplexingSelector(config, selector_context(*channels))


def load_balancing(*channels: str, **settings: str) -> LoadBalancingSelector:
    config = LoadBalancingSelector.config_model.model_validate(settings)
    return LoadBalancingSelector(config, selector_context(*channels))


def states(*values: str | None) -> EventBatch:
    """Events numbered from 0, with a header `state` where the value is not None."""
    return EventBatch.from_events(
        [
            Event(b"%d" % number, {} if value is None else {"state": value})
            for number, value in enumerate(values)
        ]
    )


def bodies(parts: Mapping[str, EventBatch]) -> dict[str, list[bytes]]:
    return {name: part.bodies() for name, part in parts.items()}


# --- replicating


def test_replicating_gives_every_channel_the_same_batch_without_a_copy() -> None:
    batch = states("a", "b")
    selection = replicating("c1", "c2").select(batch)
    assert list(selection.required) == ["c1", "c2"]
    assert all(part is batch for part in selection.required.values())
    assert (dict(selection.optional), selection.unrouted) == ({}, 0)


def test_replicating_channels_listed_as_optional_are_not_required() -> None:
    selector = replicating("c1", "c2", "c3", optional="c3 \t c1")
    selection = selector.select(states("a"))
    assert list(selection.required) == ["c2"]
    assert list(selection.optional) == ["c1", "c3"]
    assert list(selector.required_channels()) == ["c2"]


def test_replicating_names_an_unknown_optional_channel_and_the_nearest_one() -> None:
    (problem,) = replicating("memory", "file", optional="memori").check()
    assert "selector.optional" in problem
    assert "memori" in problem
    assert "did you mean memory?" in problem
    assert not replicating("memory", "file", optional="memory").check()


# --- multiplexing

ROUTES = {
    "header": "state",
    "mapping.CZ": "c1",
    "mapping.US": "c2  c3",
    "mapping.de.by": "c3",
    "default": "c4",
}


def test_multiplexing_sends_each_event_to_the_channels_of_its_value_in_order() -> None:
    selector = multiplexing(ROUTES, "c1", "c2", "c3", "c4")
    selection = selector.select(states("CZ", "US", "de.by", "CZ", "US"))
    assert bodies(selection.required) == {
        "c1": [b"0", b"3"],
        "c2": [b"1", b"4"],
        "c3": [b"1", b"2", b"4"],
    }
    assert selection.unrouted == 0


@pytest.mark.parametrize("value", [None, "", "  ", "\t", "cz", "FR"])
def test_multiplexing_sends_missing_blank_and_unmapped_values_to_the_default(
    value: str | None,
) -> None:
    selector = multiplexing(ROUTES, "c1", "c2", "c3", "c4")
    assert bodies(selector.select(states(value)).required) == {"c4": [b"0"]}
    assert bodies(selector.select(states("CZ", value)).required) == {"c1": [b"0"], "c4": [b"1"]}


def test_multiplexing_counts_what_goes_nowhere() -> None:
    selector = multiplexing({"header": "state", "mapping.CZ": "c1"}, "c1")
    assert selector.select(states("FR", None, "FR")) == ({}, {}, 3)
    selection = selector.select(states("CZ", "FR", None, "CZ"))
    assert bodies(selection.required) == {"c1": [b"0", b"3"]}
    assert selection.unrouted == 2


def test_multiplexing_reads_flumes_header_unless_another_is_set() -> None:
    selector = multiplexing({"mapping.x": "c1"}, "c1", "c2")
    batch = EventBatch.from_bodies([b"0"], {"flume.selector.header": "x"})
    assert bodies(selector.select(batch).required) == {"c1": [b"0"]}


def test_multiplexing_does_not_copy_a_batch_that_goes_one_way() -> None:
    selector = multiplexing(ROUTES, "c1", "c2", "c3", "c4")
    shared = EventBatch.from_bodies([b"0", b"1"], {"state": "US"})
    unmapped = states("FR", None, "DE")
    assert all(part is shared for part in selector.select(shared).required.values())
    assert selector.select(unmapped).required["c4"] is unmapped


def test_multiplexing_channels_with_the_same_events_share_one_batch() -> None:
    routes = {"header": "state", "mapping.US": "c1 c2", "default": "c3"}
    selection = multiplexing(routes, "c1", "c2", "c3").select(states("US", "FR"))
    assert selection.required["c1"] is selection.required["c2"]


def test_multiplexing_keeps_a_required_channel_out_of_the_optional_ones() -> None:
    routes = {
        "header": "state",
        "mapping.CZ": "c1",
        "optional.CZ": "c1 c2",  # c1 is required for CZ
        "optional.FR": "c3 c2",  # FR is not mapped: c3 comes from the default
        "default": "c3",
    }
    selector = multiplexing(routes, "c1", "c2", "c3")
    czech, french = selector.select(states("CZ")), selector.select(states("FR"))
    assert (list(czech.required), list(czech.optional)) == (["c1"], ["c2"])
    assert (list(french.required), list(french.optional)) == (["c3"], ["c2"])
    assert list(selector.required_channels()) == ["c3", "c1"]


def test_multiplexing_events_with_optional_channels_only_count_as_routed() -> None:
    selector = multiplexing({"header": "state", "optional.FR": "c2"}, "c1", "c2")
    selection = selector.select(states("FR", "DE"))
    assert dict(selection.required) == {}
    assert bodies(selection.optional) == {"c2": [b"0"]}
    assert selection.unrouted == 1


def test_multiplexing_names_every_unknown_channel_with_its_key() -> None:
    routes = {"mapping.CZ": "orders oders", "optional.US": "bills", "default": "order"}
    problems = multiplexing(routes, "orders").check()
    assert len(problems) == 3
    assert "selector.default names order," in problems[0]
    assert "selector.mapping.CZ names oders," in problems[1]
    assert "did you mean orders?" in problems[1]
    assert "selector.optional.US names bills," in problems[2]
    assert "it has orders" in problems[2]


def test_multiplexing_refuses_a_value_mapped_to_nothing() -> None:
    (problem,) = multiplexing({"mapping.CZ": " "}, "c1").check()
    assert "selector.mapping.CZ names no channel" in problem


def test_a_multiplexing_property_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="mapping"):
        multiplexing({"mapping": "c1"}, "c1")


@given(st.lists(st.sampled_from([None, "", " ", "CZ", "US", "de.by", "FR"]), min_size=1))
def test_multiplexing_by_batch_equals_multiplexing_event_by_event(values: list[str | None]) -> None:
    routes = {**ROUTES, "optional.FR": "c1", "optional.US": "c2 c1"}
    del routes["default"]
    selector = multiplexing(routes, "c1", "c2", "c3")
    batch = states(*values)
    expected: list[dict[str, list[bytes]]] = [{}, {}]
    unrouted = 0
    for index in range(len(batch)):
        one = selector.select(batch.slice(index, index + 1))
        unrouted += one.unrouted
        for kind, parts in enumerate((one.required, one.optional)):
            for name, part in parts.items():
                expected[kind].setdefault(name, []).extend(part.bodies())
    selection = selector.select(batch)
    assert [bodies(selection.required), bodies(selection.optional)] == expected
    assert selection.unrouted == unrouted


# --- load_balancing


def numbered(first: int, count: int) -> EventBatch:
    return EventBatch.from_bodies([b"%d" % n for n in range(first, first + count)])


@given(st.integers(1, 5), st.lists(st.integers(1, 12), max_size=6))
def test_round_robin_gives_each_event_to_the_next_channel_across_batches(
    ways: int, sizes: list[int]
) -> None:
    names = [f"c{n}" for n in range(ways)]
    selector = load_balancing(*names)
    start = 0
    for size in sizes:
        selection = selector.select(numbered(start, size))
        for name, part in selection.required.items():
            assert len(part)
            assert all(names[int(body) % ways] == name for body in part.bodies())
        assert sum(map(len, selection.required.values())) == size
        assert (dict(selection.optional), selection.unrouted) == ({}, 0)
        start += size


def test_round_robin_on_one_channel_copies_nothing() -> None:
    batch = numbered(0, 5)
    assert load_balancing("c1").select(batch).required["c1"] is batch


def test_random_gives_each_event_to_exactly_one_channel_and_uses_all() -> None:
    selection = load_balancing("c1", "c2", "c3", policy="RANDOM").select(numbered(0, 3000))
    seen = Counter(body for part in selection.required.values() for body in part.bodies())
    assert seen == dict.fromkeys((b"%d" % n for n in range(3000)), 1)
    assert set(selection.required) == {"c1", "c2", "c3"}
    for part in selection.required.values():
        assert part.bodies() == sorted(part.bodies(), key=int)


def test_the_policy_may_be_written_in_any_case_but_must_exist() -> None:
    assert load_balancing("c1", policy="Round_Robin").config.policy == "round_robin"
    with pytest.raises(ValidationError, match="write round_robin or random"):
        load_balancing("c1", policy="sticky")
