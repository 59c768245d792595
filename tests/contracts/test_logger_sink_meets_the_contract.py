"""The logger sink passes the sink suite: standard output is where it delivers to."""

from __future__ import annotations

import io
import re
import sys

import pytest

from flume_core._builtin.logger_sink import LoggerSink
from flume_core.testing import SinkContract, SinkUnderTest


class Screen:
    """What standard output has shown so far, and a way to break it."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._patch = patch
        self._shown = ""

    def bodies(self) -> list[bytes]:
        self._shown += self._capsys.readouterr().out
        dumps = re.findall(r"body: ((?:[0-9A-F]{2} )+)", self._shown)
        return [bytes.fromhex(dump) for dump in dumps]

    def close(self) -> None:
        closed = io.StringIO()
        closed.close()
        self._whole = sys.stdout
        self._patch.setattr(sys, "stdout", closed)

    def reopen(self) -> None:
        self._patch.setattr(sys, "stdout", self._whole)


class TestLoggerSink(SinkContract):
    @pytest.fixture
    def sink(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> SinkUnderTest:
        screen = Screen(capsys, monkeypatch)
        return SinkUnderTest(
            LoggerSink,
            {"maxBytesToLog": "16"},
            screen.bodies,
            screen.close,
            screen.reopen,
            type="logger",
        )
