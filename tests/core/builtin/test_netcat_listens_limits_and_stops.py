from __future__ import annotations

import errno
import socket
import threading

import pytest

from flume_core._builtin.netcat import listener
from flume_core._builtin.netcat.connection import Connection
from flume_core._builtin.netcat.source import NetcatSource
from flume_core.batch import EventBatch
from flume_core.errors import ConfigurationError, RetryableError
from tests.core.builtin.contexts import RecordingEmitter
from tests.core.builtin.netcat_client import Client, connected, make_source, running, wait_until

# --- listening


def test_it_listens_only_on_the_address_that_bind_names() -> None:
    with (
        running(RecordingEmitter(), bind="127.0.0.1") as source,
        pytest.raises(ConnectionRefusedError),
    ):
        Client(source.bound_port, "127.0.0.2")


def test_a_host_name_means_its_ipv4_address() -> None:
    with running(RecordingEmitter(), bind="localhost") as source, connected(source) as client:
        client.send(b"x\n")
        assert client.answers(1) == [b"OK\n"]


@pytest.mark.parametrize("bind", ["::1", "::"])
def test_it_listens_on_ipv6(bind: str) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with running(RecordingEmitter(), bind=bind) as source:
        hosts = ["::1"] if bind == "::1" else ["::1", "127.0.0.1"]
        for host in hosts:
            client = Client(source.bound_port, host)
            client.send(b"x\n")
            assert client.answers(1) == [b"OK\n"]
            client.close()


def test_a_port_in_use_can_be_tried_again_on_the_same_object() -> None:
    emitter = RecordingEmitter()
    with running(emitter) as first:
        second = make_source(emitter, port=str(first.bound_port))
        with pytest.raises(
            RetryableError, match=rf"r1 cannot listen on 127\.0\.0\.1:{first.bound_port}"
        ):
            second.start()
    second.start()
    try:
        with connected(second) as client:
            client.send(b"x\n")
            assert client.answers(1) == [b"OK\n"]
    finally:
        second.stop()


def test_an_unknown_host_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="correct bind"):
        make_source(RecordingEmitter(), bind="no host\x01name").start()


@pytest.mark.parametrize(
    ("code", "raised"), [(errno.EACCES, ConfigurationError), (errno.EADDRNOTAVAIL, RetryableError)]
)
def test_what_the_system_forbids_is_told_from_what_may_work_later(
    monkeypatch: pytest.MonkeyPatch, code: int, raised: type[Exception]
) -> None:
    def refuse(*_args: object, **_more: object) -> socket.socket:
        raise OSError(code, "not like this")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(raised, match="not like this"):
        listener.listen("r1", "127.0.0.1", 80)


def test_a_name_service_that_is_away_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(RetryableError, match="try again"):
        listener.listen("r1", "example.org", 80)


def test_the_address_is_claimed_unless_any_port_will_do() -> None:
    fixed = make_source(RecordingEmitter(), bind="0.0.0.0", port="44444").config
    free = make_source(RecordingEmitter(), port="0").config
    assert list(NetcatSource.claims(fixed)) == ["0.0.0.0:44444"]
    assert list(NetcatSource.claims(free)) == []


# --- limits


def test_clients_beyond_the_limit_are_told_and_turned_away_until_one_leaves() -> None:
    with (
        running(RecordingEmitter(), max_connections="2") as source,
        connected(source) as first,
        connected(source) as second,
    ):
        for client in (first, second):
            client.send(b"x\n")
            assert client.answers(1) == [b"OK\n"]
        with connected(source) as third:
            assert third.rest() == b"FAILED: 2 clients are served already\n"
        first.hang_up()
        wait_until(lambda: source.metrics.get("OpenConnectionCount") == 1)
        with connected(source) as fourth:
            fourth.send(b"x\n")
            assert fourth.answers(1) == [b"OK\n"]


def drips(client: Client) -> bool:
    """Send one byte; tell whether the source still listens a moment later."""
    try:
        client.send(b"a")
        return client.socket.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_a_client_that_drips_bytes_without_a_line_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emitter = RecordingEmitter()
    with running(emitter, idle_timeout="1") as source, connected(source) as client:
        client.send(b"one\n")
        assert client.answers(1) == [b"OK\n"]
        client.socket.settimeout(0.05)
        wait_until(lambda: not drips(client))
    assert emitter.bodies() == [b"one"]
    assert any("is cut off" in message for message in caplog.messages)


