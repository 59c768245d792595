from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from flume_core._cli.logs import LogOptions, set_up


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    names = ("", "flume", "flume.lifecycle", "flume.command")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def logged(options: LogOptions, name: str, level: int, *message: object) -> str:
    stream = io.StringIO()
    set_up(options, stream)
    logging.getLogger(name).log(level, *message)
    return stream.getvalue()


def test_a_line_has_time_level_component_and_message() -> None:
    line = logged(LogOptions(), "flume.a1.SINK.k1", logging.WARNING, "%d failed", 3)

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARN  \[SINK\.k1\] 3 failed\n", line)


def test_a_foreign_library_is_named() -> None:
    line = logged(LogOptions(), "some.library", logging.ERROR, "oh")

    assert line.endswith(" ERROR [some.library] oh\n")


@pytest.mark.parametrize(
    ("options", "name", "shown_from"),
    [
        (LogOptions(), "flume.a1.SINK.k1", logging.WARNING),
        (LogOptions(), "flume.lifecycle", logging.INFO),
        (LogOptions(), "some.library", logging.WARNING),
        (LogOptions(verbose=1), "flume.a1.SINK.k1", logging.INFO),
        (LogOptions(verbose=1), "some.library", logging.WARNING),
        (LogOptions(verbose=2), "flume.a1.SINK.k1", logging.DEBUG),
        (LogOptions(verbose=2), "some.library", logging.INFO),
        (LogOptions(quiet=True), "flume.lifecycle", logging.ERROR),
        (LogOptions(quiet=True), "some.library", logging.ERROR),
        (LogOptions(level=logging.INFO), "flume.a1.SINK.k1", logging.INFO),
        (LogOptions(level=logging.ERROR), "flume.lifecycle", logging.ERROR),
        (LogOptions(level=logging.DEBUG), "some.library", logging.INFO),
    ],
)
def test_what_is_shown(options: LogOptions, name: str, shown_from: int) -> None:
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)

    assert [level for level in levels if logged(options, name, level, "x")] == [
        level for level in levels if level >= shown_from
    ]


@pytest.mark.parametrize("verbose", [0, 1])
def test_tracebacks_come_with_verbose_only(verbose: int) -> None:
    stream = io.StringIO()
    set_up(LogOptions(verbose=verbose), stream)
    try:
        raise ValueError("the value")
    except ValueError:
        logging.getLogger("flume.a1.SINK.k1").exception("stopping failed")

    assert ("Traceback" in stream.getvalue()) == bool(verbose)
    assert "ValueError: the value" in stream.getvalue()


def test_json_lines_carry_agent_and_component() -> None:
    record = json.loads(
        logged(LogOptions(form="json"), "flume.a1.SINK.k1", logging.ERROR, "bad\n%s", "é")
    )

    assert record["agent"] == "a1"
    assert record["component"] == "SINK.k1"
    assert record["level"] == "ERROR"
    assert record["message"] == "bad\né"


def test_a_reader_of_stderr_that_has_gone_is_no_failure() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    set_up(LogOptions(), Gone())

    logging.getLogger("flume.lifecycle").info("nobody reads this")
