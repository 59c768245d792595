"""SIGTERM while events flow: what was accepted is delivered, and positions and output agree to the line."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from flume_core.testing import Background
from tests.integration.followed_logs import read_positions
from tests.support.agent_process import PATIENCE, AgentProcess, flume, rolled, run_flume

TAIL = r"""
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = TAILDIR
a1.sources.r1.channels = c1
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = {work}/logs/.*\\.log
a1.sources.r1.positionFile = {work}/position.json
a1.sources.r1.writePosInterval = 20
a1.sources.r1.batchSize = 100
a1.channels.c1.type = memory
a1.channels.c1.capacity = 1000
a1.channels.c1.transactionCapacity = 100
a1.channels.c1.keep-alive = {keep_alive}
a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {work}/out
a1.sinks.k1.sink.inUseSuffix = .open
a1.sinks.k1.sink.rollInterval = 0
"""

NETCAT = """
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = netcat
a1.sources.r1.bind = 127.0.0.1
a1.sources.r1.port = 0
a1.sources.r1.channels = c1
a1.channels.c1.type = memory
a1.channels.c1.capacity = 1000
a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {work}/out
a1.sinks.k1.sink.rollInterval = 0
a1.sinks.k1.sink.batchSize = 1
"""


def tail(work: Path, lines: bytes, *, keep_alive: int = 3) -> Path:
    """A configuration that follows ``lines``, and the log with them."""
    for name in ("logs", "out"):
        (work / name).mkdir()
    (work / "logs" / "a.log").write_bytes(lines)
    config = work / "flume.conf"
    config.write_text(TAIL.format(work=work, keep_alive=keep_alive))
    return config


def numbered(count: int) -> bytes:
    return b"".join(b"%08d ".ljust(100, b".") % number + b"\n" for number in range(count))


def saved(work: Path) -> int:
    """The position of the only log that is followed."""
    positions = read_positions(work / "position.json")
    ((only,),) = positions.values()
    return only.pos


def written(work: Path) -> int:
    return sum(path.stat().st_size for path in (work / "out").iterdir())


def summary(agent: AgentProcess) -> tuple[int, int]:
    (found,) = re.findall(r"agent a1: ([\d,]+) events in, ([\d,]+) out", agent.log())
    came, went = (int(number.replace(",", "")) for number in found)
    return came, went


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_what_was_accepted_when_the_signal_came_is_delivered(
    tmp_path: Path, number: signal.Signals
) -> None:
    lines = numbered(400_000)
    config = tail(tmp_path, lines)
    with flume("run", config, work=tmp_path / "agent") as agent:
        agent.wait_until(lambda: written(tmp_path) > 1 << 20, "a good part of the output")
        agent.send(number)
        code = agent.wait()

    assert code == 0, agent.log()
    output = rolled(tmp_path / "out")
    assert lines.startswith(output)
    assert len(output) < len(lines), "it had delivered everything before the signal came"
    assert len(output) == saved(tmp_path)
    count = output.count(b"\n")
    assert summary(agent) == (count, count)
    assert not list((tmp_path / "out").glob("*.open")), "a file was left open"

    code, agent = run_flume("run", config, "--until-idle", work=tmp_path / "agent")
    assert code == 0, agent.log()
    assert rolled(tmp_path / "out") == lines
    assert summary(agent) == (400_000 - count,) * 2


def test_every_line_that_a_client_was_told_ok_for_is_delivered(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    config = tmp_path / "flume.conf"
    config.write_text(NETCAT.format(work=tmp_path))
    answered: list[int] = [0] * 3
    with flume("run", config, "-v", work=tmp_path / "agent") as agent:
        port = int(agent.wait_for_log(r"listening on 127\.0\.0\.1:(\d+)")[1])

        def client(index: int) -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                answers = connection.makefile("rb")
                try:
                    while True:
                        number = answered[index]
                        connection.sendall(b"%d %d\n" % (index, number))
                        if answers.readline() != b"OK\n":
                            return
                        answered[index] += 1
                except OSError:
                    return

        with Background(PATIENCE) as clients:
            for index in range(len(answered)):
                clients.run(client, index)
            agent.wait_until(lambda: written(tmp_path) > 10_000, "lines of the clients")
            code = agent.terminate()

    assert code == 0, agent.log()
    got: list[list[int]] = [[] for _ in answered]
    for line in rolled(tmp_path / "out").splitlines():
        index, number = map(int, line.split())
        got[index].append(number)
    for index, count in enumerate(answered):
        # The answer to the last one may have been on its way when the connection closed.
        assert got[index] in (list(range(count)), list(range(count + 1)))
        assert count


def test_a_full_channel_and_a_long_keep_alive_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    lines = numbered(5000)
    config = tail(tmp_path, lines, keep_alive=3600)
    (tmp_path / "out").rmdir()
    with flume("run", config, "--drain-timeout", "0.2", "-v", work=tmp_path / "agent") as agent:
        agent.wait_for_log("does not exist")
        code = agent.terminate()

    # A memory channel cannot keep what no sink takes; that is told, and it is no more than that.
    assert code == 0, agent.log()
    lost = int(agent.wait_for_log(r"channel c1 loses (\d+) events")[1])
    assert 0 < lost <= 1000
    assert saved(tmp_path) == lost * len(lines) // 5000

    (tmp_path / "out").mkdir()
    code, agent = run_flume("run", config, "--until-idle", work=tmp_path / "agent")
    assert code == 0, agent.log()
    assert rolled(tmp_path / "out") == lines[lost * len(lines) // 5000 :]


def test_a_second_signal_does_not_wait_for_the_sinks(tmp_path: Path) -> None:
    config = tail(tmp_path, numbered(100))
    (tmp_path / "out").rmdir()
    with flume("run", config, "--drain-timeout", "3600", work=tmp_path / "agent") as agent:
        agent.wait_for_log("does not exist")
        agent.send(signal.SIGTERM)
        with pytest.raises(AssertionError, match="did not end within"):
            agent.wait(0.5)
        agent.send(signal.SIGTERM)
        assert agent.wait() == 128 + signal.SIGTERM, agent.log()
