"""taildir, file channel, file_roll: however often the agent is killed, each line is in the files once."""

from __future__ import annotations

import random
import secrets
import time
from pathlib import Path

import pytest

from tests.support.agent_process import flume, rolled, run_flume
from tests.support.scale import scaled

KILLS = 50

CONFIG = r"""
a1.sources = r1
a1.channels = c1
a1.sinks = k1

a1.sources.r1.type = TAILDIR
a1.sources.r1.channels = c1
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = {work}/logs/a\\.log
a1.sources.r1.positionFile = {work}/position.json
a1.sources.r1.writePosInterval = 15
a1.sources.r1.batchSize = 20
a1.sources.r1.backoffSleepIncrement = 1
a1.sources.r1.maxBackoffSleep = 10

a1.channels.c1.type = file
a1.channels.c1.checkpointDir = {work}/checkpoint
a1.channels.c1.dataDirs = {work}/data1,{work}/data2
a1.channels.c1.checkpointInterval = 1000
a1.channels.c1.maxFileSize = 262144
a1.channels.c1.minimumRequiredSpace = 1048576

a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {work}/out
a1.sinks.k1.sink.rollInterval = 1
a1.sinks.k1.sink.batchSize = 30
{suffix}
"""


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "suffix", ["", "a1.sinks.k1.sink.inUseSuffix = .tmp"], ids=["plain", "in-use suffix"]
)
def test_every_line_is_in_the_files_once_and_in_order(tmp_path: Path, suffix: str) -> None:
    seed = secrets.randbelow(1_000_000)
    chance = random.Random(seed)
    for name in ("logs", "out"):
        (tmp_path / name).mkdir()
    config = tmp_path / "flume.conf"
    config.write_text(CONFIG.format(work=tmp_path, suffix=suffix))
    lines = 0
    with (tmp_path / "logs" / "a.log").open("ab", buffering=0) as log:
        for _ in range(scaled(KILLS)):
            with flume("run", config, work=tmp_path) as agent:
                agent.wait_for_log("agent a1 runs")
                end = time.monotonic() + chance.random() * 0.3
                while time.monotonic() < end:
                    more = chance.randrange(1, 200)
                    log.write(b"".join(b"line %d\n" % n for n in range(lines, lines + more)))
                    lines += more
                    time.sleep(0.002)  # a log that grows, not a flood: each 20 lines are a commit
                agent.kill()
    code, agent = run_flume("run", config, "--until-idle", work=tmp_path)

    assert code == 0, f"seed {seed}: {agent.log()}"
    moved = rolled(tmp_path / "out").splitlines()
    assert moved == [b"line %d" % n for n in range(lines)], f"seed {seed}"
