from __future__ import annotations

import socket
import threading

import pytest
from pydantic import ValidationError

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError, ChannelFull
from tests.core.builtin.contexts import RecordingEmitter
from tests.core.builtin.netcat_client import connected, make_source, running, wait_until


def test_each_line_is_an_event_and_is_answered_ok() -> None:
    emitter = RecordingEmitter()
    with running(emitter) as source, connected(source) as client:
        client.send(b"one\ntwo\r\n\n")
        assert client.answers(3) == [b"OK\n"] * 3
        assert emitter.bodies() == [b"one", b"two\r", b""]
        client.send(b"three\n")
        assert client.answers(1) == [b"OK\n"]
    assert emitter.bodies()[3:] == [b"three"]


def test_lines_that_arrive_together_are_committed_together() -> None:
    emitter = RecordingEmitter()
    lines = b"".join(b"%d\n" % n for n in range(250))
    with running(emitter) as source, connected(source) as client:
        client.send(lines)
        assert client.answers(250) == [b"OK\n"] * 250
    assert emitter.bodies() == lines.split()
    assert max(map(len, emitter.batches)) == 100
    assert len(emitter.batches) < 50


@pytest.mark.parametrize(("settings", "most"), [({}, 7), ({"batchSize": "3"}, 3)])
def test_no_more_lines_are_committed_together_than_a_transaction_holds(
    settings: dict[str, str], most: int
) -> None:
    emitter = RecordingEmitter()
    emitter.transaction_capacity = 7
    with running(emitter, **settings) as source, connected(source) as client:
        client.send(b"x\n" * 50)
        assert client.answers(50) == [b"OK\n"] * 50
    assert max(map(len, emitter.batches)) == most


def test_no_answer_is_given_before_the_commit() -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(RecordingEmitter):
        def emit(self, batch: EventBatch, progress: object = None) -> None:
            entered.set()
            assert go_on.wait(10)
            super().emit(batch)

    emitter = Slow()
    with running(emitter) as source, connected(source) as client:
        client.send(b"one\n")
        assert entered.wait(10)
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(10)
        go_on.set()
        assert client.socket.recv(10) == b"OK\n"


def test_a_client_that_half_closes_gets_all_answers_and_its_last_line_counts() -> None:
    emitter = RecordingEmitter()
    with running(emitter) as source, connected(source) as client:
        client.send(b"one\ntwo\nthree")
        assert client.hang_up() == b"OK\n" * 3
    assert emitter.bodies() == [b"one", b"two", b"three"]


def test_without_acknowledgements_nothing_is_answered() -> None:
    emitter = RecordingEmitter()
    with running(emitter, ack_every_event="false") as source, connected(source) as client:
        client.send(b"one\ntwo\n")
        assert client.hang_up() == b""
    assert emitter.bodies() == [b"one", b"two"]


def test_a_refused_line_is_answered_with_the_reason_and_the_connection_goes_on() -> None:
    emitter = RecordingEmitter()
    emitter.refuse("channel c1\nis full")
    with running(emitter) as source, connected(source) as client:
        client.send(b"one\n")
        assert client.answers(1) == [b"FAILED: channel c1 is full\n"]
        emitter.refusing = None
        client.send(b"two\n")
        assert client.answers(1) == [b"OK\n"]
    assert emitter.bodies() == [b"two"]
    assert source.metrics.get("ChannelWriteFail") == 1


def test_every_line_of_a_refused_batch_is_answered_as_failed() -> None:
    emitter = RecordingEmitter()
    emitter.refuse()
    with running(emitter) as source, connected(source) as client:
        client.send(b"".join(b"%d\n" % n for n in range(150)))
        assert client.answers(150) == [b"FAILED: channel c1 is full\n"] * 150


def test_without_acknowledgements_a_refused_line_waits_until_the_channel_takes_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    emitter = RecordingEmitter()
    emitter.refuse()
    with running(emitter, ack_every_event="false") as source, connected(source) as client:
        client.send(b"one\n")
        wait_until(lambda: len(emitter.refused) >= 2)
        client.send(b"two\n")
        emitter.refusing = None
        assert client.hang_up() == b""
    assert emitter.bodies() == [b"one", b"two"]
    # The same batch each time: a channel that has it already must not get it again.
    assert all(batch is emitter.batches[0] for batch in emitter.refused)
    refused = [m for m in caplog.messages if "refused" in m or "accepted again" in m]
    assert refused == ["events are refused: channel c1 is full", "events are accepted again"]


def test_while_the_channel_is_full_the_source_stops_reading() -> None:
    emitter = RecordingEmitter()
    emitter.refuse()
    with running(emitter, ack_every_event="false") as source, connected(source) as client:
        client.send(b"first\n")
        wait_until(lambda: emitter.refused)
        client.socket.settimeout(0.2)
        line = b"x" * 99 + b"\n"
        sent = 0
        try:
            while True:  # until what lies between us and the source is full
                sent += client.socket.send(line * 1000)
                assert sent < 200_000_000, "the source goes on reading"
        except TimeoutError:
            pass
        assert len({id(batch) for batch in emitter.refused}) == 1
        client.socket.settimeout(10)
        emitter.refusing = None
        client.hang_up()
    whole = sent // len(line)
    assert len(emitter.bodies()) == 1 + whole + (1 if sent % len(line) else 0)


