from __future__ import annotations

import logging
import re
import signal
from time import sleep
from typing import cast

import pytest

from flume_core._cli import supervision
from flume_core._cli.signals import StopSignals
from flume_core._cli.supervision import Watch, supervise
from flume_core._runtime.agent import Agent

FLOW = {
    "sources": "r1",
    "channels": "c1",
    "sinks": "k1",
    "sources.r1.type": "seq",
    "sources.r1.totalEvents": "1234",
    "sources.r1.batchSize": "100",
    "sources.r1.channels": "c1",
    "channels.c1.type": "memory",
    "sinks.k1.type": "null",
    "sinks.k1.channel": "c1",
}


class Later:
    """Signals of which one comes after so many looks."""

    impatient = True

    def __init__(self, looks: int) -> None:
        self.received: list[int] = []
        self._looks = looks

    def wait(self, seconds: float | None) -> None:
        sleep(min(0.02, 1.0 if seconds is None else seconds))
        self._looks -= 1
        if self._looks == 0:
            self.received.append(signal.SIGTERM)

    def wake(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision.tuning, "before_start", lambda: None)
    monkeypatch.setattr(supervision.tuning, "after_start", lambda: None)
    monkeypatch.setattr(supervision, "_PROGRESS", 0.05)


def told(watch: Watch, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.INFO, "flume.command"):
        code = supervise(Agent.from_mapping(FLOW), cast(StopSignals, Later(60)), watch)
    assert code == 0
    return [record.getMessage() for record in caplog.records if record.name == "flume.command"]


def test_lines_with_totals_and_rates_come_while_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    lines = told(Watch(progress=True), caplog)

    pattern = r"\d+ s: [\d,]+ events in \([\d,]+/s\), [\d,]+ out \([\d,]+/s\)"
    assert len(lines) > 2
    assert all(re.fullmatch(pattern, line) for line in lines[:-1])
    assert "1,234 events in" in lines[-2]
    assert lines[-1].startswith("agent agent: 1,234 events in, 1,234 out")


def test_only_the_summary_comes_where_nobody_watches(caplog: pytest.LogCaptureFixture) -> None:
    assert len(told(Watch(), caplog)) == 1
