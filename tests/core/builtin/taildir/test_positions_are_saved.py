from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import pytest

from flume_core._builtin.taildir import ledger, storage
from flume_core._builtin.taildir.source import TaildirSource
from flume_core.errors import ChannelFull, ConfigurationError
from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines


def test_positions_are_saved_at_the_interval_and_at_the_stop(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.pass_time(2.9)
    assert rig.positions() == {"a.log": 0}
    rig.pass_time(0.2)
    assert rig.positions() == {"a.log": 21}
    rig.write("a.log", lines(4, 4))
    rig.catch_up()
    assert rig.positions() == {"a.log": 21}
    rig.source.stop()
    assert rig.positions() == {"a.log": 28}


def test_a_new_file_is_known_before_its_first_line_is_emitted(rig: Rig) -> None:
    rig.start()
    rig.catch_up()
    rig.write("a.log", lines(1, 3))
    rig.pass_time(1.0)
    assert rig.positions() == {"a.log": 0}


def test_nothing_is_written_while_nothing_changes(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.save()

    def no_write(path: str, data: bytes) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(ledger, "replace_file", no_write)
    rig.save()


def test_only_what_is_committed_is_saved(rig: Rig) -> None:
    rig.make(batchSize="2")
    rig.write("a.log", lines(1, 5))
    rig.start()
    rig.channel.refuses = lambda: len(rig.channel.batches) == 1
    with pytest.raises(ChannelFull):
        rig.catch_up()
    rig.clock.now += 10
    with pytest.raises(ChannelFull):
        rig.catch_up()
    assert rig.positions() == {"a.log": 14}
    rig.source.stop()
    assert rig.positions() == {"a.log": 14}


def test_a_restart_goes_on_behind_what_was_saved(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.restart()
    rig.write("a.log", lines(4, 4))
    assert rig.catch_up() == bodies(4, 4)


def test_a_crash_repeats_only_what_was_read_since_the_last_save(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.save()
    rig.write("a.log", lines(4, 5))
    rig.catch_up()
    assert rig.crash().catch_up() == bodies(4, 5)


def test_files_are_private_and_replaced_as_a_whole(rig: Rig) -> None:
    deep = rig.position_file.parent / "not" / "there" / "positions.json"
    rig.make(positionFile=str(deep))
    rig.position_file = deep
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.save()
    first = deep.stat()
    for path in (deep, Path(f"{deep}.ids")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for directory in (deep.parent, deep.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    kept = os.open(deep, os.O_RDONLY)  # so that its inode is not used again
    rig.write("a.log", lines(4, 4))
    rig.catch_up()
    rig.save()
    os.close(kept)
    assert deep.stat().st_ino != first.st_ino
    assert sorted(path.name for path in deep.parent.iterdir()) == [
        "positions.json",
        "positions.json.ids",
    ]


def test_a_position_file_that_is_a_link_stays_one(rig: Rig, tmp_path: Path) -> None:
    target = tmp_path / "real.json"
    target.write_text("[]")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    rig.make(positionFile=str(link))
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    assert link.is_symlink()
    assert json.loads(target.read_text())[0]["pos"] == 21


def test_a_crash_between_the_two_files_does_no_harm(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write("a.log", lines(11, 15))
    rig.write("b.log", lines(31, 33))
    rig.start()
    rig.catch_up()
    rig.save()
    rig.rewrite("a.log", lines(21, 22))
    rig.catch_up()

    def killed(path: str, data: bytes) -> None:
        if path == str(rig.position_file):
            raise KeyboardInterrupt
        storage.replace_file(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "replace_file", killed)
        rig.clock.now += 10
        with pytest.raises(KeyboardInterrupt):
            rig.source.poll()
    assert rig.positions() == {"a.log": 40, "b.log": 24}, "the old file, about the old contents"
    rig.write("a.log", lines(23, 40))
    assert rig.crash().catch_up() == bodies(23, 40)


def test_a_position_file_emptied_or_removed_by_an_operator_means_a_fresh_start(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.position_file.write_bytes(b"")
    rig.make().start()
    assert rig.catch_up() == bodies(1, 3)
    rig.source.stop()
    rig.position_file.unlink()
    rig.make().start()
    assert rig.catch_up() == bodies(1, 3)


def test_what_java_wrote_meanwhile_counts(rig: Rig) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(4, 6))
    inode = path.stat().st_ino
    rig.position_file.write_text(f'[{{"inode":{inode},"pos":35,"file":"{path}"}}]')
    rig.make().start()
    assert rig.catch_up() == bodies(6, 6)


def test_what_java_wrote_is_taken_up_under_a_new_name_where_the_fingerprint_is_known(
    rig: Rig,
) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(4, 6))
    inode = path.stat().st_ino
    rig.position_file.write_text(f'[{{"inode":{inode},"pos":35,"file":"{path}"}}]')
    rig.rename("a.log", "b.log")
    rig.make().start()
    assert rig.catch_up() == bodies(6, 6)


def test_java_alone_gives_no_fingerprint_so_a_new_name_is_read_from_its_start(rig: Rig) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.position_file.parent.mkdir()
    rig.position_file.write_text(
        f'[{{"inode":{path.stat().st_ino},"pos":14,"file":"{path.with_name("old.log")}"}}]'
    )
    assert rig.start().catch_up() == bodies(1, 3)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version":2}', '{"version":1,"files":[{}]}'])
def test_a_damaged_companion_is_told_and_done_without(
    rig: Rig, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    Path(f"{rig.position_file}.ids").write_text(damage)
    rig.write("a.log", lines(4, 4))
    with caplog.at_level(logging.WARNING):
        rig.make().start()
    assert "files are known by inode and path alone" in caplog.text
    assert rig.catch_up() == bodies(4, 4)


def test_a_position_file_that_is_no_file_is_a_configuration_error(rig: Rig, tmp_path: Path) -> None:
    rig.make(positionFile=str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"cannot be used: Is a directory"):
        rig.start()
    (tmp_path / "file").write_text("")
    rig.make(positionFile=str(tmp_path / "file" / "positions.json"))
    with pytest.raises(ConfigurationError, match="name a file in a directory"):
        rig.start()


def test_a_position_file_that_may_not_be_read_or_written_is_a_configuration_error(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.position_file.parent.mkdir()
    rig.position_file.write_text("[]")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConfigurationError, match="may not write to its directory"):
        rig.start()


def test_a_failing_save_is_told_once_retried_and_in_the_summary(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "replace_file", full)
        rig.pass_time(10)
        rig.pass_time(10)
    assert caplog.text.count("No space left on device") == 1
    assert "No space left on device" in rig.source.summary()[0]
    assert rig.metrics.get("GenericProcessingFail") == 2
    assert rig.save() == {"a.log": 21}
    assert rig.source.summary() == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p"
    storage.replace_file(str(path), b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        storage.replace_file(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_sources_may_not_share_a_position_file(rig: Rig) -> None:
    first = TaildirSource.claims(rig.source.config)
    other = Rig(rig.logs.parent, positionFile=f"{rig.position_file.parent}/../state/positions.json")
    assert tuple(TaildirSource.claims(other.source.config)) == tuple(first)


def test_files_found_at_the_start_are_skipped_to_their_end_unless_they_are_known(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    rig.write("a.log", lines(4, 4))
    rig.write("b.log", lines(11, 13))
    rig.make(skipToEnd="true")
    rig.start()
    assert rig.positions() == {"a.log": 21, "b.log": 24}, "saved at once"
    assert rig.catch_up() == bodies(4, 4)
    rig.write("b.log", lines(14, 14))
    rig.write("c.log", lines(21, 22))
    assert sorted(rig.catch_up()) == [*bodies(14, 14), *bodies(21, 22)]


def test_positions_of_files_in_a_directory_that_is_missing_for_a_while_are_kept(rig: Rig) -> None:
    rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    away = rig.logs.with_name("away")
    rig.logs.rename(away)
    assert rig.pass_time(LONG) == []
    assert rig.pass_time(LONG) == []
    assert rig.save() == {"a.log": 21}
    assert rig.source.summary() == [f"{rig.logs} cannot be read: No such file or directory"]
    away.rename(rig.logs)
    rig.write("a.log", lines(4, 4))
    assert rig.pass_time(LONG) == bodies(4, 4)
    assert rig.source.summary() == []


def test_a_position_whose_file_is_missing_is_kept_while_its_directory_cannot_be_listed(
    rig: Rig,
) -> None:
    path = rig.write("a.log", lines(1, 3))
    rig.start()
    rig.catch_up()
    rig.source.stop()
    elsewhere = path.rename(rig.logs.parent / "a.log")
    rig.make().start()
    rig.catch_up()
    away = rig.logs.rename(rig.logs.with_name("away"))
    rig.pass_time(LONG)
    rig.pass_time(LONG)
    away.rename(rig.logs)
    elsewhere.rename(path)
    rig.write("a.log", lines(4, 4))
    assert rig.catch_up() == bodies(4, 4)
