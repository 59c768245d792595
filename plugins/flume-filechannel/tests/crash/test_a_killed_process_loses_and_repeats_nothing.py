"""SIGKILL at random moments, with several producers and consumers; see `killed_process`."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random

import killed_process
import pytest

from flume_core.testing import make_channel
from flume_filechannel.channel import FileChannel
from tests.support.scale import scaled

KILLS_OF_ONE_LOG = 30


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    """The process whose children are killed."""
    script = [sys.executable, "-W", "error", killed_process.__file__]
    with subprocess.Popen(
        script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(scaled(300) // KILLS_OF_ONE_LOG))
def test_kills_lose_nothing_acknowledged_and_repeat_no_finished_take(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    log = Log(tmp_path)
    with nursery() as process:
        for kill in range(KILLS_OF_ONE_LOG):
            where = f"seed {seed}, kill {kill}"
            seconds = random.choice((0.03, 0.1, 0.1, 0.2)) * (0.2 + random.random())
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{tmp_path} {seed * 1000 + kill} {log.next_number} {seconds}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "killed\n", where
            log.check(where, take=random.choice((0, 100, 10_000)))
    assert log.commits > KILLS_OF_ONE_LOG, "too little happened between the kills"


class Log:
    """The directory of a channel, and what was said about its events in all lives."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._waiting: list[bytes] = []
        self.next_number = 0
        self.commits = 0

    def check(self, where: str, take: int) -> None:
        """Compare what waits with what was said; then take some events, for good."""
        must, may, gone = self._expected()
        channel = make_channel(FileChannel, killed_process.settings(self._place))
        channel.start()
        with channel.transaction() as tx:
            found = tx.take(1500).bodies()
            tx.rollback()
        assert channel.size() == len(found), where
        repeated = [body[:11] for body, times in Counter(found).items() if times > 1]
        assert not repeated, f"{where}: twice in the channel: {repeated}"
        lost = sorted(body[:11] for body in must - set(found))
        assert not lost, f"{where}: acknowledged and lost: {lost}"
        back = [body[:11] for body in found if body[:11] in gone]
        assert not back, f"{where}: taken and there again: {back}"
        new = [body for body in found if body not in must and body not in may]
        for producer in killed_process.PRODUCERS:
            numbers = [int(body[2:11]) for body in found if body[:1] == producer.encode()]
            assert all(a < b for a, b in pairwise(numbers)), f"{where}: {producer} is out of order"
            unsaid = [int(body[2:11]) for body in new if body[:1] == producer.encode()]
            if unsaid:  # of the one commit that was under way
                assert unsaid[0] >= self.next_number, f"{where}: {producer}: gone and there again"
                assert unsaid == list(range(unsaid[0], unsaid[0] + len(unsaid))), where
                assert len(unsaid) <= 60, where
        left = found
        if take:
            with channel.transaction() as tx:
                left = found[len(tx.take(min(take, 1500))) :]
        channel.stop()
        self._waiting = left
        self.next_number += 1_000_000

    @staticmethod
    def _assert_in_order(names: list[bytes]) -> None:
        for producer in killed_process.PRODUCERS:
            mine = [name for name in names if name[:1] == producer.encode()]
            assert mine == sorted(mine), f"a take got events of {producer} out of order"

    def _expected(self) -> tuple[set[bytes], set[bytes], set[bytes]]:
        """Return the events that must wait, those that may (a take was under way), and names gone."""
        must, may = set(self._waiting), set()
        taking: set[bytes] = set()
        gone: set[bytes] = set()
        said = self._place / "said"
        for line in said.read_bytes().splitlines() if said.exists() else []:
            word, *rest = line.split()
            if word == b"put":
                self.commits += 1
                producer, first, end = rest
                must.update(
                    killed_process.body(producer.decode(), n) for n in range(int(first), int(end))
                )
            elif word == b"taking":
                taking.update(rest)
                self._assert_in_order(rest)
            else:
                assert not gone & set(rest), "events were given to two takes"
                gone.update(rest)
        said.unlink(missing_ok=True)
        must = {body for body in must if body[:11] not in gone}
        may = {body for body in must if body[:11] in taking}
        return must - may, may, gone
