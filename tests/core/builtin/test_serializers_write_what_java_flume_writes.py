from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core._builtin.serializers import HeaderAndTextSerializer, TextSerializer
from flume_core.batch import EMPTY_BATCH, EventBatch
from flume_core.event import Event, decode_header
from tests.core.builtin.contexts import component_context

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "serializers.json").read_text(encoding="utf-8")
)


def event(vector: Mapping[str, object]) -> Event:
    return Event(bytes.fromhex(str(vector["body_hex"])), dict(vector["headers"]))  # type: ignore[call-overload]


EVENTS = [event(vector) for vector in VECTORS["events"]]


def written(
    kind: type[TextSerializer] | type[HeaderAndTextSerializer], batch: EventBatch, **settings: str
) -> bytes:
    serializer = kind(kind.config_model.model_validate(settings), component_context())
    return b"".join(serializer.serialize(batch))


@pytest.mark.parametrize(
    ("vector", "kind", "settings"),
    [
        ("TEXT", TextSerializer, {}),
        ("TEXT_appendNewline_false", TextSerializer, {"appendNewline": "false"}),
        ("HEADER_AND_TEXT", HeaderAndTextSerializer, {}),
    ],
)
def test_the_bytes_are_those_of_java_flume(
    vector: str,
    kind: type[TextSerializer] | type[HeaderAndTextSerializer],
    settings: dict[str, str],
) -> None:
    expected = bytes.fromhex(VECTORS[vector]["hex"])
    assert written(kind, EventBatch.from_events(EVENTS), **settings) == expected
    one_by_one = [written(kind, EventBatch.from_events([e]), **settings) for e in EVENTS]
    assert b"".join(one_by_one) == expected


def test_two_headers_are_separated_by_comma_and_blank() -> None:
    vector = VECTORS["HEADER_AND_TEXT_two_headers"]
    batch = EventBatch.from_events([event(vector["event"])])
    assert written(HeaderAndTextSerializer, batch) == bytes.fromhex(vector["hex"])


def test_text_hands_on_the_blocks_of_a_source_without_a_copy() -> None:
    block = b"one\ntwo\n"
    serializer = TextSerializer(TextSerializer.config_model(), component_context())
    (buffer,) = serializer.serialize(EventBatch.from_block(block))
    assert buffer is block


def test_a_file_of_text_may_be_continued() -> None:
    assert TextSerializer.can_append
    assert HeaderAndTextSerializer.can_append


@pytest.mark.parametrize("kind", [TextSerializer, HeaderAndTextSerializer])
@pytest.mark.parametrize("newline", ["true", "false"])
def test_no_events_are_no_bytes(
    kind: type[TextSerializer] | type[HeaderAndTextSerializer], newline: str
) -> None:
    assert written(kind, EMPTY_BATCH, appendNewline=newline) == b""


def test_header_bytes_that_are_not_utf8_come_out_as_they_went_in() -> None:
    batch = EventBatch.from_bodies([b"x"], {"k": decode_header(b"\xff\xfe")})
    assert written(HeaderAndTextSerializer, batch) == b"{k=\xff\xfe} x\n"


def test_without_newline_events_follow_each_other_directly() -> None:
    shared = EventBatch.from_bodies([b"x", b"y"], {"k": "v"})
    varied = EventBatch.from_bodies([b"x", b"y"], {"k": "v"}, {"n": ["1", None]})
    assert written(HeaderAndTextSerializer, shared, appendNewline="false") == b"{k=v} x{k=v} y"
    assert (
        written(HeaderAndTextSerializer, varied, append_newline="FALSE") == b"{k=v, n=1} x{k=v} y"
    )


HEADERS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "é", "x y"]))


@given(st.lists(st.builds(Event, st.binary(max_size=5), HEADERS), max_size=8))
def test_a_batch_is_written_like_its_events_one_by_one(events: list[Event]) -> None:
    batch = EventBatch.from_events(events)
    assert written(TextSerializer, batch) == b"".join(e.body + b"\n" for e in events)
    with_headers = ["{" + ", ".join(f"{k}={v}" for k, v in e.headers.items()) + "} " for e in batch]
    expected = [p.encode() + e.body + b"\n" for p, e in zip(with_headers, events, strict=True)]
    assert written(HeaderAndTextSerializer, batch) == b"".join(expected)
