"""Where the repository's distributions are, and what is in their built archives."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, PathDistribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core"


def folders() -> list[Path]:
    """The core, the plugins and the example plugin, as far as they are there."""
    found = [*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("examples/flume-*/pyproject.toml")]
    return [CORE, *sorted(file.parent for file in found)]


def project(folder: Path) -> dict[str, Any]:
    """The ``[project]`` table of a distribution."""
    return dict(tomllib.loads((folder / "pyproject.toml").read_text())["project"])


@dataclass(frozen=True)
class Built:
    """One distribution's folder and the two archives that were built of it."""

    folder: Path
    wheel: Path
    sdist: Path

    @classmethod
    def of(cls, folder: Path, directory: Path) -> Built:
        stem = project(folder)["name"].replace("-", "_")
        (wheel,) = directory.glob(f"{stem}-*.whl")
        (sdist,) = directory.glob(f"{stem}-*.tar.gz")
        return cls(folder, wheel, sdist)

    @property
    def package(self) -> str:
        """The import name: by our convention the distribution's with underscores."""
        return str(project(self.folder)["name"]).replace("-", "_")

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The wheel's files and their content."""
        with zipfile.ZipFile(self.wheel) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    @cached_property
    def sdist_names(self) -> set[str]:
        """The sdist's files, without the folder that they are all in."""
        with tarfile.open(self.sdist) as archive:
            return {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}

    @property
    def metadata(self) -> Distribution:
        """What an installer and ``importlib.metadata`` see."""
        (info,) = {name.partition("/")[0] for name in self.files if ".dist-info/" in name}
        return PathDistribution(zipfile.Path(self.wheel, f"{info}/"))

    @property
    def entry_points(self) -> list[EntryPoint]:
        return list(self.metadata.entry_points)
