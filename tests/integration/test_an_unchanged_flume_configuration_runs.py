"""The configuration in examples/mixed, run as it is: by our agent, and by the real Apache Flume."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agent_process import PATIENCE, AgentProcess, flume, flume_ng, rolled
from tests.support.java_flume import JavaFlume, require_java_flume

CONFIG = Path(__file__).parents[2] / "examples" / "mixed" / "flume.conf"

Events = list[tuple[dict[str, str], str]]


@pytest.fixture(scope="module")
def java_flume() -> JavaFlume:
    return require_java_flume()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """What the configuration needs, but for the directory of the sink that is to fail."""
    site = tmp_path / "site"
    for name in ("logs", "backup", "archive"):
        (site / name).mkdir(parents=True)
    (site / "logs" / "access.log").write_text("GET /1\nGET /2\n")
    (site / "logs" / "app-one.log").write_text("started\nready\n")
    return site


def events(site: Path, name: str) -> Events:
    """Headers and bodies of what a sink has written."""
    found: Events = []
    for line in rolled(site / name).decode().splitlines():
        match = re.fullmatch(r"\{(.*)\} (.*)", line)
        assert match is not None, line
        headers = dict(each.split("=", 1) for each in match[1].split(", "))
        found.append((headers, match[2]))
    return found


def bodies(site: Path, name: str) -> list[str]:
    return [body for _, body in events(site, name)]


def append(file: Path, line: str) -> None:
    with file.open("a") as log:
        log.write(line)


def say(port: int, text: bytes) -> bytes:
    """Send lines to the netcat source; return its answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            return answers.read()


def feed(site: Path, port: int, wait_until: Callable[[Callable[[], object], str], None]) -> None:
    """Give the agent something at each of its ends, while the first sink fails and when it works."""
    wait_until(lambda: len(bodies(site, "backup")) == 4, "the logs in backup/")
    assert say(port, b"hello\nworld\n") == b"OK\nOK\n"
    wait_until(lambda: len(bodies(site, "archive")) == 4, "the lines in archive/")
    (site / "primary").mkdir()
    tried = 0

    def works_again() -> bool:
        nonlocal tried
        append(site / "logs" / "access.log", f"GET /again/{tried}\n")
        tried += 1
        arrived = 4 + tried
        wait_until(
            lambda: len(bodies(site, "backup")) + len(bodies(site, "primary")) == arrived,
            "the next line",
        )
        return bool(bodies(site, "primary"))

    wait_until(works_again, "a line in primary/")
    append(site / "logs" / "app-two.log", "hello from the second app\n")
    wait_until(
        lambda: "hello from the second app" in bodies(site, "primary"), "a new file in primary/"
    )
    wait_until(
        lambda: "hello from the second app" in bodies(site, "archive"), "a new file in archive/"
    )


def check_what_landed_where(site: Path) -> None:
    """Look at everything that was written."""
    local = events(site, "backup") + events(site, "primary")
    again = sum("again" in body for _, body in local)
    front = [body for headers, body in local if headers["tier"] == "front"]
    back = [body for headers, body in local if headers["tier"] == "back"]
    assert front == ["GET /1", "GET /2", *(f"GET /again/{number}" for number in range(again))]
    assert back == ["started", "ready", "hello from the second app"]
    for headers, _ in local:
        assert headers.keys() == {"tier", "file", "timestamp", "hostname", "dc"}
        assert headers["dc"] == "eu-1"
        assert abs(int(headers["timestamp"]) / 1000 - time.time()) < 600
        assert headers["hostname"]
        name = "access.log" if headers["tier"] == "front" else "app-"
        assert headers["file"].startswith(f"{site}/logs/{name}")

    central = events(site, "archive")
    from_shell = [(headers, body) for headers, body in central if "from" in headers]
    assert from_shell == [({"from": "a shell"}, "hello"), ({"from": "a shell"}, "world")]
    others = [(headers["tier"], body) for headers, body in central if "from" not in headers]
    assert others == [("back", body) for body in back]


def start(tmp_path: Path, config: Path, site: Path) -> AgentProcess:
    """Our agent, with its variables in ``conf/flume-env.sh``; the port is any free one."""
    conf = tmp_path / "conf"
    conf.mkdir()
    env = f'# variables of the agent\nexport MIXED_DIR="{site}"\nMIXED_PORT=0\nexport MIXED_PORT\n'
    (conf / "flume-env.sh").write_text(env)
    options = ("-c", "conf", "-f", config, "-Dflume.root.logger=INFO,console")
    return flume_ng("agent", "-n", "a1", *options, work=tmp_path)


def test_every_event_lands_where_the_configuration_sends_it(tmp_path: Path, site: Path) -> None:
    with start(tmp_path, CONFIG, site) as agent:
        port = int(agent.wait_for_log(r"listening on 127\.0\.0\.1:(\d+)")[1])
        feed(site, port, agent.wait_until)
        code = agent.terminate()

    check_what_landed_where(site)
    assert code == 0, agent.log()
    came = len(bodies(site, "backup")) + len(bodies(site, "primary")) + 2
    (summary,) = re.findall(r"agent a1: (\d+) events in, (\d+) out", agent.log())
    assert summary == (str(came), str(came + 3)), "three events go through both channels"
    assert "does not exist" in agent.log(), "nobody was told that primary/ is missing"
    assert "SINK.primary works again" in agent.log()


def test_the_second_agent_of_the_file_runs_by_its_name(tmp_path: Path, site: Path) -> None:
    env = {"MIXED_DIR": str(site), "MIXED_PORT": "0"}
    with flume("run", CONFIG, "-n", "a2", "--until-idle", work=tmp_path, env=env) as agent:
        assert agent.wait() == 0, agent.log()
    assert "agent a2: 1,000 events in, 1,000 out" in agent.log()


def test_an_agent_that_needs_what_is_not_installed_does_not_stop_another(
    tmp_path: Path, site: Path
) -> None:
    config = tmp_path / "flume.conf"
    config.write_text(
        CONFIG.read_text()
        + "a3.sources = s\na3.channels = c\na3.sinks = k\n"
        + "a3.sources.s.type = org.apache.flume.source.nowhere.NoSuchSource\n"
        + "a3.sources.s.channels = c\na3.channels.c.type = memory\na3.sinks.k.type = null\n"
        + "a3.sinks.k.channel = d\n"
    )
    with start(tmp_path, config, site) as agent:
        agent.wait_until(lambda: len(bodies(site, "archive")) == 2, "the app log in archive/")
        assert agent.terminate() == 0, agent.log()


def test_the_real_java_flume_gives_the_same_with_the_same_file(
    java_flume: JavaFlume, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MIXED_DIR", str(site))
    monkeypatch.setenv("MIXED_PORT", str(port))
    with java_flume.agent(CONFIG, tmp_path / "java") as agent:

        def wait_until(condition: Callable[[], object], what: str) -> None:
            deadline = time.monotonic() + PATIENCE
            while not condition():
                assert time.monotonic() < deadline, f"no {what}\n{agent.log_text()[-3000:]}"
                time.sleep(0.02)

        feed(site, port, wait_until)

    check_what_landed_where(site)
