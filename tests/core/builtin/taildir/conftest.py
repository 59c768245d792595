from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.builtin.taildir.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.source.stop()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose channel keeps progress with the events."""
    made = Rig(tmp_path, keeps_progress=True)
    yield made
    made.source.stop()
