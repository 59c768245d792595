"""Installed packages, made of nothing but files: what a test needs of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SINK = """
from flume_core.config.model import SinkConfig
from flume_core.sink import BatchSink

class MySink(BatchSink[SinkConfig]):
    def write(self, batch):
        pass
"""


def install(
    site: Path,
    package: str,
    entry_points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str] | None = None,
    version: str = "1.2",
) -> None:
    """Put a package with these entry points (group, name, value) and modules into a folder."""
    info = site / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines: list[str] = []
    for group, names in entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in names.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for name, text in (modules or {}).items():
        (site / f"{name}.py").write_text(text)
