"""The seq source passes the source suite."""

from __future__ import annotations

import pytest

from flume_core._builtin.sequence_source import SequenceSource
from flume_core.testing import SourceContract, SourceUnderTest


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


class TestSequenceSource(SourceContract):
    @pytest.fixture(params=["1", "7"])
    def source(self, request: pytest.FixtureRequest) -> SourceUnderTest:
        return SourceUnderTest(
            SequenceSource, {"batchSize": request.param}, type="seq", produces=numbers
        )
