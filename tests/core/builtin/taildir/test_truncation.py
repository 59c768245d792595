from __future__ import annotations

import logging

import pytest

from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines

BANNER = "=" * 1500 + "\n"


def test_a_truncated_file_is_read_from_its_start(rig: Rig) -> None:
    rig.write("a.log", lines(1, 5))
    rig.start()
    rig.catch_up()
    rig.rewrite("a.log", lines(6, 7))
    assert rig.catch_up() == bodies(6, 7)
    rig.rewrite("a.log", "")
    assert rig.catch_up() == []
    rig.write("a.log", lines(8, 8))
    assert rig.catch_up() == bodies(8, 8)


@pytest.mark.parametrize("count", [5, 6, 500])
def test_a_file_truncated_and_filled_beyond_the_position_is_read_from_its_start(
    rig: Rig, count: int
) -> None:
    rig.write("a.log", lines(11, 15))
    rig.start()
    rig.catch_up()
    rig.rewrite("a.log", lines(21, 20 + count))
    assert rig.catch_up() == bodies(21, 20 + count)


def test_new_contents_behind_an_equal_banner_are_seen_by_what_precedes_the_position(
    rig: Rig,
) -> None:
    rig.write("a.log", BANNER + lines(1, 5))
    rig.start()
    rig.catch_up()
    rig.rewrite("a.log", BANNER + lines(101, 200))
    assert rig.catch_up() == [BANNER.strip(), *bodies(101, 200)]


def test_new_contents_are_seen_after_a_restart(rig: Rig) -> None:
    for name, banner in (("a.log", ""), ("b.log", BANNER)):
        rig.write(name, banner + lines(1, 5))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    for name, banner in (("a.log", ""), ("b.log", BANNER)):
        rig.rewrite(name, banner + lines(101, 200))
    rig.make()
    rig.start()
    assert sorted(rig.catch_up()) == sorted([BANNER.strip(), *bodies(101, 200) * 2])


def test_a_file_that_is_new_under_a_used_inode_is_read_from_its_start(rig: Rig) -> None:
    # An inode with other contents under another name is what the reuse of an inode looks like.
    rig.write("a.log", lines(1, 5))
    rig.start()
    rig.catch_up()
    rig.pass_time(LONG)
    rig.rename("a.log", "b.log")
    rig.rewrite("b.log", lines(21, 40))
    assert rig.catch_up() == bodies(21, 40)
    rig.source.stop()
    rig.rename("b.log", "c.log")
    rig.rewrite("c.log", lines(51, 90))
    rig.make()
    rig.start()
    assert rig.catch_up() == bodies(51, 90)


def test_a_file_that_grew_from_a_few_bytes_is_still_known(rig: Rig) -> None:
    rig.write("a.log", "line 1\n")
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(2, 1000))
    rig.rename("a.log", "b.log")
    rig.make()
    rig.start()
    assert rig.catch_up() == bodies(2, 1000)


def test_the_loss_of_an_unfinished_line_by_truncation_is_logged(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.write("a.log", "line 1\nunfinished")
    rig.start()
    rig.catch_up()
    rig.rewrite("a.log", "")
    with caplog.at_level(logging.WARNING):
        rig.catch_up()
    assert "the last 10 bytes of its old contents were not read" in caplog.text


def test_contents_that_change_while_a_block_is_read_are_not_emitted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write("a.log", lines(11, 15))
    rig.start()
    rig.catch_up()
    rig.write("a.log", lines(16, 20))
    from flume_core._builtin.taildir import files

    real = files.os.pread
    replaced = []

    def pread(fd: int, length: int, offset: int) -> bytes:
        if offset == 40 and not replaced:
            replaced.append(True)
            rig.rewrite("a.log", lines(21, 90))
        return real(fd, length, offset)

    monkeypatch.setattr(files.os, "pread", pread)
    assert rig.catch_up() == bodies(21, 90)
    assert replaced
