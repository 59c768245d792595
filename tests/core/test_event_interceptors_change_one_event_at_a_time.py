"""A per-event interceptor gives the batch that its answers, one by one, would make."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from types import MappingProxyType
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.batch import EventBatch
from flume_core.config.model import ComponentConfig
from flume_core.event import Event
from flume_core.interceptor import EventInterceptor
from flume_core.testing import make_component

Change: TypeAlias = Callable[[Event], Event | None]

KEYS = ("a", "b", "c")
VALUES = st.sampled_from(["1", "2", "\udcff"])
HEADERS = st.dictionaries(st.sampled_from(KEYS), VALUES)
BODIES = st.sampled_from([b"", b"x", b"x", b"severity ERROR"])
READ_ONLY = MappingProxyType({"a": "1", "read": "only"})

FIXED: list[Change] = [
    lambda event: event,
    lambda event: None,
    lambda event: event.with_headers(),
    lambda event: event.with_body(bytes(bytearray(event.body))),
    lambda event: event.with_body(event.body + b"\n!"),
    lambda event: event.with_headers(a="9").with_body(b""),
    lambda event: Event(b"another"),
    lambda event: Event(event.body, READ_ONLY),
    lambda event: Event(event.body, OrderedDict(b="1", a="2")),
    lambda event: Event(event.body, defaultdict(str, c="1")),
]


def changes() -> st.SearchStrategy[Change]:
    names = st.lists(st.sampled_from([*KEYS, "missing"]), max_size=2)
    return st.one_of(
        st.sampled_from(FIXED),
        HEADERS.map(lambda new: lambda event: event.with_headers(**new)),
        HEADERS.map(lambda new: lambda event: event.with_headers(new, c="3")),
        names.map(lambda gone: lambda event: event.without_headers(*gone)),
        HEADERS.map(lambda new: lambda event: Event(event.body, new)),
    )


@st.composite
def batches(draw: st.DrawFn) -> EventBatch:
    """A batch with its bodies in any form, and with headers that are shared and others that vary."""
    bodies = draw(st.lists(BODIES, min_size=1, max_size=6))
    column = st.lists(VALUES | st.none(), min_size=len(bodies), max_size=len(bodies))
    shared, columns = draw(HEADERS), draw(st.dictionaries(st.sampled_from(KEYS), column))
    block = b"".join(body + b"\n" for body in bodies)
    match draw(st.sampled_from(["block", "blocks", "lines", "plain", "packed"])):
        case "block":
            return EventBatch.from_block(block, None, shared, columns)
        case "blocks":
            one = EventBatch.from_block(block, None, shared, columns)
            return EventBatch.concat([one, one])
        case "lines":
            longer = {key: [*values, None] for key, values in columns.items()}
            return EventBatch.from_block(block + b"rest\n", None, shared, longer)[: len(bodies)]
        case "packed":
            packed = msgspec.msgpack.encode(bodies)
            return EventBatch.from_packed(packed, len(bodies), shared, columns)
    return EventBatch.from_bodies(bodies, shared, columns)


class Config(ComponentConfig):
    """It has no properties."""


class Scripted(EventInterceptor[Config]):
    """Answers each event with the next of the changes it was given."""

    def intercept(self, event: Event) -> Event | None:
        return self.script.pop(0)(event)

    script: list[Change]


def intercepted(batch: EventBatch, script: list[Change]) -> EventBatch:
    interceptor = make_component(Scripted, {})
    interceptor.script = list(script)
    return interceptor.intercept_batch(batch)


def rows(batch: EventBatch) -> list[tuple[bytes, dict[str, str]]]:
    assert not batch.headers.keys() & batch.columns.keys()
    return [(event.body, dict(event.headers)) for event in batch]


@given(batches(), st.data())
def test_the_batch_holds_the_answers_in_their_order(batch: EventBatch, data: st.DataObject) -> None:
    # Often the same change for all events, as a real interceptor does, and often any for each.
    whole = st.lists(changes(), min_size=1, max_size=2).map(lambda few: few * len(batch))
    mixed = st.lists(changes(), min_size=len(batch), max_size=len(batch))
    script = data.draw(whole | mixed)
    before = rows(batch)
    answers = [change(event) for change, event in zip(script, batch, strict=False)]
    expected = [(e.body, dict(e.headers)) for e in answers if e is not None]

    result = intercepted(batch, script)

    assert rows(result) == expected
    assert result == EventBatch.from_events(event for event in answers if event is not None)
    assert [rows(result[k : k + 1]) for k in range(len(result))] == [[row] for row in expected]
    assert result.joined() == b"".join(body + b"\n" for body, _ in expected)
    for key in KEYS:
        assert list(result.header(key)) == [row.get(key) for _, row in expected]
    assert rows(batch) == before


def tagged(event: Event) -> Event:
    return event.with_headers(first=event.body[:1].decode())


def test_a_block_whose_bodies_stay_is_handed_on_without_a_copy() -> None:
    block = b"one\ntwo\nthree\n"
    result = intercepted(EventBatch.from_block(block), [tagged] * 3)
    assert [buffer is block for buffer in result.buffers()] == [True]
    assert result.columns == {"first": ["o", "t", "t"]}


@pytest.mark.parametrize(
    ("second", "bodies"),
    [
        (lambda event: None, [b"one", b"three"]),
        (lambda event: event.with_body(b"2\n2"), [b"one", b"2\n2", b"three"]),
    ],
)
def test_a_block_with_one_body_dropped_or_changed_is_not(
    second: Change, bodies: list[bytes]
) -> None:
    result = intercepted(EventBatch.from_block(b"one\ntwo\nthree\n"), [tagged, second, tagged])
    assert not result.is_block
    assert result.bodies() == bodies


def test_a_batch_with_every_event_dropped_is_empty() -> None:
    batch = EventBatch.from_bodies([b"one", b"two"], {"k": "v"})
    assert rows(intercepted(batch, [lambda event: None] * 2)) == []


def test_a_header_with_one_value_for_all_events_is_shared_again() -> None:
    batch = EventBatch.from_bodies([b"1", b"2"], {"file": "log"})
    result = intercepted(batch, [lambda event: event.with_headers({"dc": "eu"})] * 2)
    assert (result.headers, result.columns) == ({"file": "log", "dc": "eu"}, {})
    result = intercepted(batch, [tagged] * 2)
    assert (result.headers, result.columns) == ({"file": "log"}, {"first": ["1", "2"]})


def test_headers_that_default_to_something_are_not_invented() -> None:
    headers = [defaultdict(str, a="1"), defaultdict(str, b="2")]
    result = EventBatch.from_events(Event(b"", each) for each in headers)
    assert rows(result) == [(b"", {"a": "1"}), (b"", {"b": "2"})]


def test_an_interceptor_that_fails_fails_the_batch() -> None:
    def fail(event: Event) -> Event:
        raise LookupError("no such customer")

    with pytest.raises(LookupError, match="no such customer"):
        intercepted(EventBatch.from_bodies([b"one"]), [fail])
