"""Every distribution of the repository, built once per run the way a release is: sdist, then wheel."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.distributions import Built, folders


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Built]:
    """``built(folder)``: the sdist and wheel of a distribution.

    ``FLUME_DIST`` names a directory of finished ones; without it they are built here.
    """

    @functools.cache
    def build(folder: Path) -> Built:
        if ready := os.environ.get("FLUME_DIST"):
            return Built.of(folder, Path(ready))
        directory = tmp_path_factory.mktemp(folder.name)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory)]
        outcome = subprocess.run(
            [*command, str(folder)], capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        return Built.of(folder, directory)

    return build


@pytest.fixture(params=folders(), ids=lambda folder: folder.name)
def distribution(request: pytest.FixtureRequest, built: Callable[[Path], Built]) -> Built:
    return built(request.param)
