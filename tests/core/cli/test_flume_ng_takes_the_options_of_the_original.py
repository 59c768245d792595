from __future__ import annotations

import shlex
import signal
from pathlib import Path

import pytest

from flume_core._cli.agent_options import parse_agent
from flume_core._cli.failures import UsageFailure
from tests.core.cli.programs import flow, run, started, wait_until_written

LINES = b"".join(b"line %d\n" % n for n in range(2500))


def test_an_agent_runs_as_with_the_original(tmp_path: Path) -> None:
    conf = flow(tmp_path, channels__c1__unknown="java ignores it")
    (tmp_path / "conf").mkdir()
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started(
        *("flume-ng", "agent", "-n", "a1", "-c", "conf", "-f", conf, "-Xmx1g"), cwd=tmp_path
    ) as agent:
        wait_until_written(tmp_path, LINES)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.end() == 0

    said = "\n".join(agent.lines)
    assert "c1.unknown" in said
    assert "Java options have no effect here: -Xmx1g" in said
    assert "not read again yet" in said
    assert "2,500 events in, 2,500 out" in agent.lines[-1]


def test_variables_of_the_configuration_directory_reach_the_configuration(tmp_path: Path) -> None:
    conf = flow(
        tmp_path,
        sinks__k1__sink__directory="${env:BASE}/out",
        sinks__k1__sink__pathManager__prefix="${sys:prefix}-",
        sinks__k1__sink__batchSize="${f['SIZE']}",
        configfilters="f",
        configfilters__f__type="env",
    )
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "flume-env.sh").write_text(
        f"export BASE={tmp_path}\nexport SIZE=10\n"
        'JAVA_OPTS="-Xms1g -Dprefix=script"\ntouch executed\n'
    )
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started(
        *("flume-ng", "agent", "--conf", "conf", "-Dprefix=line", "--name=a1", "-f", conf),
        cwd=tmp_path,
    ) as agent:
        wait_until_written(tmp_path, LINES)
        agent.process.terminate()
        assert agent.end() == 0

    assert all(file.name.startswith("line-") for file in (tmp_path / "out").iterdir())
    assert not (tmp_path / "executed").exists()


def test_the_old_resolver_takes_bare_names_from_the_environment(tmp_path: Path) -> None:
    conf = flow(tmp_path, sinks__k1__sink__directory="${BASE}/out")
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    resolver = "-DpropertiesImplementation=org.apache.flume.node.EnvVarResolverProperties"
    with started(
        *("flume-ng", "node", "-n", "a1", "-f", conf, resolver, "--no-reload-conf"),
        cwd=tmp_path,
        env={"BASE": str(tmp_path)},
    ) as agent:
        wait_until_written(tmp_path, LINES)
        agent.process.terminate()
        assert agent.end() == 0

    assert not any("not read again yet" in line for line in agent.lines)
    assert any("flume-ng agent" in line for line in agent.lines)


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        (["-n", "a2"], "name", "a2"),
        (["--name", "a2"], "name", "a2"),
        (["--name=a2"], "name", "a2"),
        (["-c", "dir"], "conf", "dir"),
        (["--conf", "dir"], "conf", "dir"),
        (["-d"], "dryrun", True),
        (["--dryrun"], "dryrun", True),
        (["--no-reload-conf"], "no_reload_conf", True),
    ],
)
def test_options_that_count(option: list[str], field: str, value: object) -> None:
    given = parse_agent(["-n", "a1", "-f", "x.conf", *option])

    assert getattr(given.options, field) == value
    assert given.files == ("x.conf",)
    assert given.notices == ()


