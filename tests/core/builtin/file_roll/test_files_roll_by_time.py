from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.sink import Status
from tests.core.builtin.file_roll.support import (
    ManualClock,
    contents,
    drain,
    file_roll,
    fill,
    memory_channel,
)


def test_the_next_file_is_begun_when_the_interval_has_passed(tmp_path: Path) -> None:
    clock, channel = ManualClock(1.0), memory_channel(b"one")
    sink = file_roll(tmp_path, channel, {"rollInterval": "10"}, clock=clock)
    sink.start()
    drain(sink)
    clock.now += 9.5
    fill(channel, b"two")
    drain(sink)
    clock.now += 0.5
    fill(channel, b"three")
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"one\ntwo\n", "1000-2": b"three\n"}


def test_the_interval_is_30_seconds_unless_given(tmp_path: Path) -> None:
    clock, channel = ManualClock(1.0), memory_channel()
    sink = file_roll(tmp_path, channel, clock=clock)
    sink.start()
    for body in (b"at 0", b"at 29", b"at 58"):
        fill(channel, body)
        drain(sink)
        clock.now += 29
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"at 0\nat 29\n", "1000-2": b"at 58\n"}


@pytest.mark.parametrize("interval", ["0", "-1"])
def test_an_interval_of_zero_or_less_never_rolls(tmp_path: Path, interval: str) -> None:
    clock, channel = ManualClock(1.0), memory_channel()
    sink = file_roll(tmp_path, channel, {"rollInterval": interval}, clock=clock)
    sink.start()
    for _ in range(3):
        fill(channel, b"x")
        drain(sink)
        clock.now += 1_000_000
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"x\nx\nx\n"}


def test_a_file_is_completed_in_time_although_no_event_comes(tmp_path: Path) -> None:
    clock, channel = ManualClock(1.0), memory_channel(b"x")
    sink = file_roll(tmp_path, channel, {"inUseSuffix": ".open"}, clock=clock)
    sink.start()
    drain(sink)
    assert list(contents(tmp_path)) == ["1000-1.open"]
    clock.now += 30
    assert sink.process() is Status.BACKOFF
    assert contents(tmp_path) == {"1000-1": b"x\n"}
    sink.stop()


def test_no_file_is_made_without_an_event(tmp_path: Path) -> None:
    clock = ManualClock()
    sink = file_roll(tmp_path, memory_channel(), clock=clock)
    sink.start()
    for _ in range(5):
        assert sink.process() is Status.BACKOFF
        clock.now += 31
    sink.stop()
    assert contents(tmp_path) == {}


def test_a_file_exists_under_its_final_name_from_the_first_event_on(tmp_path: Path) -> None:
    sink = file_roll(tmp_path, memory_channel(b"x"), clock=ManualClock(1.0))
    sink.start()
    sink.process()
    assert contents(tmp_path) == {"1000-1": b"x\n"}
    sink.stop()


def test_a_format_with_beginning_and_end_gets_both_in_every_file(tmp_path: Path) -> None:
    clock, channel = ManualClock(1.0), memory_channel(b"one", b"two")
    sink = file_roll(tmp_path, channel, {"serializer": "framed", "batchSize": "1"}, clock=clock)
    sink.start()
    drain(sink)
    clock.now += 30
    fill(channel, b"three")
    drain(sink)
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"<\none\ntwo\n>\n", "1000-2": b"<\nthree\n>\n"}


def test_stopping_completes_the_file_and_may_be_repeated(tmp_path: Path) -> None:
    sink = file_roll(
        tmp_path,
        memory_channel(b"x"),
        {"serializer": "framed", "inUseSuffix": ".open"},
        clock=ManualClock(1.0),
    )
    sink.start()
    drain(sink)
    sink.stop()
    sink.stop()
    assert contents(tmp_path) == {"1000-1": b"<\nx\n>\n"}


def test_stopping_without_a_start_does_nothing(tmp_path: Path) -> None:
    file_roll(tmp_path, memory_channel(b"x")).stop()
    assert contents(tmp_path) == {}
