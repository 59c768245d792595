"""With a channel that keeps progress, position and events are one record: a crash repeats nothing."""

from __future__ import annotations

import json
import logging

import pytest

from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines


class Killed(BaseException):
    """The end of the process, as seen from within."""


def test_a_crash_repeats_nothing_and_loses_nothing(keeping: Rig) -> None:
    keeping.write("a.log", lines(1, 3))
    keeping.start()
    assert keeping.catch_up() == bodies(1, 3)
    keeping.write("a.log", lines(4, 5))
    assert keeping.crash().catch_up() == bodies(4, 5)
    assert keeping.crash().catch_up() == []


@pytest.mark.parametrize("committed", range(5))
def test_a_crash_before_a_commit_repeats_what_was_not_committed(
    keeping: Rig, committed: int
) -> None:
    keeping.make(batchSize="2")
    keeping.write("a.log", lines(1, 10))
    keeping.start()
    keeping.channel.error = Killed()  # type: ignore[assignment]
    keeping.channel.refuses = lambda: len(keeping.channel.batches) == committed
    with pytest.raises(Killed):
        keeping.catch_up()
    assert keeping.channel.drain() == bodies(1, 2 * committed)
    keeping.channel.refuses = lambda: False
    assert keeping.crash().catch_up() == bodies(2 * committed + 1, 10)


def test_the_channel_wins_over_an_older_position_file(keeping: Rig) -> None:
    keeping.write("a.log", lines(1, 3))
    keeping.start()
    keeping.catch_up()
    assert keeping.save() == {"a.log": 21}
    keeping.write("a.log", lines(4, 5))
    keeping.catch_up()
    assert keeping.positions() == {"a.log": 21}
    assert keeping.crash().catch_up() == []


def test_the_position_file_fills_in_what_the_channel_does_not_know(keeping: Rig) -> None:
    keeping.write("a.log", lines(1, 3))
    keeping.start()
    keeping.catch_up()
    keeping.save()
    keeping.channel.stored.clear()
    assert keeping.crash().catch_up() == []