def test_a_line_that_is_too_long_is_refused_and_ends_the_connection() -> None:
    emitter = RecordingEmitter()
    with running(emitter, max_line_length="10") as source, connected(source) as client:
        client.send(b"123456789\n" + b"1234567890\n" + b"never read\n")
        assert client.rest() == (
            b"OK\nFAILED: Event exceeds the maximum length (10 chars, including newline)\n"
        )
    assert emitter.bodies() == [b"123456789"]


def test_the_refusal_of_a_long_line_arrives_although_the_client_goes_on_sending() -> None:
    with running(RecordingEmitter()) as source, connected(source) as client:
        client.send(b"x" * 500_000)
        assert client.rest().startswith(b"FAILED: Event exceeds the maximum length (512 chars")


def test_input_and_answers_are_in_the_encoding_and_bodies_are_utf8() -> None:
    emitter = RecordingEmitter()
    with running(emitter, encoding="UTF-16LE") as source, connected(source) as client:
        client.send("grüße\n中".encode("utf-16-le"))
        assert client.hang_up().decode("utf-16-le") == "OK\nOK\n"
    assert emitter.bodies() == ["grüße".encode(), "中".encode()]


def test_bytes_that_are_not_text_do_no_harm() -> None:
    emitter = RecordingEmitter()
    with running(emitter) as source, connected(source) as client:
        client.send(bytes(range(256)) + b"\n\x00\n")
        answers = client.hang_up()
    assert answers == b"OK\n" * 3  # there is an LF among the 256
    assert emitter.bodies()[2] == b"\x00"
    assert emitter.bodies()[1].endswith("\ufffd".encode() * 128)


def test_ten_thousand_small_lines_in_one_go_arrive_complete_and_in_order() -> None:
    emitter = RecordingEmitter()
    lines = [b"%d" % n for n in range(10_000)]
    with running(emitter) as source, connected(source) as client:
        client.send(b"\n".join(lines) + b"\n")
        assert client.hang_up() == b"OK\n" * 10_000
    assert emitter.bodies() == lines


def test_clients_are_served_at_the_same_time_and_keep_their_order() -> None:
    emitter = RecordingEmitter()

    def talk(name: int) -> None:
        with connected(source) as client:
            for n in range(50):
                client.send(b"%d-%d\n" % (name, n))
                assert client.answers(1) == [b"OK\n"]

    with running(emitter) as source:
        threads = [threading.Thread(target=talk, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    for name in range(8):
        mine = [body for body in emitter.bodies() if body.startswith(b"%d-" % name)]
        assert mine == [b"%d-%d" % (name, n) for n in range(50)]


def test_a_client_that_breaks_off_loses_only_its_unfinished_line() -> None:
    emitter = RecordingEmitter()
    with running(emitter, ack_every_event="false") as source:
        with connected(source) as client:
            client.send(b"whole\n")
            wait_until(emitter.bodies)
            client.send(b"half a li")
            # Closing with no time to linger resets the connection.
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        wait_until(lambda: source.metrics.get("OpenConnectionCount") == 0)
    assert emitter.bodies() == [b"whole"]


def test_a_client_that_reads_no_answers_has_its_lines_committed_all_the_same() -> None:
    emitter = RecordingEmitter()
    with running(emitter) as source:
        with connected(source) as client:
            client.send(b"".join(b"%d\n" % n for n in range(1000)))
        wait_until(lambda: source.metrics.get("OpenConnectionCount") == 0)
    # How much arrives before the reset is the network's business; what does is complete and in order.
    assert emitter.bodies() == [b"%d" % n for n in range(len(emitter.bodies()))]


@pytest.mark.parametrize(
    "error", [ChannelError("never fits"), ChannelFull(""), ZeroDivisionError()]
)
def test_any_refusal_is_answered(error: Exception) -> None:
    emitter = RecordingEmitter()
    emitter.refusing = error
    with running(emitter) as source, connected(source) as client:
        client.send(b"one\n")
        expected = str(error) or type(error).__name__
        assert client.answers(1) == [f"FAILED: {expected}\n".encode()]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"port": "70000"}, "port"),
        ({"port": "http"}, "port"),
        ({"bind": ""}, "bind"),
        ({"max_line_length": "0"}, "max_line_length"),
        ({"encoding": "klingon"}, "no character encoding 'klingon'"),
        ({"ack_every_event": "maybe"}, "neither true nor false"),
        ({"max_connections": "0"}, "max_connections"),
        ({"idle_timeout": "-1"}, "idle_timeout"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        make_source(RecordingEmitter(), **settings)


def test_bind_and_port_are_required() -> None:
    model = type(make_source(RecordingEmitter()).config)
    with pytest.raises(ValidationError) as caught:
        model.model_validate({})
    assert {error["loc"] for error in caught.value.errors()} == {("bind",), ("port",)}
