from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable

import pytest

from flume_core._builtin.taildir import files, following
from flume_core.errors import ConfigurationError
from flume_core.source import Status
from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines


def refusing(name: str, code: int) -> Callable[..., int]:
    real = os.open

    def opened(path: str, flags: int, mode: int = 0o777) -> int:
        if path.endswith(name):
            raise OSError(code, os.strerror(code), path)
        return real(path, flags, mode)

    return opened


def test_a_file_without_permission_is_logged_once_counted_and_read_when_it_is_allowed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.write("b.log", lines(4, 5))
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(files.os, "open", refusing("a.log", errno.EACCES))
        rig.start()
        assert rig.catch_up() == bodies(4, 5)
        for _ in range(3):
            assert rig.pass_time(10) == []
    assert caplog.text.count(f"{path} cannot be read: Permission denied; trying again") == 1
    assert rig.metrics.get("EventReadFail") == 1
    assert rig.source.summary() == [f"{path} cannot be read: Permission denied"]
    assert rig.catch_up() == bodies(1, 3)
    assert rig.source.summary() == []


def test_a_position_is_kept_while_its_file_may_not_be_read(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(4, 4))
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "open", refusing("a.log", errno.EACCES))
        rig.make().start()
        assert rig.pass_time(LONG) == []
        assert rig.pass_time(LONG) == []
        assert rig.save() == {"a.log": 21}
    assert rig.catch_up() == bodies(4, 4)


def test_a_read_error_leaves_the_other_files_alone_and_is_tried_again_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig.write("a.log", lines(1, 3))
    rig.write("b.log", lines(11, 13))
    rig.start()
    rig.catch_up()
    bad = os.stat(rig.path("a.log")).st_ino
    real, tries = os.pread, []

    def pread(fd: int, length: int, offset: int) -> bytes:
        if os.fstat(fd).st_ino == bad:
            tries.append(fd)
            raise OSError(errno.EIO, "Input/output error")
        return real(fd, length, offset)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(files.os, "pread", pread)
        rig.write("a.log", lines(4, 4))
        rig.write("b.log", lines(14, 14))
        assert rig.catch_up() == bodies(14, 14)
        assert rig.catch_up() == []
        assert len(tries) == 1, "not at every poll"
        for _ in range(3):
            assert rig.pass_time(6) == []
        assert len(tries) == 4
    assert caplog.text.count("Input/output error") == 1
    assert rig.pass_time(6) == bodies(4, 4)
    assert rig.source.summary() == []


def test_a_file_that_vanishes_between_listing_and_opening_is_no_trouble(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig.write("a.log", lines(1, 3))
    rig.write("b.log", lines(4, 5))
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(files.os, "open", refusing("a.log", errno.ENOENT))
        rig.start()
        assert rig.catch_up() == bodies(4, 5)
    assert caplog.text == ""
    assert rig.catch_up() == bodies(1, 3)


def test_what_is_no_regular_file_is_left_alone(rig: Rig) -> None:
    os.mkfifo(rig.path("fifo.log"))
    rig.path("directory.log").mkdir()
    rig.path("dangling.log").symlink_to("nowhere")
    rig.write("a.log", lines(1, 3))
    rig.start()
    assert rig.catch_up() == bodies(1, 3)
    rig.path("nowhere").write_text(lines(4, 4))
    assert rig.catch_up() == bodies(4, 4)


def test_a_fifo_put_in_the_place_of_a_file_does_not_hang(rig: Rig) -> None:
    path = rig.write("a.log", lines(1, 3))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FileNotFoundError):
        files.open_regular(str(path))


def test_a_group_whose_directory_is_missing_at_the_start_is_a_configuration_error(
    rig: Rig,
) -> None:
    rig.make(**{"filegroups.g": str(rig.logs / "nowhere" / ".*")})
    with pytest.raises(ConfigurationError, match=r"there is no directory .*nowhere; create it"):
        rig.start()
    rig.source.stop()
    (rig.logs / "nowhere").mkdir()
    (rig.logs / "nowhere" / "a").write_text(lines(1, 2))
    rig.make().start()
    assert rig.catch_up() == bodies(1, 2)


def test_more_files_than_may_be_open_are_read_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flume_core._builtin.taildir.source.most_open_files", lambda: 8)
    for number in range(40):
        rig.write(f"{number:02d}.log", lines(number, number))
    before = len(os.listdir("/proc/self/fd"))
    rig.start()
    assert rig.catch_up() == bodies(0, 39)
    assert len(os.listdir("/proc/self/fd")) <= before + 8
    for number in range(40):
        rig.write(f"{number:02d}.log", lines(number, number))
    rig.rename("07.log", "07.old")
    assert sorted(rig.catch_up()) == sorted(bodies(0, 39))
    assert len(os.listdir("/proc/self/fd")) <= before + 8
    assert rig.save()["03.log"] == 14


def test_a_deleted_file_stays_open_however_many_others_there_are(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flume_core._builtin.taildir.source.most_open_files", lambda: 8)
    path = rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    with open(path, "ab") as writer:
        path.unlink()
        rig.catch_up()
        for number in range(40):
            rig.write(f"{number:02d}.log", "other\n")
        rig.catch_up()
        writer.write(lines(4, 4).encode())
    assert rig.catch_up() == bodies(4, 4)


def test_an_unfinished_line_of_an_idle_file_is_emitted_although_it_is_closed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flume_core._builtin.taildir.source.most_open_files", lambda: 8)
    for number in range(40):
        rig.write(f"{number:02d}.log", f"unfinished {number}")
    rig.start()
    assert rig.catch_up() == []
    assert sorted(rig.pass_time(LONG)) == sorted(f"unfinished {n}" for n in range(40))


def test_handles_are_bounded_by_what_the_process_may_have() -> None:
    assert 8 <= following.most_open_files() <= 4096


def test_stop_closes_everything_and_may_be_called_at_any_time(rig: Rig) -> None:
    before = len(os.listdir("/proc/self/fd"))
    rig.source.stop()
    rig.make()
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.source.stop()
    assert len(os.listdir("/proc/self/fd")) == before


def test_many_idle_files_cost_one_look_each(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        rig.write(f"{number:02d}.log", lines(1, 1))
    old = 1_000_000_000
    os.utime(rig.logs, ns=(old, old))
    rig.start()
    rig.catch_up()
    calls: list[str] = []
    real_stat, real_scandir = os.stat, os.scandir

    def stat(path: str) -> os.stat_result:
        calls.append("stat")
        return real_stat(path)

    def scandir(path: str) -> object:
        calls.append("scandir")
        return real_scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        patch.setattr(os, "scandir", scandir)
        assert rig.source.poll() is Status.BACKOFF
    assert calls.count("stat") == 51
    assert "scandir" not in calls, "the directory has not changed"
    with monkeypatch.context() as patch:
        rig.restart(cachePatternMatching="false")
        rig.catch_up()
        patch.setattr(os, "scandir", scandir)
        rig.source.poll()
    assert calls.count("scandir") == 1