def test_an_idle_client_may_stay_where_no_timeout_is_set() -> None:
    with running(RecordingEmitter(), idle_timeout="0") as source, connected(source) as client:
        client.send(b"x\n")
        assert client.answers(1) == [b"OK\n"]


def test_a_shortage_of_files_or_threads_passes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flume_core._builtin.netcat.source._PAUSE", 0.01)
    accept, start = socket.socket.accept, Connection.start
    shortages: list[Exception] = [
        OSError(errno.EMFILE, "too many open files"),
        RuntimeError("can't start new thread"),
    ]

    def scarce_accept(listening: socket.socket) -> object:
        if len(shortages) == 2:
            raise shortages.pop(0)
        return accept(listening)

    def scarce_start(connection: Connection) -> None:
        if shortages:
            raise shortages.pop(0)
        start(connection)

    monkeypatch.setattr(socket.socket, "accept", scarce_accept)
    monkeypatch.setattr(Connection, "start", scarce_start)
    with running(RecordingEmitter()) as source:
        with connected(source) as unlucky:
            assert unlucky.rest() == b""
        with connected(source) as client:
            client.send(b"x\n")
            assert client.answers(1) == [b"OK\n"]
    assert any("too many open files" in message for message in caplog.messages)
    assert any("can't start new thread" in message for message in caplog.messages)


# --- stopping


def test_stop_closes_the_port_and_all_connections_and_may_be_called_twice() -> None:
    emitter = RecordingEmitter()
    source = make_source(emitter)
    source.stop()  # before the start there is nothing to do
    source = make_source(emitter)
    source.start()
    port = source.bound_port
    idle, busy = Client(port), Client(port)
    busy.send(b"one\nhalf")
    assert busy.answers(1) == [b"OK\n"]
    before = threading.active_count()
    source.stop()
    source.stop()
    assert source.bound_port == 0
    assert idle.rest() == b""
    assert busy.rest() == b""
    assert threading.active_count() < before
    with pytest.raises(ConnectionRefusedError):
        Client(port)
    assert emitter.bodies() == [b"one"]
    idle.close()
    busy.close()


def test_what_was_received_is_committed_before_stop_returns() -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(RecordingEmitter):
        def emit(self, batch: EventBatch, progress: object = None) -> None:
            entered.set()
            assert go_on.wait(10)
            super().emit(batch)

    emitter = Slow()
    source = make_source(emitter, ack_every_event="false")
    source.start()
    with connected(source) as client:
        client.send(b"".join(b"%d\n" % n for n in range(250)))
        assert entered.wait(10)
        stopper = threading.Thread(target=source.stop)
        stopper.start()
        wait_until(source._closing.is_set)
        assert stopper.is_alive()
        go_on.set()
        stopper.join(10)
        assert not stopper.is_alive()
        received = len(emitter.bodies())
        assert client.rest() == b""
    assert received >= 100
    assert emitter.bodies() == [b"%d" % n for n in range(received)]


def test_stop_ends_the_wait_for_a_full_channel_and_says_what_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emitter = RecordingEmitter()
    emitter.refuse()
    with running(emitter, ack_every_event="false") as source, connected(source) as client:
        client.send(b"one\ntwo\n")
        wait_until(lambda: emitter.refused)
    assert not emitter.bodies()
    assert [m for m in caplog.messages if "could not be committed before the stop" in m]


def test_a_client_that_takes_no_answers_cannot_hold_up_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flume_core._builtin.netcat.source._TIME_TO_STOP", 0.2)
    emitter = RecordingEmitter()
    source = make_source(emitter)
    source.start()
    with connected(source) as client:
        client.socket.settimeout(0.3)
        try:
            while True:
                client.socket.send(b"\n" * 65536)
        except TimeoutError:
            pass
        source.stop()
        assert source.metrics.get("OpenConnectionCount") == 0


def test_stop_says_so_if_a_commit_does_not_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flume_core._builtin.netcat.source._TIME_TO_STOP", 0.05)
    monkeypatch.setattr("flume_core._builtin.netcat.source._TIME_TO_ABORT", 0.05)
    entered, go_on = threading.Event(), threading.Event()

    class Stuck(RecordingEmitter):
        def emit(self, batch: EventBatch, progress: object = None) -> None:
            entered.set()
            assert go_on.wait(10)

    source = make_source(Stuck())
    source.start()
    with connected(source) as client:
        client.send(b"x\n")
        assert entered.wait(10)
        source.stop()
    assert "1 connections are still busy after the stop" in caplog.messages
    go_on.set()
    wait_until(lambda: source.metrics.get("OpenConnectionCount") == 0)
