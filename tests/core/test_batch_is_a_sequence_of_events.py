"""Whatever the form of its bodies, a batch does what a list of (body, headers) would."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.event import Event

Rows: TypeAlias = list[tuple[bytes, dict[str, str]]]
Made: TypeAlias = tuple[EventBatch, Rows]

KEYS = ("a", "b", "c")
VALUES = ("1", "2", "\udcff")
HEADERS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
LINES = st.lists(st.binary(max_size=4).map(lambda body: body.replace(b"\n", b"")), max_size=6)
BODIES = st.lists(st.binary(max_size=4), max_size=6)


def block(bodies: list[bytes]) -> bytes:
    return b"".join(body + b"\n" for body in bodies)


def rows(batch: EventBatch) -> Rows:
    assert not batch.headers.keys() & batch.columns.keys()
    return [(event.body, dict(event.headers)) for event in batch]


@st.composite
def columns(draw: st.DrawFn, count: int) -> dict[str, list[str | None]]:
    values = st.lists(st.sampled_from(VALUES) | st.none(), min_size=count, max_size=count)
    return draw(st.dictionaries(st.sampled_from(KEYS), values))


@st.composite
def made(draw: st.DrawFn) -> Made:
    """A batch in any form, and what it should hold."""
    form = draw(st.sampled_from(["block", "view", "lines", "plain", "packed", "events", "joined"]))
    bodies = draw(BODIES if form in ("plain", "packed", "events") else LINES)
    if form == "events":
        held = [(body, draw(HEADERS)) for body in bodies]
        return EventBatch.from_events(Event(b, h) for b, h in held), held
    shared, varying = draw(HEADERS), draw(columns(len(bodies)))
    held = []
    for index, body in enumerate(bodies):
        own = {k: c[index] for k, c in varying.items()}
        row = {k: v for k, v in shared.items() if k not in varying}
        held.append((body, row | {k: v for k, v in own.items() if v is not None}))
    if form == "plain":
        return EventBatch.from_bodies(bodies, shared, varying), held
    if form == "packed":
        packed = msgspec.msgpack.encode(bodies)
        return EventBatch.from_packed(packed, len(bodies), shared, varying), held
    if form == "lines":
        more = {k: [*c, None] for k, c in varying.items()}
        longer = EventBatch.from_block(block([*bodies, b"rest"]), headers=shared, columns=more)
        return longer[: len(bodies)], held
    if form == "joined":
        one = EventBatch.from_block(block(bodies), headers=shared, columns=varying)
        return EventBatch.concat([one, one]), held + held
    data = block(bodies)
    given_block = memoryview(data) if form == "view" else data
    return EventBatch.from_block(given_block, headers=shared, columns=varying), held


@given(made())
def test_length_iteration_and_indexing_agree_with_the_events(pair: Made) -> None:
    batch, held = pair
    assert len(batch) == len(held)
    assert rows(batch) == held
    for index in range(-len(held), len(held)):
        assert batch[index] == Event(*held[index])
    for index in (len(held), -len(held) - 1):
        with pytest.raises(IndexError):
            batch[index]


@given(made())
def test_bulk_views_of_the_bodies_agree_with_the_events(pair: Made) -> None:
    batch, held = pair
    bodies = [body for body, _ in held]
    assert batch.nbytes == sum(map(len, bodies))
    assert b"".join(batch.buffers()) == batch.joined() == block(bodies)
    assert batch.joined(b"\r\n") == b"".join(body + b"\r\n" for body in bodies)
    assert batch.bodies() == bodies
    assert msgspec.msgpack.decode(batch.packed(), type=list[bytes]) == bodies
    assert EventBatch.from_packed(batch.packed(), len(batch)).bodies() == bodies


@given(made())
def test_headers_in_bulk_agree_with_the_events(pair: Made) -> None:
    batch, held = pair
    for key in (*KEYS, "missing"):
        assert list(batch.header(key)) == [row.get(key) for _, row in held]
    for _, row in held:
        assert batch.headers.items() <= row.items()


@given(made())
def test_a_batch_made_of_its_own_events_is_equal(pair: Made) -> None:
    batch, _ = pair
    again = EventBatch.from_events(batch)
    assert again == batch


@given(made(), made())
def test_batches_are_equal_when_their_events_are(one: Made, other: Made) -> None:
    assert (one[0] == other[0]) is (one[1] == other[1])


@given(made(), st.data())
def test_pieces_put_together_again_are_the_batch(pair: Made, data: st.DataObject) -> None:
    batch, held = pair
    cuts = sorted(data.draw(st.lists(st.integers(0, len(held)), max_size=4)))
    edges = [0, *cuts, len(held)]
    pieces = []
    for start, stop in pairwise(edges):
        pieces.append(batch.slice(start, stop))
        assert rows(pieces[-1]) == held[start:stop]
    assert EventBatch.concat(pieces) == batch


@given(made(), st.integers(-9, 9) | st.none(), st.integers(-9, 9) | st.none())
def test_slices_are_those_of_a_list(pair: Made, start: int | None, stop: int | None) -> None:
    batch, held = pair
    assert rows(batch[start:stop]) == held[start:stop]


@given(st.lists(made(), max_size=4))
def test_concat_puts_events_behind_each_other(pairs: list[Made]) -> None:
    joined = EventBatch.concat(batch for batch, _ in pairs)
    assert rows(joined) == [row for _, held in pairs for row in held]
    assert joined.nbytes == sum(batch.nbytes for batch, _ in pairs)


@given(made(), st.data())
def test_select_keeps_what_is_marked(pair: Made, data: st.DataObject) -> None:
    batch, held = pair
    marks = data.draw(st.lists(st.booleans(), min_size=len(held), max_size=len(held)))
    kept = [row for row, mark in zip(held, marks, strict=True) if mark]
    assert rows(batch.select(marks)) == kept
    positions = [index for index, mark in enumerate(marks) if mark]
    assert rows(batch.indices(reversed(positions))) == kept


@given(made(), st.sampled_from([*KEYS, "missing"]))
def test_partition_splits_by_a_header_and_loses_nothing(pair: Made, key: str) -> None:
    batch, held = pair
    parts = batch.partition(key)
    assert list(parts) == list(dict.fromkeys(row.get(key) for _, row in held))
    for value, part in parts.items():
        assert rows(part) == [(body, row) for body, row in held if row.get(key) == value]


@given(made(), HEADERS, st.booleans())
def test_added_headers_reach_every_event(pair: Made, added: dict[str, str], keep: bool) -> None:
    batch, held = pair
    changed = batch.with_headers(added, keep_existing=keep)
    assert rows(changed) == [(b, added | row if keep else row | added) for b, row in held]
    assert rows(batch) == held


@given(made(), st.sampled_from(KEYS), st.data(), st.booleans())
def test_an_added_column_sets_or_removes_one_header(
    pair: Made, key: str, data: st.DataObject, keep: bool
) -> None:
    batch, held = pair
    values = st.sampled_from(VALUES) | st.none()
    column = data.draw(st.lists(values, min_size=len(held), max_size=len(held)))
    expected: Rows = []
    for (body, row), value in zip(held, column, strict=True):
        if not (keep and key in row):
            row = {k: v for k, v in row.items() if k != key} | (
                {} if value is None else {key: value}
            )
        expected.append((body, row))
    assert rows(batch.with_column(key, column, keep_existing=keep)) == expected
    assert rows(batch) == held


@given(made(), st.lists(st.sampled_from([*KEYS, "missing"])))
def test_dropped_headers_are_gone_from_every_event(pair: Made, names: list[str]) -> None:
    batch, held = pair
    expected = [(b, {k: v for k, v in row.items() if k not in names}) for b, row in held]
    assert rows(batch.without_headers(*names)) == expected


@given(made())
def test_other_bodies_keep_the_headers(pair: Made) -> None:
    batch, held = pair
    changed = batch.with_bodies([body + b"\n!" for body in batch.bodies()])
    assert rows(changed) == [(body + b"\n!", row) for body, row in held]


@pytest.mark.parametrize(
    "operation",
    [
        lambda batch: batch[::2],
        lambda batch: batch[::-1],
        lambda batch: batch.select([True]),
        lambda batch: batch.indices([3]),
        lambda batch: batch.with_column("k", ["v"]),
        lambda batch: batch.with_bodies([b"x"]),
        lambda batch: EventBatch.from_block(b"no end"),
        lambda batch: EventBatch.from_bodies([b"x"], columns={"k": []}),
        lambda batch: EventBatch.from_block(b"x\n", columns={"k": ["1", "2"]}),
    ],
)
def test_what_does_not_fit_is_refused(operation: Callable[[EventBatch], object]) -> None:
    with pytest.raises((ValueError, IndexError)):
        operation(EventBatch.from_bodies([b"a", b"b", b"c"]))


def test_headers_that_a_batch_hands_out_are_read_only() -> None:
    batch = EventBatch.from_bodies([b"a", b"b"], {"k": "v"}, {"n": ["1", None]})
    for mapping in (batch.headers, batch[0].headers, next(iter(batch)).headers, batch.columns):
        with pytest.raises(TypeError):
            mapping["k"] = "changed"  # type: ignore[index]
    assert rows(batch) == [(b"a", {"k": "v", "n": "1"}), (b"b", {"k": "v"})]


def test_headers_given_to_a_batch_are_copied() -> None:
    headers, columns = {"k": "v"}, {"n": ["1"]}
    batch = EventBatch.from_bodies([b"a"], headers, columns)
    headers["k"] = "changed"
    del columns["n"]
    assert rows(batch) == [(b"a", {"k": "v", "n": "1"})]


def test_a_batch_is_not_hashable_and_says_what_it_is() -> None:
    batch = EventBatch.from_bodies([b"a"], {"k": "v"})
    with pytest.raises(TypeError):
        hash(batch)
    assert repr(batch) == "<EventBatch of 1 events, headers ['k']>"
    assert batch != [Event(b"a", {"k": "v"})]


def test_an_empty_batch_is_false_and_leaves_no_trace() -> None:
    one = EventBatch.from_bodies([b"a"])
    assert not EMPTY_BATCH
    assert EventBatch.concat([EMPTY_BATCH, one, EventBatch.from_block(b"")]) is one
    assert EventBatch.concat([]) == EMPTY_BATCH == EventBatch.from_events([])
    assert EMPTY_BATCH.partition("k") == {}
    assert list(EMPTY_BATCH.buffers()) == []


def test_blocks_are_handed_on_without_a_copy() -> None:
    blocks = [b"a\nb\n", b"c\n"]
    batch = EventBatch.concat(EventBatch.from_block(each) for each in blocks)
    assert batch.with_headers({"k": "v"}).is_block
    assert all(a is b for a, b in zip(batch.buffers(), blocks, strict=True))
    assert not EventBatch.from_bodies([b"a"]).is_block


def test_a_block_keeps_carriage_returns_and_empty_lines() -> None:
    data = b"a\r\n\n\rb\x00\n"
    batch = EventBatch.from_block(data)
    assert batch.bodies() == [line[:-1] for line in io.BytesIO(data)] == [b"a\r", b"", b"\rb\x00"]