@pytest.mark.parametrize(
    "option",
    [
        ["-C", "/opt/*"],
        ["--classpath", "/opt/*"],
        ["--plugins-path", "/a:/b"],
        ["-Xmx1g"],
        ["-XX:+UseG1GC"],
        ["-javaagent:x.jar=p"],
        ["-agentlib:jdwp"],
        ["-agentpath:/x.so"],
        ["-a", "x.Provider"],
        ["--auth-provider", "x.Provider"],
        ["-user", "me"],
        ["--conf-user", "me"],
        ["-pwd", "secret"],
        ["--conf-password", "secret"],
        ["-b", "dir"],
        ["--backup-directory", "dir"],
        ["-i", "5"],
        ["--poll-interval", "5"],
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_options_without_effect_are_taken_anywhere_and_told_in_one_line(
    option: list[str], first: bool
) -> None:
    rest = ["-n", "a1", "-f", "x.conf"]

    given = parse_agent([*option, *rest] if first else [*rest, *option])

    (notice,) = given.notices
    assert "no effect" in notice
    assert option[0].partition(":")[0] in notice
    assert "secret" not in notice


@pytest.mark.parametrize(
    "option",
    [
        ["-prov", "x.Provider"],
        ["--conf-provider", "x.Provider"],
        ["-z", "host:2181"],
        ["--zkConnString", "host:2181"],
        ["-p", "/flume"],
        ["--zkBasePath", "/flume"],
        ["-u", "http://host/flume.conf"],
        ["--conf-uri", "classpath:flume.conf"],
    ],
)
def test_options_that_would_change_what_runs_are_refused(option: list[str]) -> None:
    with pytest.raises(UsageFailure, match="not supported yet"):
        parse_agent(["-n", "a1", "-f", "x.conf", *option])


def test_several_files_stay_in_their_order() -> None:
    given = parse_agent(["-f", "a", "-n", "a1", "--conf-file", "b", "-Dx=1", "-f", "c"])

    assert given.files == ("a", "b", "c")
    assert given.definitions == ("x=1",)


def test_a_file_uri_is_a_file_and_replaces_f() -> None:
    given = parse_agent(["-n", "a1", "-f", "x", "-u", "file:///etc/a%20b.conf", "-u", "file:c"])

    assert given.files == ("/etc/a b.conf", "c")
    assert given.notices == ("-f is ignored where -u is given",)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["agent", "-f", "x.conf"], "--name"),
        (["agent", "-n", "a1"], "-f FILE"),
        (["agent", "-n", "a1", "-f", "x.conf", "--no-such-option"], "--no-such-option"),
        (["agent", "-n", "a1", "-f", "x.conf", "-z", "host"], "-z is not supported yet"),
        (["agent", "-n", "a1", "-f", "x.conf", "-D=1"], "-Dname=value"),
        (["avro-client"], "flume-avro"),
        (["tool", "fcintegritytool"], "not available"),
        (["password"], "'password' is no command"),
        ([], "no command is given"),
    ],
)
def test_mistakes_of_usage_exit_with_2_and_the_reason_last(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = run("flume-ng", *arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert said in ended.stderr.splitlines()[-1]


def test_a_dry_run_prints_a_command_and_starts_nothing(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "flume-env.sh").write_text('export WHAT="a b"\nJAVA_OPTS=-Dx=1\n')

    ended = run("flume-ng", "agent", "-d", "-n", "a1", "-c", "conf", "-f", conf, cwd=tmp_path)

    assert ended.returncode == 0
    words = shlex.split(ended.stdout)
    assert words == [
        *("WHAT=a b", "flume-ng", "agent", "-Dx=1", "-n", "a1", "-c", "conf", "-f", str(conf)),
    ]
    assert not (tmp_path / "position.json").exists()


def test_version_is_five_lines(tmp_path: Path) -> None:
    ended = run("flume-ng", "version", cwd=tmp_path)

    lines = ended.stdout.splitlines()
    assert ended.returncode == 0
    assert len(lines) == 5
    assert lines[0].split()[0] == "Flume"
    assert lines[0].split()[1][0].isdigit()


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["agent", "--help"], ["node", "-h"]])
def test_help_is_on_standard_output(tmp_path: Path, arguments: list[str]) -> None:
    ended = run("flume-ng", *arguments, cwd=tmp_path)

    assert ended.returncode == 0
    assert "flume-ng agent -n a1" in ended.stdout


@pytest.mark.parametrize(
    ("value", "shown", "hidden"),
    [
        ("ERROR,console", [], ["agent a1 runs", " WARN "]),
        ("DEBUG,console", ["agent a1 runs", " DEBUG "], []),
        ("INFO,LOGFILE", ["logs go to stderr, not to LOGFILE"], [" DEBUG "]),
        ("LOUD,console", ["'LOUD' is not one of"], [" DEBUG "]),
    ],
)
def test_the_root_logger_sets_the_level(
    tmp_path: Path, value: str, shown: list[str], hidden: list[str]
) -> None:
    conf = flow(tmp_path, channels__c1__unknown="java ignores it")
    (tmp_path / "in" / "app.log").write_bytes(LINES)
    with started(
        *("flume-ng", "agent", "-n", "a1", "-f", conf, f"-Dflume.root.logger={value}"), cwd=tmp_path
    ) as agent:
        wait_until_written(tmp_path, LINES)
        agent.process.terminate()
        assert agent.end() == 0

    said = "\n".join(agent.lines)
    assert all(text in said for text in shown)
    assert not any(text in said for text in hidden)


def test_monitoring_is_said_to_be_missing(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    with started(
        *("flume-ng", "agent", "-n", "a1", "-f", conf, "-Dflume.monitoring.type=http"), cwd=tmp_path
    ) as agent:
        agent.wait_for("monitoring is not available yet")
        agent.wait_for("agent a1 runs")
        agent.process.terminate()
        assert agent.end() == 0
