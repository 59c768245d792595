from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.core.cli.programs import flow, parts, run

MISTAKES = {
    "sources__r1__type": ("taildirr", "taildir"),
    "sources__r1__channels": ("c1 c7", "c7"),
    "sources__r1__batchSze": ("10", "batchSize"),
    "sources__r1__interceptors": ("i1", "i1"),
    "channels__c1__capacity": ("many", "whole number"),
    "channels__c1__transactionCapacity": ("-5", "greater than 0"),
    "channels__c1__keepAlive": ("3", "keep-alive"),
    "sinks__k1__channel": ("c2", "c2"),
    "sinks__k1__sink__serializer": ("txt", "text"),
    "sink": ("k1", "sinks"),
}


def test_ten_mistakes_are_ten_errors_with_line_and_cure(tmp_path: Path) -> None:
    changes = {key: value for key, (value, _) in MISTAKES.items()}
    # A misspelt type hides what its own properties say, so that line is of a second source.
    changes |= {
        "sources": "r1 r2",
        "sources__r1__type": "taildir",
        "sources__r2__type": "taildirr",
        "sources__r2__channels": "c1",
    }
    conf = flow(tmp_path, **changes)

    ended = run("flume", "check", conf, cwd=tmp_path)

    assert ended.returncode == 1
    blocks = ended.stdout.strip().split("\n\n")
    errors = [block for block in blocks if ": error: " in block]
    lines = conf.read_text().splitlines()
    assert len(errors) == 10, ended.stdout
    for block in errors:
        number = int(block.removeprefix(f"{conf}:").partition(":")[0])
        assert block.splitlines()[1].strip() == lines[number - 1]
        assert "\n    cure: " in block
    for _, hint in MISTAKES.values():
        assert hint in ended.stdout
    assert blocks[-1].endswith("agent a1: 10 errors")


def test_a_sound_file_is_said_to_have_no_problems_and_what_its_flows_promise(
    tmp_path: Path,
) -> None:
    ended = run("flume", "check", flow(tmp_path), cwd=tmp_path)

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].endswith("agent a1: no problems")
    assert "a1: r1 (taildir) -> c1 (memory) -> k1 (file_roll): a kill loses" in ended.stdout


def test_check_starts_nothing(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    (tmp_path / "in" / "app.log").write_bytes(b"line\n")

    run("flume", "check", conf, cwd=tmp_path)

    assert not list((tmp_path / "out").iterdir())
    assert not (tmp_path / "position.json").exists()


def test_run_refuses_with_the_reason_last_and_starts_nothing(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__channel="c2")
    (tmp_path / "in" / "app.log").write_bytes(b"line\n")

    ended = run("flume", "run", conf, "--until-idle", cwd=tmp_path)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "c2" in ended.stderr.strip().rpartition("\n\n")[2]
    assert not (tmp_path / "position.json").exists()


def test_what_only_the_start_finds_out_is_a_configuration_error_too(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__type="parts:RefusedSink", sinks__k1__sink__directory="")

    ended = run("flume", "run", conf, "--until-idle", cwd=tmp_path, env=parts(tmp_path))

    assert ended.returncode == 1
    assert "the store knows no such table" in ended.stderr.splitlines()[-1]


def test_json_logs_have_a_record_for_each_problem(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__channel="c2", channels__c1__capacity="many")

    ended = run("flume", "run", conf, "--log-format", "json", cwd=tmp_path)

    records = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert {record["key"] for record in records} >= {
        "a1.sinks.k1.channel",
        "a1.channels.c1.capacity",
    }
    assert all(record["cure"] and record["line"] for record in records)


@pytest.mark.parametrize("program", ["flume", "flume-ng"])
def test_an_agent_that_is_not_in_the_file_is_a_configuration_error(
    tmp_path: Path, program: str
) -> None:
    conf = flow(tmp_path)
    start = ["run", conf] if program == "flume" else ["agent", "-f", conf]

    ended = run(program, *start, "-n", "b1", cwd=tmp_path)

    assert ended.returncode == 1
    assert "a1" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, command: str) -> None:
    ended = run("flume", command, "missing.conf", cwd=tmp_path)

    assert ended.returncode == 1
    assert "missing.conf" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_warnings_alone_are_no_failure_unless_strict(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__sink__rollInterval="${env:NOT_SET_ANYWHERE:-0}")
    conf.write_text(conf.read_text() + "a1.channels.c1.capacity = 20000\n")

    plain = run("flume", "check", conf, cwd=tmp_path)
    strict = run("flume", "check", conf, "--strict", cwd=tmp_path)
    running = run("flume", "run", conf, "--until-idle", cwd=tmp_path)
    refused = run("flume", "run", conf, "--until-idle", "--strict", cwd=tmp_path)

    assert plain.stdout.splitlines()[-1].endswith("1 warning")
    assert [plain.returncode, strict.returncode] == [0, 1]
    assert [running.returncode, refused.returncode] == [0, 1]
    assert " WARN " in running.stderr


def test_what_java_puts_up_with_runs_under_its_own_launcher_only(tmp_path: Path) -> None:
    conf = flow(tmp_path, channels__c1__unknown="1")

    assert run("flume", "check", conf, cwd=tmp_path).returncode == 1
    compatible = run("flume", "check", conf, "--compatible", cwd=tmp_path)
    assert compatible.returncode == 0
    assert compatible.stdout.splitlines()[-1].endswith("1 warning")


def test_lenient_runs_go_on_without_a_broken_component(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks="k1 k2", sinks__k2__type="nothing_like_it", sinks__k2__channel="c1")
    (tmp_path / "in" / "app.log").write_bytes(b"line\n")

    ended = run("flume", "run", conf, "--until-idle", "--lenient", cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert "k2 is dropped" in ended.stderr
    assert "1 events in, 1 out" in ended.stderr
