from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.core.cli.programs import (
    PATIENCE,
    command,
    flow,
    parts,
    started,
    wait_until_written,
    written,
)

LINES = b"".join(b"line %d\n" % n for n in range(2500))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_stops_in_order_and_cleanly(tmp_path: Path, number: int) -> None:
    conf = flow(tmp_path)
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started("flume", "run", conf, cwd=tmp_path) as agent:
        wait_until_written(tmp_path, LINES)
        agent.process.send_signal(number)

        assert agent.end() == 0
    assert "agent a1: 2,500 events in, 2,500 out" in agent.lines[-1]


def test_a_stop_delivers_what_the_channel_holds(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__sink__batchSize="1", channels__c1__capacity="100000")
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started("flume", "run", conf, cwd=tmp_path) as agent:
        agent.wait_for("agent a1 runs")
        agent.process.terminate()

        assert agent.end() == 0
    came = int(agent.lines[-1].split(" events in")[0].rpartition(" ")[2].replace(",", ""))
    assert written(tmp_path).count(b"\n") == came


def test_a_second_signal_stops_at_once_and_is_the_exit_code(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="parts:HangingSink", sinks__k1__sink__directory="")
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started(
        *("flume", "run", conf, "--drain-timeout", "3600"), cwd=tmp_path, env=parts(tmp_path)
    ) as agent:
        agent.wait_for("hanging")
        agent.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            agent.process.wait(0.3)
        agent.process.send_signal(signal.SIGINT)

        assert agent.end() == 128 + signal.SIGINT
    assert "second signal" in agent.lines[-1]


def test_a_draining_that_takes_too_long_is_bounded_and_what_is_lost_is_told(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="parts:AwaySink", sinks__k1__sink__directory="")
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started(
        *("flume", "run", conf, "--drain-timeout", "0.1"), cwd=tmp_path, env=parts(tmp_path)
    ) as agent:
        agent.wait_for("the store is away")
        agent.process.terminate()

        assert agent.end() == 0
    assert any("c1 loses 2500 events" in line for line in agent.lines)
    assert any("SINK.k1 was failing" in line for line in agent.lines)


def test_a_start_that_waits_for_a_channel_can_be_stopped(tmp_path: Path) -> None:
    conf = flow(
        tmp_path,
        channels__c1__type="parts:LockedChannel",
        channels__c1__capacity="",
        channels__c1__transactionCapacity="",
    )
    with started("flume", "run", conf, cwd=tmp_path, env=parts(tmp_path)) as agent:
        agent.wait_for("somebody else has the lock")
        agent.process.terminate()

        assert agent.end() == 0


SLOW_FILTER = """\
import os
import time
from flume_core import ComponentConfig, ConfigFilter

class SlowFilter(ConfigFilter[ComponentConfig]):
    def lookup(self, key):
        self.log.error("looking up")
        while key == "never" or not os.path.exists("go"):
            time.sleep(0.01)
        return "1000"
"""


@pytest.mark.parametrize(("key", "signals", "code"), [("soon", 1, 0), ("never", 2, 143)])
def test_signals_count_while_the_configuration_is_read(
    tmp_path: Path, key: str, signals: int, code: int
) -> None:
    conf = flow(
        tmp_path,
        configfilters="f",
        configfilters__f__type="slow:SlowFilter",
        channels__c1__transactionCapacity=f"${{f['{key}']}}",
    )
    (tmp_path / "slow.py").write_text(SLOW_FILTER)
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started("flume", "run", conf, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}) as agent:
        agent.wait_for("looking up")
        agent.process.terminate()
        if signals > 1:
            with pytest.raises(subprocess.TimeoutExpired):
                agent.process.wait(0.3)
            agent.process.terminate()
        (tmp_path / "go").touch()

        assert agent.end() == code
    assert not (tmp_path / "position.json").exists()


def test_a_hangup_that_was_ignored_stays_ignored(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with started("flume", "run", conf, cwd=tmp_path) as agent:
            agent.wait_for("agent a1 runs")
            agent.process.send_signal(signal.SIGHUP)
            (tmp_path / "in" / "app.log").write_bytes(LINES)
            wait_until_written(tmp_path, LINES)
            agent.process.terminate()
            assert agent.end() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_outage_does_not_end_a_run_that_may_go_on(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="parts:DeafSink", sinks__k1__sink__directory="")
    with started("flume", "run", conf, cwd=tmp_path, env=parts(tmp_path)) as agent:
        agent.wait_for("nobody listens")
        agent.wait_for("agent a1 runs")
        agent.process.terminate()
        assert agent.end() == 0


def test_an_agent_whose_log_nobody_reads_any_more_goes_on(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    process = subprocess.Popen([*command("flume"), "run", conf], stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        process.stderr.close()
        wait_until_written(tmp_path, LINES)
        process.terminate()

        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
