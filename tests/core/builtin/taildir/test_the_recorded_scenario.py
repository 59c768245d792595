"""What Java Flume 1.11 was seen to do, step by step.

One step differs on purpose: a renamed file that still matches goes on where it was; Java reads it again.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.core.builtin.taildir.rig import Rig

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "taildir_position.json").read_text("utf-8")
)
STEPS = VECTORS["read_scenario"]["steps"]


def test_the_steps_give_the_recorded_events_and_positions(tmp_path: Path) -> None:
    rig = Rig(tmp_path, byteOffsetHeader="true", fileHeader="true").start()
    create, append, rename, truncate = STEPS

    rig.write("a.log", "one\r\ntwo\nthr")
    assert step(rig) == (create["events"], create["pos"])

    rig.write("a.log", "ee\n")
    assert step(rig) == (append["events"], append["pos"])

    rig.rename("a.log", "b.log")
    assert len(rename["events"]) == 3, "Java reads it again"
    assert step(rig) == ([], rename["pos"])

    rig.rewrite("b.log", "x\n")
    assert step(rig) == (truncate["events"], truncate["pos"])
    rig.source.stop()


def step(rig: Rig) -> tuple[list[dict[str, str]], int]:
    rig.source.poll()
    events = [
        {
            "file": Path(event.headers["file"]).name,
            "byteoffset": event.headers["byteoffset"],
            "body": event.body.decode(),
        }
        for event in rig.channel.events
    ]
    rig.channel.batches.clear()
    (pos,) = rig.save().values()
    return events, pos
