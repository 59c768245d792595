"""The suite that proves a source right.

::

    class TestMySource(SourceContract):
        @pytest.fixture
        def source(self, tmp_path):
            inbox = tmp_path / "inbox"
            return SourceUnderTest(
                MySource,
                {"path": str(inbox)},
                feed=lambda source, bodies: append_lines(inbox, bodies),
                acknowledged=lambda: events_before(tmp_path / "position"),
                type="mine",
                resumes=True,
                crash=snapshot_directory(tmp_path),
            )
"""

from __future__ import annotations

from flume_core.testing._source_bench import SourceUnderTest
from flume_core.testing._source_crashes import CrashTests
from flume_core.testing._source_delivery import (
    AcknowledgementTests,
    BackPressureTests,
    EmissionTests,
    ResumeTests,
)

__all__ = ["SourceContract", "SourceUnderTest"]


class SourceContract(
    EmissionTests, AcknowledgementTests, BackPressureTests, ResumeTests, CrashTests
):
    """Subclass it with a fixture ``source`` that returns a `SourceUnderTest`.

    Everything emitted once and in order, acknowledged after its commit, held up by a full channel,
    resumed after a restart; kills, where there is a ``crash`` hook; and what holds for every component.
    ``crash_points`` says at how many points it is killed.
    """
