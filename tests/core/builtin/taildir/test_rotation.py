from __future__ import annotations

import logging
import os

import pytest

from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines


def test_lines_are_followed_as_they_are_written(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    assert rig.catch_up() == bodies(1, 3)
    rig.write("a.log", lines(4, 5))
    assert rig.catch_up() == bodies(4, 5)
    assert rig.catch_up() == []


def test_a_renamed_file_that_still_matches_goes_on_where_it_was(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.write("a.log", lines(4, 4))
    rig.rename("a.log", "b.log")
    rig.write("b.log", lines(5, 5))
    rig.write("a.log", lines(6, 7))
    assert rig.catch_up() == bodies(4, 7)


def test_a_renamed_file_carries_its_new_name_in_the_header(rig: Rig) -> None:
    rig.write("a.log", lines(1, 1))
    rig.make(fileHeader="true")
    rig.start()
    rig.catch_up()
    rig.rename("a.log", "b.log")
    rig.write("b.log", lines(2, 2))
    rig.source.poll()
    assert [e.headers["file"] for e in rig.channel.events] == [str(rig.path("b.log"))]


def test_a_file_renamed_out_of_the_pattern_is_read_to_its_end(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.write("a.log", lines(4, 5))
    rig.rename("a.log", "a.log.1")
    rig.write("a.log", lines(8, 9))
    rig.write("a.log.1", lines(6, 7))  # its writer has not noticed yet
    assert rig.catch_up() == bodies(4, 9)
    rig.write("a.log.1", "line late\n")
    assert rig.catch_up() == ["line late"]


def test_a_file_renamed_out_of_the_pattern_keeps_the_headers_it_had(rig: Rig) -> None:
    rig.write("a.log", lines(1, 1))
    rig.make(fileHeader="true", **{"headers.g.app": "shop"})
    rig.start()
    rig.catch_up()
    rig.write("a.log", lines(2, 2))
    rig.rename("a.log", "a.old")
    rig.source.poll()
    assert [dict(e.headers) for e in rig.channel.events] == [
        {"app": "shop", "file": str(rig.path("a.log"))}
    ]


def test_a_deleted_file_that_is_open_is_read_to_its_end(rig: Rig) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    with open(path, "ab") as writer:
        writer.write(lines(4, 5).encode())
        writer.flush()
        path.unlink()
        assert rig.catch_up() == bodies(4, 5)
        writer.write(lines(6, 6).encode())
        writer.flush()
        assert rig.catch_up() == bodies(6, 6)


def test_a_file_that_is_gone_is_forgotten_and_its_handle_closed_after_the_idle_time(
    rig: Rig,
) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    path.unlink()
    rig.catch_up()
    assert rig.save() == {"a.log": 21}
    handles = len(os.listdir("/proc/self/fd"))
    rig.pass_time(LONG)
    assert rig.save() == {}
    assert rig.position_file.read_bytes() == b""
    assert len(os.listdir("/proc/self/fd")) == handles - 1


def test_a_rotation_while_the_source_is_stopped_loses_nothing(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(4, 6))
    rig.rename("a.log", "a.log.1")
    rig.write("a.log", lines(7, 8))
    rig.make()
    rig.start()
    assert sorted(rig.catch_up()) == bodies(4, 8)


def test_a_rotation_and_then_a_kill_loses_nothing(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.save()
    rig.write("a.log", lines(4, 6))
    rig.rename("a.log", "a.log.1")
    rig.crash()
    assert rig.catch_up() == bodies(4, 6)
    rig.write("a.log.1", lines(7, 7))
    rig.crash()
    assert rig.catch_up() == bodies(4, 7)  # nothing was saved since: at least once


def test_a_file_that_was_closed_and_then_written_and_renamed_away_is_still_read(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.pass_time(LONG)  # closed for idleness
    rig.write("a.log", lines(4, 5))
    rig.rename("a.log", "a.old")
    rig.write("a.log", lines(6, 6))
    assert sorted(rig.catch_up()) == bodies(4, 6)


def test_a_file_whose_pattern_was_changed_to_leave_it_out_is_not_read_on(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.write("b.log", lines(11, 13))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(4, 4))
    rig.write("b.log", lines(14, 14))
    rig.make(**{"filegroups.g": str(rig.logs / r"b\.log")})
    rig.start()
    assert rig.catch_up() == bodies(14, 14)


def test_older_files_are_read_first(rig: Rig) -> None:
    rig.write("a.log", lines(7, 9))
    rig.write("b.log", lines(4, 6))
    rig.write("c.log", lines(1, 3))
    for age, name in enumerate(("a.log", "b.log", "c.log")):
        os.utime(rig.path(name), (1_000_000 - age, 1_000_000 - age))
    rig.start()
    assert rig.catch_up() == bodies(1, 9)


def test_files_may_appear_and_vanish_at_any_time(rig: Rig) -> None:
    rig.start()
    assert rig.catch_up() == []
    rig.write("a.log", lines(1, 2))
    assert rig.catch_up() == bodies(1, 2)
    rig.write("b.log", lines(3, 4)).unlink()
    assert rig.catch_up() == []
    rig.write("b.log", lines(5, 6))
    assert rig.catch_up() == bodies(5, 6)


def test_a_link_to_a_file_is_followed_to_the_file_that_it_names_now(rig: Rig) -> None:
    first, second = rig.write("one.txt", lines(1, 2)), rig.write("two.txt", lines(4, 5))
    link = rig.path("current.log")
    link.symlink_to(first)
    rig.start()
    assert rig.catch_up() == bodies(1, 2)
    rig.write("one.txt", lines(3, 3))
    link.unlink()
    link.symlink_to(second)
    assert sorted(rig.catch_up()) == bodies(3, 5)


def test_a_file_with_two_names_is_read_once_under_the_first(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = rig.write("b.log", lines(1, 2))
    os.link(path, rig.path("c.log"))
    rig.make(**{"filegroups": "g h", "filegroups.h": str(rig.logs / ".*")})
    rig.start()
    assert rig.catch_up() == bodies(1, 2)
    assert rig.catch_up() == []
    assert "c.log" not in caplog.text
    os.link(path, rig.path("a.log"))
    assert rig.catch_up() == []
    assert list(rig.save().values()) == [14]


def test_a_file_that_appears_within_a_tick_of_the_clock_is_found(rig: Rig) -> None:
    rig.write("a.log", lines(1, 1))
    rig.start()
    rig.catch_up()
    before = os.stat(rig.logs)
    rig.write("b.log", lines(2, 2))
    os.utime(rig.logs, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert rig.catch_up() == bodies(2, 2)
