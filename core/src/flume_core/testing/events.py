"""Numbered events, and assertions that say what was lost, repeated, invented or out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from flume_core.batch import EventBatch
from flume_core.event import Event

__all__ = [
    "Events",
    "assert_at_least_once",
    "assert_exactly",
    "assert_same_events",
    "numbered",
    "odd_events",
]

Events: TypeAlias = Iterable[Event | bytes | EventBatch]
"""What the assertions take: events, bodies (then headers are not compared), or batches of events."""

_Key: TypeAlias = tuple[bytes, tuple[tuple[str, str], ...]]
_SHOWN = 8


def numbered(count: int, start: int = 0, *, producer: str = "event") -> EventBatch:
    """Return ``count`` events that can be told apart: ``event-000000``, ``event-000001``, ...

    The bodies hold printable ASCII only, so that line-based sources and sinks can carry them. Each has
    a header ``producer``, shared by the batch, and ``number``, which varies.
    """
    numbers = range(start, start + count)
    return EventBatch.from_bodies(
        [b"%s-%06d" % (producer.encode(), number) for number in numbers],
        {"producer": producer},
        {"number": [str(number) for number in numbers]},
    )


def odd_events() -> EventBatch:
    """Return events that a channel must keep as they are: odd bytes, large, empty, odd headers."""
    return EventBatch.from_events(
        [
            Event(b""),
            Event(b"\n"),
            Event(b"two\nlines\r\n", {"key": "value"}),
            Event(bytes(range(256)), {"": "", "umlaut": "äöü", "CJK": "水流"}),
            Event(b"not UTF-8", {"raw": b"\xff\xfe".decode("utf-8", "surrogateescape")}),
            Event(b"x" * 50_000, {"long": "y" * 5_000}),
            Event(b" ", {"key": "other value"}),
        ]
    )


def assert_exactly(got: Events, expected: Events) -> None:
    """Assert that the events came, each exactly once and in order."""
    came, wanted = _keys(got, expected)
    if came != wanted:
        raise AssertionError(_report(came, wanted, ordered=True))


def assert_same_events(got: Events, expected: Events) -> None:
    """Assert that the events came, each exactly once, in any order."""
    came, wanted = _keys(got, expected)
    if Counter(came) != Counter(wanted):
        raise AssertionError(_report(came, wanted, ordered=False))


def assert_at_least_once(got: Events, expected: Events) -> None:
    """Assert that every event came, some perhaps again; first appearances are in order."""
    came, wanted = _keys(got, expected)
    first = list(dict.fromkeys(came))
    if first != list(dict.fromkeys(wanted)):
        raise AssertionError(_report(first, wanted, ordered=True))


def _keys(got: Events, expected: Events) -> tuple[list[_Key], list[_Key]]:
    came, wanted = _flat(got), _flat(expected)
    if any(isinstance(item, bytes) for item in (*came[:1], *wanted[:1])):
        return [(_body(item), ()) for item in came], [(_body(item), ()) for item in wanted]
    return [_key(item) for item in came], [_key(item) for item in wanted]


def _flat(events: Events) -> list[Event | bytes]:
    flat: list[Event | bytes] = []
    for item in events:
        if isinstance(item, EventBatch):
            flat.extend(item)
        else:
            flat.append(item)
    return flat


def _body(item: Event | bytes) -> bytes:
    return item if isinstance(item, bytes) else item.body


def _key(item: Event | bytes) -> _Key:
    if isinstance(item, bytes):
        return item, ()
    return item.body, tuple(sorted(item.headers.items()))


def _report(came: Sequence[_Key], wanted: Sequence[_Key], *, ordered: bool) -> str:
    lines = [f"{len(wanted)} events were expected, {len(came)} came."]
    missing, extra = Counter(wanted) - Counter(came), Counter(came) - Counter(wanted)
    known = set(wanted)
    lines += _named("lost", missing)
    lines += _named(
        "came more often than they should", {k: n for k, n in extra.items() if k in known}
    )
    lines += _named("invented or changed", {k: n for k, n in extra.items() if k not in known})
    if ordered and not missing and not extra:
        at = next(i for i, (c, w) in enumerate(zip(came, wanted, strict=True)) if c != w)
        lines.append(
            f"out of order from position {at}: {_show(came[at])} came, not {_show(wanted[at])}"
        )
    return "\n  ".join(lines)


def _named(what: str, keys: dict[_Key, int]) -> list[str]:
    if not keys:
        return []
    shown = ", ".join(_show(key) for key in list(keys)[:_SHOWN])
    more = f", and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return [f"{what}: {sum(keys.values())} ({shown}{more})"]


def _show(key: _Key) -> str:
    body, headers = key
    shown = repr(body if len(body) <= 40 else body[:37] + b"...")[1:]
    return f"{shown} {dict(headers)}" if headers else shown
