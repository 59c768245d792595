"""The taildir source passes the source suite; with a channel that keeps progress, exactly once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from flume_core._builtin.taildir.config import TaildirConfig
from flume_core._builtin.taildir.source import TaildirSource
from flume_core.source import Source
from flume_core.testing import SourceContract, SourceUnderTest, numbered, snapshot_directory

LINE = len(numbered(1).bodies()[0]) + 1


class TestTaildirSource(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        world = tmp_path / "world"
        log, position = world / "log", world / "position.json"
        log.mkdir(parents=True)

        def append(_: Source[TaildirConfig], bodies: Sequence[bytes]) -> None:
            with (log / "app.log").open("ab") as file:
                file.write(b"".join(body + b"\n" for body in bodies))

        def acknowledged() -> int:
            saved = position.read_bytes() if position.exists() else b""
            entries = json.loads(saved or b"[]")
            return sum(int(entry["pos"]) for entry in entries) // LINE

        return SourceUnderTest(
            TaildirSource,
            {
                "filegroups": "g",
                "filegroups.g": f"{log}/.*\\.log",
                "positionFile": str(position),
                "writePosInterval": "1",
                "batchSize": "15",
            },
            append,
            acknowledged,
            type="taildir",
            fails_to_start={
                "filegroups": "g",
                "filegroups.g": f"{tmp_path}/missing/.*",
                "positionFile": str(position),
            },
            resumes=True,
            exactly_once=True,
            crash=snapshot_directory(world),
        )
