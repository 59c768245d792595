from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from flume_core._builtin.logger_sink import LoggerSink
from flume_core._builtin.memory_channel import MemoryChannel
from flume_core._builtin.null_sink import NullSink
from flume_core.batch import EventBatch
from flume_core.errors import RetryableError
from flume_core.event import Event, decode_header
from flume_core.source import Status
from tests.core.builtin.contexts import LOG, component_context, sink_context


def channel_of(*batches: EventBatch, transaction_capacity: int = 100000) -> MemoryChannel:
    config = {"capacity": "100000", "transactionCapacity": str(transaction_capacity)}
    channel = MemoryChannel(MemoryChannel.config_model.model_validate(config), component_context())
    channel.start()
    for batch in batches:
        with channel.transaction() as tx:
            tx.put(batch)
    return channel


def lines(count: int) -> EventBatch:
    return EventBatch.from_bodies([b"event %d" % n for n in range(count)])


def null(channel: MemoryChannel, **settings: str) -> NullSink:
    return NullSink(NullSink.config_model.model_validate(settings), sink_context(channel))


def logger(channel: MemoryChannel, **settings: str) -> LoggerSink:
    return LoggerSink(LoggerSink.config_model.model_validate(settings), sink_context(channel))


def shown(
    capsys: pytest.CaptureFixture[str],
    body: bytes,
    headers: Mapping[str, str] | None = None,
    **settings: str,
) -> str:
    sink = logger(channel_of(EventBatch.from_events([Event(body, headers or {})])), **settings)
    assert sink.process() is Status.READY
    return capsys.readouterr().out


# --- null


def test_null_takes_batch_size_events_at_a_time_until_nothing_is_left() -> None:
    channel = channel_of(lines(5))
    sink = null(channel, batchSize="2")
    sizes = []
    while sink.process() is Status.READY:
        sizes.append(channel.size())
    assert sizes == [3, 1, 0]
    assert sink.metrics.get("EventDrainSuccessCount") == 5


def test_null_reports_each_time_so_many_events_are_gone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    sink = null(channel_of(lines(95)), batchSize="10", logEveryNEvents="25")
    while sink.process() is Status.READY:
        pass
    assert caplog.messages == [f"{n} events discarded" for n in (25, 50, 75)]
    assert {record.levelname for record in caplog.records} == {"INFO"}


@pytest.mark.parametrize("name", ["batchSize", "logEveryNEvents"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_null_refuses_numbers_that_make_no_sense(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        null(channel_of(), **{name: value})


# --- logger


def test_logger_shows_an_event_in_flumes_form(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, b"hello", {"k": "v", "host": "web01"})
    dump = "68 65 6C 6C 6F" + " " * 34 + "hello"
    assert text == f"Event: {{ headers:{{k=v, host=web01}} body: {dump} }}\n"


def test_logger_shows_sixteen_bytes_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = bytes(range(0x3C, 0x3C + 20))
    full = "3C 3D 3E 3F 40 41 42 43 44 45 46 47 48 49 4A 4B <=>?@ABCDEFGHIJK"
    assert shown(capsys, body) == f"Event: {{ headers:{{}} body: {full} }}\n"
    rest = "4C 4D 4E 4F" + " " * 37 + "LMNO"
    longer = shown(capsys, body, maxBytesToLog="100")
    assert longer == f"Event: {{ headers:{{}} body: {full}\n00000010 {rest} }}\n"
    assert shown(capsys, body, maxBytesToLog="0") == "Event: { headers:{} body: }\n"


def test_logger_shows_nothing_of_an_empty_body_and_dots_for_what_is_not_ascii(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown(capsys, b"") == "Event: { headers:{} body: }\n"
    dump = "00 1F 7F E9 7E" + " " * 34 + "....~"
    assert shown(capsys, b"\x00\x1f\x7f\xe9~") == f"Event: {{ headers:{{}} body: {dump} }}\n"


def test_logger_lets_no_header_forge_a_second_event(capsys: pytest.CaptureFixture[str]) -> None:
    headers = {"k": "v\nEvent: { headers:{}", "esc": "\x1b[2J", "raw": decode_header(b"\xff")}
    text = shown(capsys, b"", headers)
    assert text == "Event: { headers:{k=v.Event: { headers:{}, esc=.[2J, raw=.} body: }\n"


def test_logger_prints_whatever_the_log_level_is(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger(LOG).setLevel(logging.CRITICAL)
    try:
        assert "body: 78" in shown(capsys, b"x")
    finally:
        logging.getLogger(LOG).setLevel(logging.NOTSET)


def test_logger_prints_a_batch_in_order_with_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            Counting.writes += 1
            return super().write(text)

    out = Counting()
    monkeypatch.setattr(sys, "stdout", out)
    channel = channel_of(lines(50))
    sink = logger(channel)
    assert [sink.process(), sink.process()] == [Status.READY, Status.BACKOFF]
    assert out.getvalue().count("\n") == 50
    assert [line[-len("event 49 }") :].strip() for line in out.getvalue().splitlines()] == [
        f"event {n} }}" for n in range(50)
    ]
    assert Counting.writes == 1


def test_logger_prints_what_the_terminal_cannot_show_in_escapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    logger(channel_of(EventBatch.from_bodies([b""], {"k": "é"}))).process()
    assert raw.getvalue() == b"Event: { headers:{k=\\xe9} body: }\n"


def _closed_file() -> io.TextIOWrapper:
    stream = io.TextIOWrapper(io.BytesIO())
    stream.close()
    return stream


class _Broken(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError(32, os.strerror(32))


@pytest.mark.parametrize("stream", [None, _closed_file(), _Broken()])
def test_logger_keeps_the_events_while_standard_output_is_gone(
    monkeypatch: pytest.MonkeyPatch, stream: object, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = channel_of(lines(3))
    sink = logger(channel)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        with pytest.raises(RetryableError, match="k1 cannot write to standard output"):
            sink.process()
    assert channel.size() == 3
    assert sink.process() is Status.READY
    assert capsys.readouterr().out.count("Event: ") == 3


@pytest.mark.parametrize(("settings", "taken"), [({}, 4), ({"batchSize": "2"}, 2)])
def test_logger_takes_no_more_than_a_transaction_holds(
    capsys: pytest.CaptureFixture[str], settings: dict[str, str], taken: int
) -> None:
    channel = channel_of(*[lines(4)] * 3, transaction_capacity=4)
    logger(channel, **settings).process()
    assert channel.size() == 12 - taken
    assert capsys.readouterr().out.count("Event: ") == taken


def test_logger_refuses_a_negative_number_of_bytes() -> None:
    with pytest.raises(ValidationError):
        logger(channel_of(), maxBytesToLog="-1")
