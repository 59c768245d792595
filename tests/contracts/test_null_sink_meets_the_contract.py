"""The null sink passes the sink suite, as far as something can be seen of what it delivers."""

from __future__ import annotations

import pytest

from flume_core._builtin.null_sink import NullSink
from flume_core.testing import SinkContract, SinkUnderTest


class TestNullSink(SinkContract):
    @pytest.fixture
    def sink(self) -> SinkUnderTest:
        return SinkUnderTest(NullSink, {"batchSize": "40", "logEveryNEvents": "50"}, type="null")
