"""Log files that are written, rotated and truncated while an agent follows them, and what it made of them.

`LogWriter` writes numbered lines and knows where each one ends. `Deliveries` reads what a file_roll sink
has written. `Book` compares the two after each run of the agent: where a run must have gone on, what it
delivered, what the position file says, and so what was lost or will come again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.support.agent_process import rolled_files

__all__ = ["Book", "Deliveries", "Generation", "LogWriter", "Saved", "read_positions"]

_HEAD = 1024
"""The most bytes that the fingerprint of a file covers."""


@dataclass(eq=False)
class Generation:
    """The contents that one log has from its first line until it is rotated away for good or truncated."""

    number: int
    inode: int
    path: Path
    head: bytes = b""
    """What it begins with."""
    ends: list[int] = field(default_factory=lambda: [0])
    """Offsets at which lines end; the first is the start of the file."""
    resume: int = 0
    """The line at which the next run of the agent has to go on."""
    lost: set[int] = field(default_factory=set)
    gone: bool = False
    """Whether nothing of it can be read any more."""

    @property
    def count(self) -> int:
        return len(self.ends) - 1

    def saved_in(self, saved: dict[int, list[Saved]]) -> int:
        """The position that is saved for these contents; 0 if none is.

        There may be others for the inode, of what the file, or another one, was before.
        """
        found = {
            each.pos
            for each in saved.get(self.inode, ())
            if each.covered and _digest(self.head[: each.covered]) == each.head
        }
        assert len(found) <= 1, f"{self}: several positions are saved: {found}"
        return found.pop() if found else 0

    def line_at(self, pos: int) -> int:
        """The number of the line that starts at an offset."""
        index = bisect_left(self.ends, pos)
        assert self.ends[index : index + 1] == [pos], f"{pos} is within a line of {self}"
        return index

    def __str__(self) -> str:
        return (
            f"generation {self.number} ({self.path.name}, inode {self.inode}, {self.count} lines)"
        )


class Saved(NamedTuple):
    """One saved position: how far a file was read that began with ``covered`` bytes of that digest."""

    pos: int
    head: str
    covered: int


def read_positions(position_file: Path) -> dict[int, list[Saved]]:
    """What is saved, by inode: several for one that was used again.

    What is compared is the companion of the position file, which also tells how the files begin. It is
    written first; after a kill between the two it is ahead, and counts.
    """
    if not position_file.exists():
        return {}
    deadline = time.monotonic() + 5
    while True:
        written = _digest(position_file.read_bytes())
        ids = json.loads(Path(f"{position_file}.ids").read_bytes())
        if written in (ids["replaced"], ids["written"]):
            break
        assert time.monotonic() < deadline, (
            "the position file and its companion do not belong together"
        )
    found: dict[int, list[Saved]] = {}
    for entry in ids["files"]:
        saved = Saved(entry["pos"], entry.get("head", ""), entry.get("covered", 0))
        found.setdefault(entry["inode"], []).append(saved)
    return found


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


class LogWriter:
    """Writes ``a.log`` in a directory, and rotates it as log rotation does."""

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self.directory = directory
        self.generations: list[Generation] = []
        self.operations: dict[str, int] = {}
        self._chance = chance
        self._deleted: set[int] = set()
        self._rotations = 0
        self._unfinished = b""
        self._begin()

    @property
    def current(self) -> Generation:
        return self.generations[-1]

    def append(self, count: int) -> None:
        """Write lines; sometimes one of them in two parts."""
        lines = [self._line() for _ in range(count)]
        data = self._unfinished + b"".join(lines)
        self._unfinished = b""
        with self.current.path.open("ab") as file:
            if count and self._chance.random() < 0.2:
                cut = len(data) - self._chance.randrange(1, len(lines[-1]))
                data, self._unfinished = data[:cut], data[cut:]
            file.write(data)

    def finish_line(self) -> None:
        """Write what is missing of the last line."""
        self.append(0)

    def rename(self, *, still_matching: bool) -> None:
        """Rotate by renaming; what is written next goes to a new file."""
        self.finish_line()
        self._count("renamed, still matching" if still_matching else "renamed, no longer matching")
        self._rotations += 1
        ending = "" if still_matching else ".old"
        self._move(self.current, f"a.log.{self._rotations}{ending}")
        self._begin()

    def truncate(self) -> None:
        """Rotate by truncating, as copytruncate does; only for what is read and delivered."""
        assert not self._unfinished
        self._count("truncated")
        old = self.current
        old.gone = True
        os.truncate(old.path, 0)
        self._begin()

    def delete(self, old: Generation) -> None:
        """Delete a file that was rotated away; only one that is read and delivered."""
        self._count("deleted")
        old.gone = True
        old.path.unlink()
        self._deleted.add(old.inode)

    def _move(self, generation: Generation, name: str) -> None:
        generation.path = generation.path.rename(self.directory / name)

    def _begin(self) -> None:
        path = self.directory / "a.log"
        path.touch()
        inode = path.stat().st_ino
        if inode in self._deleted:
            self._count("made with the inode of a deleted one")
            self._deleted.remove(inode)
        self.generations.append(Generation(len(self.generations), inode, path))

    def _line(self) -> bytes:
        generation = self.current
        start, number = generation.ends[-1], generation.count
        text = f"{generation.number} {number} ".encode()
        line = text.ljust(len(text) + self._chance.randrange(1, 120), b".") + b"\n"
        generation.ends.append(start + len(line))
        if len(generation.head) < _HEAD:
            generation.head = (generation.head + line)[:_HEAD]
        return line

    def _count(self, what: str) -> None:
        self.operations[what] = self.operations.get(what, 0) + 1


class Deliveries:
    """What one run of an agent has delivered so far; refuses lines that are not in order."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._before = set(rolled_files(directory))
        self._read: dict[Path, int] = {}
        self.ranges: dict[int, range] = {}
        """By number of generation: the lines that were delivered."""

    def look(self) -> None:
        """Read what is new. An unfinished line is left: a kill may cut a write short."""
        for path in rolled_files(self._directory):
            if path in self._before:
                continue
            done = self._read.get(path, 0)
            with path.open("rb") as file:
                file.seek(done)
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._read[path] = done + whole
            for line in data[:whole].splitlines():
                generation, number, _ = line.split(b" ", 2)
                self._deliver(int(generation), int(number))

    def end(self, generation: Generation) -> int:
        """The number of the line behind the last one delivered; where the run went on, if none was."""
        delivered = self.ranges.get(generation.number)
        return generation.resume if delivered is None else delivered.stop

    def _deliver(self, generation: int, number: int) -> None:
        so_far = self.ranges.get(generation, range(number, number))
        assert number == so_far.stop, (
            f"line {number} of generation {generation} comes after {so_far} in one run"
        )
        self.ranges[generation] = range(so_far.start, number + 1)


