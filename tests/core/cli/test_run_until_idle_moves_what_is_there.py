from __future__ import annotations

import json
import re
from pathlib import Path

from tests.core.cli.programs import flow, parts, run, written

LINES = b"".join(b"line %d\n" % n for n in range(2500))


def test_every_line_arrives_and_a_summary_says_so(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    ended = run("flume", "run", conf, "--until-idle", cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert written(tmp_path) == LINES
    assert ended.stdout == ""
    last = ended.stderr.splitlines()[-1]
    assert re.search(r"agent a1: 2,500 events in, 2,500 out, [\d.]+ s, [\d,]+ events/s$", last)


def test_a_second_run_moves_only_what_came_since(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    log = tmp_path / "in" / "app.log"
    log.write_bytes(LINES)
    run("flume", "run", conf, "--until-idle", cwd=tmp_path)
    with log.open("ab") as file:
        file.write(b"one more\n")

    ended = run("flume", "run", conf, "--until-idle", cwd=tmp_path)

    assert "1 events in, 1 out" in ended.stderr
    assert written(tmp_path).count(b"\n") == 2501


def test_an_unfinished_last_line_stays_for_the_next_run_and_is_mentioned(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    (tmp_path / "in" / "app.log").write_bytes(b"whole\nhal")

    ended = run("flume", "run", conf, "--until-idle", cwd=tmp_path)

    assert written(tmp_path) == b"whole\n"
    assert str(tmp_path / "in" / "app.log") in ended.stderr


def test_an_agent_without_input_ends_at_once_and_cleanly(tmp_path: Path) -> None:
    ended = run("flume", "run", flow(tmp_path), "--until-idle", cwd=tmp_path)

    assert ended.returncode == 0
    assert "0 events in, 0 out" in ended.stderr


def test_a_sink_that_keeps_failing_ends_the_run_with_3_and_the_reason_last(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="parts:AwaySink", sinks__k1__sink__directory="")
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    ended = run(
        *("flume", "run", conf, "--until-idle", "--give-up-after", "0.2", "--drain-timeout", "0"),
        cwd=tmp_path,
        env=parts(tmp_path),
    )

    assert ended.returncode == 3
    last = ended.stderr.splitlines()[-1]
    assert "SINK.k1 has been failing" in last
    assert "the store is away" in last


def test_a_sink_that_cannot_start_ends_the_run_in_the_same_way(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="parts:DeafSink", sinks__k1__sink__directory="")
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    ended = run(
        *("flume", "run", conf, "--until-idle", "--give-up-after", "0.2", "--drain-timeout", "0"),
        cwd=tmp_path,
        env=parts(tmp_path),
    )

    assert ended.returncode == 3
    assert "nobody listens" in ended.stderr.splitlines()[-1]


def test_a_channel_that_cannot_start_ends_the_run_in_the_same_way(tmp_path: Path) -> None:
    conf = flow(
        tmp_path,
        channels__c1__type="parts:LockedChannel",
        channels__c1__capacity="",
        channels__c1__transactionCapacity="",
    )

    ended = run(
        *("flume", "run", conf, "--until-idle", "--give-up-after", "0.2"),
        cwd=tmp_path,
        env=parts(tmp_path),
    )

    assert ended.returncode == 3
    assert "somebody else has the lock" in ended.stderr.splitlines()[-1]


def test_quiet_prints_nothing_when_nothing_is_wrong(tmp_path: Path) -> None:
    ended = run("flume", "run", flow(tmp_path), "--until-idle", "-q", cwd=tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_logger_sink_prints_even_then(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="logger", sinks__k1__sink__directory="")
    (tmp_path / "in" / "app.log").write_bytes(b"hello\n")

    ended = run("flume", "run", conf, "--until-idle", "-q", cwd=tmp_path)

    assert ended.stderr == ""
    assert "hello" in ended.stdout


def test_verbose_runs_say_more(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    plain = run("flume", "run", conf, "--until-idle", cwd=tmp_path).stderr
    more = run("flume", "run", conf, "--until-idle", "-vv", cwd=tmp_path).stderr

    assert len(more.splitlines()) > len(plain.splitlines())
    assert " DEBUG " in more


def test_the_json_format_gives_an_object_a_line(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    ended = run("flume", "run", conf, "--until-idle", "--log-format", "json", cwd=tmp_path)

    records = [json.loads(line) for line in ended.stderr.splitlines()]
    assert {"time", "level", "logger", "message"} <= records[0].keys()
    assert (records[-1]["in"], records[-1]["out"]) == (2500, 2500)


def test_properties_from_the_command_line_fill_in_sys_variables(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__sink__directory="${sys:target}/out")
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    ended = run("flume", "run", f"-Dtarget={tmp_path}", conf, "--until-idle", cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert written(tmp_path) == LINES


def test_java_s_own_properties_are_there(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__sink__directory="${sys:user.dir}${sys:file.separator}out")
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    assert run("flume", "run", conf, "--until-idle", cwd=tmp_path).returncode == 0
    assert written(tmp_path) == LINES


def test_of_several_files_the_later_ones_override(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__sink__directory="/nowhere")
    site = tmp_path / "site.properties"
    site.write_text(f"a1.sinks.k1.sink.directory = {tmp_path}/out\n")
    (tmp_path / "in" / "app.log").write_bytes(LINES)

    ended = run("flume", "run", conf, site, "--until-idle", cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert written(tmp_path) == LINES


def test_one_of_two_agents_needs_its_name(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    text = conf.read_text()
    conf.write_text(text + text.replace("a1.", "a2.").replace("position.json", "position2.json"))

    without = run("flume", "run", conf, "--until-idle", cwd=tmp_path)
    named = run("flume", "run", conf, "-n", "a2", "--until-idle", cwd=tmp_path)

    assert without.returncode == 1
    assert "a1, a2" in without.stderr
    assert named.returncode == 0
    assert "agent a2: 0 events in" in named.stderr
