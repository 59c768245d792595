"""Unpacks the Debian packages of the peers into a directory, without installing anything.

rsyslog and syslog-ng-core conflict as installed packages, and neither should run as the machine's log
daemon because of a benchmark. Needs ``apt-get`` and ``dpkg``, and package lists (``apt-get update``).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["PACKAGES", "FetchFailed", "fetch_peers"]

PACKAGES = ("rsyslog", "syslog-ng-core")


class FetchFailed(Exception):
    """A package could not be fetched; the text is the reason."""


def fetch_peers(directory: Path) -> list[Path]:
    """Unpack each package, with what it needs and the machine lacks, into ``directory``/PACKAGE.

    Raises:
        FetchFailed: not a Debian, or apt could not do it.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise FetchFailed(
            "there is no apt-get here: install rsyslog and syslog-ng your system's way"
        )
    return [_fetch(package, directory / package) for package in PACKAGES]


def _fetch(package: str, target: Path) -> Path:
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        needed = _needed(package)
        _run(["apt-get", "download", *needed], Path(scratch))
        for file in Path(scratch).glob("*.deb"):
            _run(["dpkg", "--extract", file.name, "root"], Path(scratch))
        Path(scratch, "root").rename(target)
    return target


def _needed(package: str) -> list[str]:
    simulated = _run(["apt-get", "install", "--simulate", "--no-install-recommends", package])
    names = [line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ")]
    return names or [package]


def _run(command: list[str], directory: Path | None = None) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise FetchFailed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