class Book:
    """Over all runs: what was delivered, and what each kill lost."""

    def __init__(self, generations: Sequence[Generation]) -> None:
        self._generations = generations
        self._delivered: dict[int, set[int]] = {}
        self.losses: list[int] = []
        """For each run, the lines that it took with it."""
        self.repeated = 0

    def close_run(self, deliveries: Deliveries, saved: dict[int, list[Saved]]) -> None:
        """Check a run that has ended, and note where the next one has to go on.

        What the run read and did not deliver is lost if the saved position is behind it, and no line
        before the saved position may come again; lines that it delivered behind the saved position will.
        """
        deliveries.look()
        loss = 0
        for generation in self._generations:
            delivered = deliveries.ranges.get(generation.number, range(0))
            ever = self._delivered.setdefault(generation.number, set())
            if delivered:
                assert delivered.start == generation.resume, (
                    f"{generation}: a run went on at line {delivered.start},"
                    f" the saved position was line {generation.resume}"
                )
                ever.update(delivered)
            end = deliveries.end(generation)
            position = end if generation.gone else generation.line_at(generation.saved_in(saved))
            assert position >= generation.resume, f"{generation}: the position went back"
            taken = [number for number in range(end, position) if number not in ever]
            generation.lost.update(taken)
            loss += len(taken)
            self.repeated += max(0, end - position)
            generation.resume = position
        self.losses.append(loss)

    def complete(
        self, deliveries: Deliveries, saved: dict[int, list[Saved]], old: Generation
    ) -> bool:
        """Whether a generation is delivered to its end, and saved as read to its end."""
        read = old.count > 0 and old.saved_in(saved) == old.ends[-1]
        return read and deliveries.end(old) == old.count

    def missing(self) -> list[tuple[int, int]]:
        """The lines that were never delivered, as generation and number."""
        return [
            (generation.number, number)
            for generation in self._generations
            for number in range(generation.count)
            if number not in self._delivered.get(generation.number, ())
        ]

    def lost(self) -> list[tuple[int, int]]:
        """The lines of which `close_run` found that a kill took them."""
        return [(each.number, number) for each in self._generations for number in sorted(each.lost)]
