from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flume_filechannel.java.directory import read_java_channel
from flume_filechannel.java.errors import JavaChannelLocked
from flume_filechannel.java.findings import FindingKind

Recorded = Callable[[], tuple[Path, Path]]

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
if sys.argv[2] == "as Java":  # which closes a second descriptor, and so loses the lock
    open(sys.argv[1], "r+b").close()
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another(path: Path, how: str) -> Iterator[None]:
    path.touch()
    command = [sys.executable, "-c", HOLDER, str(path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"locked\n"
            yield
        finally:
            holder.stdin.close()


@pytest.mark.parametrize("how", ["as POSIX means it", "as Java"])
@pytest.mark.parametrize("which", ["data", "checkpoint"])
def test_a_locked_directory_is_refused_with_its_name_and_the_cure(
    recorded: Recorded, which: str, how: str
) -> None:
    data, checkpoint = recorded()
    directory = data.parent / which
    with (
        locked_by_another(directory / "in_use.lock", how),
        pytest.raises(JavaChannelLocked, match=f"{directory} is in use.*Stop that agent"),
    ):
        read_java_channel([data], checkpoint)
    read_java_channel([data], checkpoint).close()


def test_while_it_is_read_no_agent_can_lock_it(recorded: Recorded) -> None:
    data, checkpoint = recorded()
    lock = data / "in_use.lock"
    lock.touch()

    def can_lock() -> bool:
        child = os.fork()
        if child == 0:
            try:
                with lock.open("r+b") as file:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os._exit(0)
            except OSError:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0

    with read_java_channel([data], checkpoint):
        assert not can_lock()
    assert can_lock()


def test_a_lock_file_left_by_a_killed_agent_does_not_matter(recorded: Recorded) -> None:
    data, checkpoint = recorded()
    (data / "in_use.lock").touch()
    with read_java_channel([data], checkpoint) as backlog:
        assert backlog.waiting == 2
        # Whether somebody still has it open cannot be seen on every machine, which is then said.
        assert {finding.kind for finding in backlog.findings} <= {FindingKind.NOT_LOCKED}


def test_no_lock_file_is_created(recorded: Recorded) -> None:
    data, checkpoint = recorded()
    with read_java_channel([data], checkpoint):
        assert not (data / "in_use.lock").exists()
