"""Numbered events can be told apart, and the assertions say what went wrong with them."""

from __future__ import annotations

import pytest

from flume_core.event import Event
from flume_core.testing import (
    assert_at_least_once,
    assert_exactly,
    assert_same_events,
    numbered,
    odd_events,
)


def test_numbered_events_are_all_different_and_go_on_where_asked() -> None:
    assert numbered(2, 7).bodies() == [b"event-000007", b"event-000008"]
    assert len({event.body for event in numbered(1000)}) == 1000
    assert numbered(3)[1].headers == {"producer": "event", "number": "1"}


def test_batches_bodies_and_events_are_compared_alike() -> None:
    assert_exactly([numbered(2), numbered(3, 2)], numbered(5))
    assert_exactly(list(numbered(5)), numbered(5))
    assert_exactly(numbered(5).bodies(), numbered(5))
    assert_exactly([], numbered(0))


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (numbered(4), r"5 events were expected, 4 came.*lost: 1 \('event-000004'"),
        ([numbered(5), numbered(1, 2)], r"more often than they should: 1 \('event-000002'"),
        ([*numbered(5), Event(b"hello")], r"invented or changed: 1 \('hello'"),
        ([numbered(2, 3), numbered(3)], r"from position 0: 'event-000003'.*not 'event-000000'"),
        ([numbered(5).without_headers("number")], r"lost: 5.*invented or changed: 5"),
    ],
)
def test_what_is_wrong_is_named(got: list[Event], said: str) -> None:
    with pytest.raises(AssertionError, match=f"(?s){said}"):
        assert_exactly(got, numbered(5))


def test_long_lists_and_bodies_are_shortened() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_exactly([Event(b"x" * 10_000)], numbered(500))
    assert len(str(caught.value)) < 2_000
    assert "and 492 more" in str(caught.value)


def test_any_order_will_do_where_that_is_asked() -> None:
    assert_same_events([numbered(2, 3), numbered(3)], numbered(5))
    with pytest.raises(AssertionError, match="more often"):
        assert_same_events([numbered(5), numbered(1)], numbered(5))


def test_at_least_once_takes_repetitions_but_no_gap_and_no_other_order() -> None:
    assert_at_least_once([numbered(3), numbered(4, 1)], numbered(5))
    with pytest.raises(AssertionError, match="lost: 1"):
        assert_at_least_once([numbered(2), numbered(2, 3), numbered(2)], numbered(5))
    with pytest.raises(AssertionError, match="out of order"):
        assert_at_least_once([numbered(2, 3), numbered(3)], numbered(5))


def test_odd_events_hold_what_breaks_careless_code() -> None:
    bodies = odd_events().bodies()
    assert b"" in bodies
    assert any(b"\n" in body for body in bodies)
    assert any(b"\xff" in body for body in bodies)
