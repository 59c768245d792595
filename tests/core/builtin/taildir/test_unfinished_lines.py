from __future__ import annotations

from tests.core.builtin.taildir.rig import LONG, Rig, bodies, lines


def test_a_last_line_without_newline_waits_for_its_end(rig: Rig) -> None:
    rig.write("a.log", "line 1\nli")
    rig.start()
    assert rig.catch_up() == ["line 1"]
    rig.write("a.log", "ne")
    assert rig.catch_up() == []
    assert rig.save() == {"a.log": 7}
    rig.write("a.log", " 2\nlast")
    assert rig.catch_up() == ["line 2"]


def test_an_unfinished_line_is_left_for_the_next_run_and_told_in_the_summary(rig: Rig) -> None:
    path = rig.write("a.log", "line 1\nunfinished")
    rig.start()
    rig.catch_up()
    rig.source.stop()
    assert rig.source.summary() == [
        f"{path}: 10 bytes of an unfinished last line are left for the next run"
    ]
    rig.make()
    rig.write("a.log", " no more\n")
    rig.start()
    assert rig.catch_up() == ["unfinished no more"]
    assert rig.source.summary() == []


def test_an_unfinished_line_of_an_idle_file_is_emitted_and_its_rest_is_another_event(
    rig: Rig,
) -> None:
    rig.write("a.log", "line 1\nunfin")
    rig.start()
    rig.catch_up()
    assert rig.pass_time(60) == []
    assert rig.pass_time(61) == ["unfin"]
    assert rig.save() == {"a.log": 12}
    assert rig.pass_time(LONG) == []
    rig.write("a.log", "ished\nline 3\n")
    assert rig.catch_up() == ["ished", "line 3"]


def test_a_file_is_not_idle_while_its_unfinished_line_grows(rig: Rig) -> None:
    rig.write("a.log", "a")
    rig.start()
    rig.catch_up()
    for letter in "bcd":
        rig.write("a.log", letter)
        assert rig.pass_time(100) == []
    assert rig.pass_time(121) == ["abcd"]


def test_the_unfinished_line_of_a_file_renamed_away_is_emitted_when_it_is_idle(rig: Rig) -> None:
    rig.write("a.log", "line 1\nlast words")
    rig.start()
    rig.catch_up()
    rig.rename("a.log", "a.old")
    assert rig.catch_up() == []
    assert rig.pass_time(121) == ["last words"]
    assert rig.save() == {}


def test_an_idle_file_is_opened_again_when_it_grows(rig: Rig) -> None:
    rig.write("a.log", lines(1, 2))
    rig.start()
    rig.catch_up()
    rig.pass_time(LONG)
    assert rig.save() == {"a.log": 14}
    rig.write("a.log", lines(3, 4))
    assert rig.catch_up() == bodies(3, 4)


def test_a_line_that_ends_while_it_is_emitted_for_idleness_stays_whole(rig: Rig) -> None:
    rig.write("a.log", "whole")
    rig.start()
    rig.catch_up()
    rig.clock.now += 121
    tracker = rig.source._tracker
    assert tracker is not None
    tracker.scan(rig.clock.now)  # it is found to be idle ...
    rig.write("a.log", " line\n")  # ... and goes on before its turn
    assert rig.catch_up() == ["whole", " line"]  # as in Flume: what was there is emitted
