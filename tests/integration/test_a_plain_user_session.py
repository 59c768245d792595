"""What somebody does who has just installed it: check a file, run it, run it again, get one wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess, rolled, run_flume

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = EXAMPLES / "demo" / "flume.conf"

LINES = b"".join(b"line %d\n" % number for number in range(25_000))


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The directories of the demo, and a log."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "rolled").mkdir()
    (tmp_path / "logs" / "app.log").write_bytes(LINES)
    return tmp_path


def run_demo(demo: Path) -> AgentProcess:
    env = {"DEMO_DIR": str(demo)}
    code, agent = run_flume("run", DEMO, "--until-idle", work=demo / "agent", env=env)
    assert code == 0, agent.log()
    return agent


def last_line(agent: AgentProcess) -> str:
    return agent.log().rstrip().splitlines()[-1]


def test_a_run_until_idle_moves_the_whole_log_and_says_so(demo: Path) -> None:
    agent = run_demo(demo)

    assert rolled(demo / "rolled") == LINES
    assert "agent a1: 25,000 events in, 25,000 out" in last_line(agent)


def test_a_second_run_moves_nothing_and_a_third_only_what_is_new(demo: Path) -> None:
    run_demo(demo)
    files = sorted(os.listdir(demo / "rolled"))

    again = run_demo(demo)
    assert "agent a1: 0 events in, 0 out" in last_line(again)
    assert sorted(os.listdir(demo / "rolled")) == files

    with (demo / "logs" / "app.log").open("ab") as log:
        log.write(b"one more\n")
    third = run_demo(demo)
    assert "agent a1: 1 events in, 1 out" in last_line(third)
    assert rolled(demo / "rolled") == LINES + b"one more\n"


def test_an_unfinished_last_line_stays_for_the_next_run(demo: Path) -> None:
    log = demo / "logs" / "app.log"
    log.write_bytes(LINES + b"half a li")
    agent = run_demo(demo)
    assert rolled(demo / "rolled") == LINES
    assert "9 bytes of an unfinished last line are left for the next run" in agent.log()

    log.write_bytes(LINES + b"half a line\n")
    run_demo(demo)
    assert rolled(demo / "rolled") == LINES + b"half a line\n"


@pytest.mark.parametrize(
    "example", sorted(EXAMPLES.glob("*/flume.conf")), ids=lambda e: e.parent.name
)
def test_the_examples_have_nothing_wrong(tmp_path: Path, example: Path) -> None:
    env = {"DEMO_DIR": str(tmp_path), "MIXED_DIR": str(tmp_path), "MIXED_PORT": "4141"}
    code, agent = run_flume("check", example, work=tmp_path / "agent", env=env)
    assert code == 0, agent.output() + agent.log()


def test_a_mistake_ends_the_run_with_1_and_the_reason_last(demo: Path) -> None:
    config = demo / "flume.conf"
    config.write_text(DEMO.read_text().replace("batchSize = 1000", "batchSize = many"))
    env = {"DEMO_DIR": str(demo)}
    code, agent = run_flume("run", config, "--until-idle", work=demo / "agent", env=env)

    assert code == 1
    said = agent.log().rstrip()
    line = config.read_text().splitlines().index("a1.sources.logs.batchSize = many") + 1
    assert f"flume.conf:{line}" in said
    assert "a1.sources.logs.batchSize = many" in said
    assert "Traceback" not in said
    assert not rolled(demo / "rolled"), "it moved something all the same"


def test_a_directory_that_is_missing_when_the_agent_starts_is_the_last_thing_said(
    demo: Path,
) -> None:
    (demo / "logs" / "app.log").unlink()
    (demo / "logs").rmdir()
    env = {"DEMO_DIR": str(demo)}
    code, agent = run_flume("run", DEMO, "--until-idle", work=demo / "agent", env=env)

    assert code == 1
    assert "there is no directory" in agent.log().rstrip().splitlines()[-1]
    assert "Traceback" not in agent.log()


def test_a_sink_that_keeps_failing_ends_the_run_with_3(demo: Path) -> None:
    (demo / "rolled").rmdir()
    env = {"DEMO_DIR": str(demo)}
    options = ("--until-idle", "--give-up-after", "0.5", "--drain-timeout", "0.1")
    code, agent = run_flume("run", DEMO, *options, work=demo / "agent", env=env)

    assert code == 3
    assert "SINK.files" in last_line(agent)
    assert "create it" in last_line(agent)
