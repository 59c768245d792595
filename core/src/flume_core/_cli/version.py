"""What is installed, in the words of ``flume version`` and ``flume-ng version``."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path

__all__ = ["launcher_version", "version"]


def version() -> str:
    """Return one line: version, Python, system."""
    return f"Flume {_installed()} (Python {platform.python_version()}, {_system()})"


def launcher_version() -> str:
    """Return five lines, of which the first is ``Flume VERSION`` as Java Flume has it."""
    return "\n".join(
        (
            f"Flume {_installed()}",
            "Source code repository: not recorded",
            "Revision: not recorded",
            f"Runs on {platform.python_implementation()} {platform.python_version()}, {_system()}",
            f"From source with checksum {_checksum()}",
        )
    )


def _installed() -> str:
    return metadata.version("flume-core")


def _system() -> str:
    return f"{platform.system()} {platform.machine()}"


def _checksum() -> str:
    """Return the SHA-256 of all modules, by name."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
