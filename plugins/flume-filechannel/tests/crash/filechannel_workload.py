"""One thread that puts, takes, rolls back, stops and starts at random on a simulated disk."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

from filechannel_history import OWNERS, Commit, Contents, History
from simulated_disk import PowerFailed, SimulatedDisk

from flume_core.batch import EventBatch
from flume_core.errors import ChannelError
from flume_core.testing import make_channel
from flume_core.transaction import Transaction
from flume_filechannel.channel import FileChannel
from flume_filechannel.config import FileChannelConfig
from flume_filechannel.disk import Disk

TINY = 12 * 1024
SMALL = 256 * 1024


class TinySegments(FileChannelConfig):
    """Segments so short that a few commits fill one."""

    @property
    def segment_size(self) -> int:
        return TINY


class HastyDisk(Disk):
    """The real one, for a copy that nobody needs after the test."""

    def sync(self, fd: int) -> None:
        pass

    def sync_directory(self, path: str) -> None:
        pass


class Errors(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Workload:
    """A channel, what it may hold, and the random steps that both take."""

    def __init__(self, place: Path, random: Random, size: int, **settings: str) -> None:
        self.place = place
        self.random = random
        self.disk = SimulatedDisk(random)
        self.history = History()
        self.errors = Errors()
        self.refused = 0
        self._settings = settings
        self._synced = settings.get("fsyncPerTransaction") != "false"
        self._numbers = count()
        self._copies = count()
        self._size = size
        self.channel = self._make(self.place / "first", self.disk)
        self._open: list[tuple[Transaction, list[bytes]]] = []
        self._given_out: set[bytes] = set()
        self._steps: list[Callable[[], None]] = [
            *[self._put] * 6,
            *[self._take] * 4,
            *[self._commit] * 4,
            *[self._roll_back] * 2,
            self._sync,
            self._tidy,
            self._checkpoint,
            self._restart,
        ]

    def _make(self, place: Path, disk: Disk) -> FileChannel:
        config_model = TinySegments if self._size == TINY else FileChannelConfig
        cls = type(
            "Tortured", (FileChannel,), {"disk": disk, "config_model": config_model}
        )  # each with a disk of its own
        data = "{0}/data1,{0}/data2" if self._size == TINY else "{0}/data1"
        settings = {
            "checkpointDir": str(place / "checkpoint"),
            "dataDirs": data.format(place),
            "transactionCapacity": "100000",
            "maxFileSize": str(self._size),
            "keep-alive": "0",
            **self._settings,
        }
        channel: FileChannel = make_channel(cls, settings, f"c{next(self._copies)}")
        channel.log.addHandler(self.errors)
        return channel

    # --- lives

    def live(self, most: int) -> None:
        """Start where there is no open channel, and do random steps. Raises `PowerFailed`."""
        self.channel = self._make(self.place / "first", self.disk)
        self._open, self._given_out = [], set()
        self.channel.start()
        self.history.safe()
        self.check_figures()
        for _ in range(most):
            self.step()

    def step(self) -> None:
        """Do something."""
        self.random.choice(self._steps)()

    def check_figures(self) -> None:
        """Compare what can be compared without a take."""
        now = self.history.now()
        found = {owner: dict(self.channel.progress(owner)) for owner in OWNERS}
        assert found == now.progress
        assert self.channel.size() == len(now.waiting)

    def die(self, *, power_failed: bool) -> None:
        """End the life, and find out on a copy what is left of it."""
        channel = self.channel
        self.disk.fault = lambda call: None
        if channel._keeper is not None:
            channel._keeper.stop()
            channel._keeper = None
        channel._close()
        self.disk.restart(power_failed=power_failed)
        self._judge()

    def _judge(self) -> None:
        copy = self.place / f"copy{next(self._copies)}"
        self.disk.copy_to(self.place / "first", copy)
        channel = self._make(copy, HastyDisk())
        self.errors.messages.clear()
        channel.start()
        found = Contents.of(channel)
        channel.stop()
        wrong = self.history.settle(found)
        assert wrong is None, wrong
        assert not self.errors.messages, (
            f"a torn write was taken for damage: {self.errors.messages}"
        )
        aside = [p for p in copy.rglob("*") if p.name == "quarantine" or p.suffix == ".damaged"]
        assert not aside, f"a torn write was set aside: {aside}"
        shutil.rmtree(copy)

    # --- steps

    def _put(self) -> None:
        random = self.random
        room = self._size // 3
        bodies = [
            b"%08d%s" % (next(self._numbers), b"x" * int(random.expovariate(1 / 150)))
            for _ in range(random.choice((0, 1, 3, 20)))
        ]
        while sum(map(len, bodies)) > room:
            bodies.pop()
        batch = EventBatch.from_bodies(bodies)
        if random.random() < 0.3:
            batch = EventBatch.from_block(b"".join(body + b"\n" for body in bodies))
        elif random.random() < 0.5:
            batch = EventBatch.from_bodies(bodies, {"shared": "header"})
        progress = self._progress("source.r1")
        if not bodies and not progress:
            return
        self.history.begin(Commit(bodies, [], progress))
        try:
            with self.channel.transaction() as tx:
                tx.put(batch)
                for owner, changes in progress.items():
                    tx.save_progress(owner, changes)
                ticket = tx.commit_async() if random.random() < 0.2 else None
            if ticket is not None:
                assert ticket.wait(30)
        except ChannelError:
            self._refused()
        else:
            if self._synced:
                self.history.safe()

    def _progress(self, owner: str) -> dict[str, dict[str, bytes | None]]:
        if self.random.random() < 0.5:
            return {}
        value = b"%d" % next(self._numbers)
        return {owner: {self.random.choice("ab"): self.random.choice((value, value, None))}}

    def _take(self) -> None:
        if len(self._open) >= 3:
            return
        tx = self.channel.transaction()
        tx.begin()
        bodies: list[bytes] = []
        self._open.append((tx, bodies))
        for _ in range(self.random.randint(1, 2)):
            most = self.random.choice((1, 5, 30, 1000))
            try:
                got = tx.take(most).bodies()
            except ChannelError:
                self.refused += 1
                continue
            now = self.history.now().waiting
            expected = [body for body in now if body not in self._given_out][: len(got)]
            assert got == expected, "a take gave other events than those at the head"
            assert len(got) == most or len(self._given_out) + len(got) == len(now) or self.refused
            self._given_out.update(got)
            bodies += got

    def _pop(self) -> tuple[Transaction, list[bytes]] | None:
        if not self._open:
            return None
        return self._open.pop(self.random.randrange(len(self._open)))

    def _commit(self) -> None:
        taken = self._pop()
        if taken is None:
            return
        tx, bodies = taken
        progress = self._progress("sink.k1")
        for owner, changes in progress.items():
            tx.save_progress(owner, changes)
        self.history.begin(Commit([], bodies, progress))
        try:
            tx.commit()
        except ChannelError:
            tx.rollback()
            self._refused()
        self._given_out -= set(bodies)
        tx.close()

    def _roll_back(self) -> None:
        taken = self._pop()
        if taken is not None:
            taken[0].rollback()
            taken[0].close()
            self._given_out -= set(taken[1])

    def _refused(self) -> None:
        if self.disk.dead:  # in another thread: whether it was refused nobody will know
            raise PowerFailed
        self.refused += 1
        self.history.forget()

    def _sync(self) -> None:
        try:
            self.channel.sync()
        except ChannelError:
            self.refused += 1
        else:
            self.history.safe()

    def _tidy(self) -> None:
        """What the channel's own thread does now and then."""
        try:
            self.channel._live()[0].reclaim()
        except ChannelError:
            self.refused += 1

    def _checkpoint(self) -> None:
        self.channel._write_checkpoint()

    def _restart(self) -> None:
        if self.random.random() < 0.7:
            return
        while self._open:
            self._roll_back()
        fault, self.disk.fault = self.disk.fault, lambda call: None
        self.channel.stop()  # where this fails, a refused put may come back
        self.disk.fault = fault
        try:
            self.channel.start()
        except ChannelError:
            self.refused += 1
            self.disk.fault = lambda call: None
            self.channel.start()
            self.disk.fault = fault
        self.check_figures()
        self.history.safe()


def crash(workload: Workload, calls: int, *, power_failed: bool) -> None:
    """Let a workload live until its disk has got so many calls, then see what is left."""
    workload.disk.fail_after(calls)
    try:
        workload.live(10_000)
    except PowerFailed:
        pass
    else:
        raise AssertionError("it never called the disk")
    workload.die(power_failed=power_failed)