def test_an_entry_ahead_of_the_channel_wins_and_is_logged(
    keeping: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    path = keeping.write("a.log", lines(1, 3))
    keeping.start()
    keeping.catch_up()
    keeping.source.stop()
    keeping.write("a.log", lines(4, 6))
    keeping.position_file.write_text(f'[{{"inode":{path.stat().st_ino},"pos":35,"file":"{path}"}}]')
    with caplog.at_level(logging.WARNING):
        keeping.make().start()
    assert "the position file is at 35, ahead of the channel" in caplog.text
    assert keeping.catch_up() == bodies(6, 6)


def test_an_entry_behind_the_channel_does_not_count_whoever_wrote_it(
    keeping: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    path = keeping.write("a.log", lines(1, 3))
    keeping.start()
    keeping.catch_up()
    keeping.source.stop()
    keeping.position_file.write_text(f'[{{"inode":{path.stat().st_ino},"pos":7,"file":"{path}"}}]')
    with caplog.at_level(logging.WARNING):
        keeping.make().start()
    assert keeping.catch_up() == []
    assert caplog.text == ""


def test_new_contents_after_a_crash_are_read_from_their_start(keeping: Rig) -> None:
    keeping.write("a.log", lines(11, 15))
    keeping.start()
    keeping.catch_up()
    keeping.save()
    keeping.rewrite("a.log", lines(21, 22))
    keeping.catch_up()
    keeping.write("a.log", lines(23, 40))
    # The position file still has the old contents, at a place beyond the new position.
    assert keeping.positions() == {"a.log": 40}
    assert keeping.crash().catch_up() == bodies(23, 40)
    keeping.rewrite("a.log", lines(51, 99))
    assert keeping.crash().catch_up() == bodies(51, 99)


def test_a_rotation_and_a_crash_repeat_nothing(keeping: Rig) -> None:
    keeping.write("a.log", lines(1, 3))
    keeping.start()
    keeping.catch_up()
    keeping.write("a.log", lines(4, 6))
    keeping.rename("a.log", "a.log.1")
    keeping.write("a.log", lines(7, 8))
    assert sorted(keeping.crash().catch_up()) == bodies(4, 8)
    keeping.rename("a.log", "b.log")
    keeping.write("b.log", lines(9, 9))
    assert keeping.crash().catch_up() == bodies(9, 9)


def test_progress_is_a_small_delta_for_the_file_of_the_batch(keeping: Rig) -> None:
    keeping.write("a.log", lines(1, 3))
    path = keeping.write("b.log", lines(11, 13))
    keeping.start()
    keeping.catch_up()
    keeping.write("b.log", lines(14, 14))
    before = dict(keeping.channel.stored)
    keeping.catch_up()
    changed = {k: v for k, v in keeping.channel.stored.items() if before.get(k) != v}
    (value,) = changed.values()
    mark = json.loads(value)
    assert (mark["file"], mark["inode"], mark["pos"]) == (str(path), path.stat().st_ino, 32)


def test_files_that_are_gone_are_removed_from_progress(keeping: Rig) -> None:
    keeping.write("a.log", lines(1, 3))
    keeping.write("b.log", lines(11, 13))
    keeping.write("c.log", lines(21, 23))
    keeping.start()
    keeping.catch_up()
    assert len(keeping.channel.stored) == 3
    keeping.path("a.log").unlink()
    keeping.catch_up()
    keeping.pass_time(LONG)
    assert len(keeping.channel.stored) == 2, "a file that was open"
    keeping.path("b.log").unlink()
    keeping.catch_up()
    keeping.pass_time(LONG)
    assert len(keeping.channel.stored) == 1, "a file that was closed"
    keeping.path("c.log").unlink()
    keeping.crash()
    keeping.catch_up()
    keeping.pass_time(LONG)
    assert keeping.channel.stored == {}, "a file that vanished while nobody looked"


def test_progress_that_is_not_understood_is_told_and_done_without(
    keeping: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    keeping.write("a.log", lines(1, 3))
    keeping.channel.stored.update({"x": b"\xff", "y": b"[]", "z": b'{"key":1}'})
    with caplog.at_level(logging.WARNING):
        keeping.start()
    assert caplog.text.count("is not understood") == 3
    assert keeping.catch_up() == bodies(1, 3)


def test_names_that_are_not_utf8_are_kept(keeping: Rig) -> None:
    name = b"caf\xe9 \"=<>&'.log".decode("utf-8", "surrogateescape")
    keeping.make(fileHeader="true")
    keeping.write(name, lines(1, 3))
    keeping.start()
    keeping.source.poll()
    assert keeping.channel.events[0].headers["file"] == str(keeping.path(name))
    keeping.write(name, lines(4, 4))
    keeping.crash().catch_up()
    assert keeping.save() == {name: 28}
    keeping.channel.stored.clear()
    keeping.write(name, lines(5, 5))
    assert keeping.restart().catch_up() == bodies(5, 5)


def test_a_file_that_shrank_is_read_from_its_start_even_if_an_older_position_would_do(
    keeping: Rig,
) -> None:
    banner = "=" * 1500 + "\n"
    path = keeping.write("a.log", banner + lines(101, 109))
    keeping.start()
    keeping.catch_up()
    keeping.rewrite("a.log", banner + lines(201, 205))
    inode = path.stat().st_ino
    keeping.position_file.parent.mkdir(exist_ok=True)
    keeping.position_file.write_text(f'[{{"inode":{inode},"pos":1510,"file":"{path}"}}]')
    assert keeping.crash().catch_up() == [banner.strip(), *bodies(201, 205)]


def test_stale_progress_of_another_file_does_not_take_ours_along(keeping: Rig) -> None:
    path = keeping.write("a.log", lines(1, 3))
    keeping.start()
    keeping.catch_up()
    keeping.save()
    key = str(path.stat().st_ino)
    stale = json.loads(keeping.channel.stored[key])
    stale.update(file=str(keeping.path("gone.log")), head="00" * 12, pos=3)
    keeping.channel.stored[key] = json.dumps(stale).encode()
    keeping.crash()
    keeping.write("a.log", lines(4, 4))
    assert keeping.catch_up() == bodies(4, 4)
    keeping.pass_time(LONG)
    keeping.pass_time(LONG)
    assert json.loads(keeping.channel.stored[key])["pos"] == 28
