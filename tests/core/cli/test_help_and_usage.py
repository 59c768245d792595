from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.core.cli.programs import command, flow, run
from tests.core.plugins.fake_packages import install

HOOKS = """
from flume_core.hooks import hookimpl

@hookimpl
def flume_cli_commands(commands):
    parser = commands.add_parser("greet", help="say hello")
    parser.add_argument("whom")
    parser.set_defaults(run=greet)

def greet(arguments):
    print("hello", arguments.whom)
    return 7
"""


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"], ["-h"]])
def test_help_lists_commands_examples_and_exit_codes(tmp_path: Path, arguments: list[str]) -> None:
    ended = run("flume", *arguments, cwd=tmp_path)

    assert ended.returncode == 0
    for text in ("run", "check", "components", "version", "examples:", "exit codes:"):
        assert text in ended.stdout


@pytest.mark.parametrize("name", ["run", "check", "components", "version"])
def test_help_explains_each_command(tmp_path: Path, name: str) -> None:
    asked = run("flume", "help", name, cwd=tmp_path)

    assert asked.returncode == 0
    assert asked.stdout.startswith(f"usage: flume {name}")
    assert asked.stdout == run("flume", name, "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_version_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    ended = run("flume", *arguments, cwd=tmp_path)

    assert ended.returncode == 0
    assert ended.stdout.startswith("Flume 0.1.0 (Python 3.")
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum", "x.conf"], "rum"),
        (["run"], "FILE"),
        (["run", "x.conf", "--until-idel"], "--until-idel"),
        (["run", "x.conf", "--give-up-after", "soon"], "'soon' is not a number of seconds"),
        (["run", "x.conf", "--drain-timeout", "-1"], "'-1' is not a number of seconds"),
        (["run", "x.conf", "-v", "-q"], "not allowed with"),
        (["run", "x.conf", "--strict", "--lenient"], "not allowed with"),
        (["run", "x.conf", "--log-format", "xml"], "xml"),
        (["components", "nothing_like_it"], "nothing_like_it"),
    ],
)
def test_mistakes_of_usage_exit_with_2_and_the_reason_last(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = run("flume", *arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert said in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_commands_of_hooks_are_there_and_in_the_help(tmp_path: Path) -> None:
    install(
        tmp_path, "greeter", {"flume.hooks": {"greeter": "greeter_hooks"}}, {"greeter_hooks": HOOKS}
    )
    env = {"PYTHONPATH": str(tmp_path)}

    greeted = run("flume", "greet", "you", cwd=tmp_path, env=env)

    assert (greeted.returncode, greeted.stdout) == (7, "hello you\n")
    assert "say hello" in run("flume", "--help", cwd=tmp_path, env=env).stdout


def test_a_reader_that_goes_away_gets_no_traceback_back(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*command("flume"), "components"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate(timeout=60)

    assert process.returncode == 141
    assert said == b""


def test_a_failure_nobody_foresaw_is_one_line_and_a_traceback_with_v(tmp_path: Path) -> None:
    conf = flow(tmp_path)
    broken = "import flume_core._runtime.load as l\ndef f(*a, **k): raise KeyError('x')\nl.load_plan = f\n"
    (tmp_path / "sitecustomize.py").write_text(broken)
    env = {"PYTHONPATH": str(tmp_path)}

    plain = run("flume", "run", conf, cwd=tmp_path, env=env)
    verbose = run("flume", "run", conf, "-v", cwd=tmp_path, env=env)

    assert (plain.returncode, verbose.returncode) == (3, 3)
    assert "Traceback" not in plain.stderr
    assert "KeyError: 'x'" in plain.stderr.splitlines()[-1]
    assert "Traceback" in verbose.stderr
