"""A smoke test of the Java Flume that other tests compare with: it starts, moves lines, stops."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.java_flume import JavaAgentError, JavaFlume, require_java_flume

# The first call on a machine fetches the jars.
pytestmark = [pytest.mark.java, pytest.mark.timeout(900)]

LINES = b"".join(b"line %d\n" % number for number in range(1000))

PROPERTIES = """\
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = TAILDIR
a1.sources.r1.channels = {channel}
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = {work}/in/.*\\\\.log
a1.sources.r1.positionFile = {work}/position.json
a1.channels.c1.type = memory
a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {work}/out
a1.sinks.k1.sink.rollInterval = 0
"""


@pytest.fixture(scope="module")
def java_flume() -> JavaFlume:
    return require_java_flume()


def properties(work: Path, channel: str = "c1") -> str:
    (work / "in").mkdir()
    (work / "out").mkdir()
    (work / "in" / "a.log").write_bytes(LINES)
    return PROPERTIES.format(work=work, channel=channel)


def output(work: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted((work / "out").iterdir()))


def test_the_real_java_flume_moves_the_lines_of_a_file_and_remembers_its_position(
    java_flume: JavaFlume, tmp_path: Path
) -> None:
    with java_flume.agent(properties(tmp_path), tmp_path / "agent") as agent:
        deadline = time.monotonic() + 30
        while output(tmp_path) != LINES and time.monotonic() < deadline:
            time.sleep(0.02)

    assert output(tmp_path) == LINES, agent.log_text()
    (entry,) = json.loads((tmp_path / "position.json").read_text())
    assert entry["pos"] == len(LINES)
    assert entry["file"] == str(tmp_path / "in" / "a.log")


def test_the_real_java_flume_that_drops_a_component_is_reported_with_its_log(
    java_flume: JavaFlume, tmp_path: Path
) -> None:
    agent = java_flume.agent(properties(tmp_path, channel="nowhere"), tmp_path / "agent")

    with pytest.raises(JavaAgentError, match="No Channels configured for r1"):
        agent.start()
