"""The ``sqlite`` sink: appends events to a table of an SQLite database, a batch per transaction."""

import json
import sqlite3
from contextlib import closing

from pydantic import Field

from flume_core import BatchSink, EventBatch, SinkConfig


class SqliteConfig(SinkConfig):
    path: str = Field(description="database file; it is made if it is not there")


class SqliteSink(BatchSink[SqliteConfig]):
    def write(self, batch: EventBatch) -> None:
        rows = [(json.dumps(dict(event.headers)), event.body) for event in batch]
        with closing(sqlite3.connect(self.config.path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS events (headers TEXT, body BLOB)")
            database.executemany("INSERT INTO events VALUES (?, ?)", rows)
