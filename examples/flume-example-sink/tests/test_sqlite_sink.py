"""The sqlite sink keeps what a sink promises; the suite of flume_core.testing says what that is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flume_example_sink import SqliteSink

from flume_core import Event
from flume_core.testing import SinkContract, SinkUnderTest, snapshot_directory


class TestSqliteSink(SinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> SinkUnderTest:
        path, away = tmp_path / "events.db", tmp_path / "away.db"

        def delivered() -> list[Event]:
            if not path.is_file():
                return []
            with closing(sqlite3.connect(path)) as database:
                rows = database.execute("SELECT body, headers FROM events ORDER BY rowid")
                return [Event(body, json.loads(headers)) for body, headers in rows]

        def break_peer() -> None:
            if path.exists():
                path.rename(away)
            path.mkdir()

        def mend_peer() -> None:
            path.rmdir()
            if away.exists():
                away.rename(path)

        return SinkUnderTest(
            SqliteSink,
            {"path": str(path), "batchSize": "50"},
            delivered,
            break_peer,
            mend_peer,
            type="sqlite",
            crash=snapshot_directory(tmp_path),
        )
