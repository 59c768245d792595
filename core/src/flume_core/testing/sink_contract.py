"""The suite that proves a sink right.

::

    class TestMySink(SinkContract):
        @pytest.fixture
        def sink(self, tmp_path):
            return SinkUnderTest(
                MySink,
                {"path": str(tmp_path / "out.txt")},
                delivered=lambda: (tmp_path / "out.txt").read_bytes().splitlines(),
                type="mine",
                crash=snapshot_directory(tmp_path),
            )
"""

from __future__ import annotations

from flume_core.testing._sink_bench import SinkUnderTest
from flume_core.testing._sink_crashes import CrashTests
from flume_core.testing._sink_delivery import DeliveryTests, OutageTests

__all__ = ["SinkContract", "SinkUnderTest"]


class SinkContract(DeliveryTests, OutageTests, CrashTests):
    """Subclass it with a fixture ``sink`` that returns a `SinkUnderTest`.

    Delivery in order, commit only after delivery, outages, restarts; kills, where there is a ``crash``
    hook; and what holds for every component. ``crash_points`` says at how many points it is killed.
    """
