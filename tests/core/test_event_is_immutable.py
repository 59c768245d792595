"""What plugin authors may rely on with a single event."""

from __future__ import annotations

from collections import ChainMap, OrderedDict, UserDict
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.batch import EventBatch
from flume_core.event import Event, decode_header, encode_header


def test_an_event_is_empty_by_default() -> None:
    assert Event() == Event(b"", {})
    assert dict(Event().headers) == {}


def test_a_changed_copy_leaves_the_event_alone() -> None:
    event = Event(b"x", {"a": "1", "b": "2"})
    changed = event.with_headers({"a": "3"}, dc="eu").with_body(b"y")
    assert changed == Event(b"y", {"a": "3", "b": "2", "dc": "eu"})
    assert changed.without_headers("a", "missing") == Event(b"y", {"b": "2", "dc": "eu"})
    assert event == Event(b"x", {"a": "1", "b": "2"})


@pytest.mark.parametrize("name", ["body", "headers"])
def test_an_event_cannot_be_changed_in_place(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(Event(b"x"), name, None)


def test_headers_that_a_batch_handed_out_stay_read_only_in_copies_with_another_body() -> None:
    event = EventBatch.from_bodies([b"x"], {"a": "1"})[0]
    for copy in (event, event.with_body(b"")):
        with pytest.raises(TypeError):
            copy.headers["k"] = "v"  # type: ignore[index]


def test_headers_given_to_a_changed_copy_belong_to_it_alone() -> None:
    given, event = {"b": "2"}, Event()
    changed = event.with_headers(given)
    given["b"] = "3"
    assert (changed.headers, event.headers) == ({"b": "2"}, {})


@pytest.mark.parametrize(
    "old",
    [
        {"a": "1"},
        MappingProxyType({"a": "1"}),
        MappingProxyType(OrderedDict(a="1")),
        UserDict(a="1"),
        ChainMap({}, {"a": "1"}),
    ],
)
def test_headers_of_any_mapping_can_be_added_to(old: Mapping[str, str]) -> None:
    event = Event(b"x", old)
    assert event.with_headers({"b": "2"}, c="3").headers == {"a": "1", "b": "2", "c": "3"}
    assert event.with_headers(UserDict(a="2"), a="3").headers == {"a": "3"}
    assert event.headers == {"a": "1"}


@given(st.binary())
def test_header_bytes_of_any_kind_come_back(raw: bytes) -> None:
    assert encode_header(decode_header(raw)) == raw
