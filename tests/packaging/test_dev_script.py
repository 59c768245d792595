"""dev.py: what it takes for complete, what it does over, and what it never deletes or believes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import dev
from tests.support.distributions import ROOT


@pytest.fixture
def environment(tmp_path: Path) -> dev.Environment:
    """A clone with a complete environment, as far as its stamp is concerned."""
    (tmp_path / "pyproject.toml").write_text(
        '[dependency-groups]\ntest = ["pytest"]\ndev = [{ include-group = "test" }, "ruff"]\n'
    )
    for folder in ("core", "plugins/flume-one", "constraints"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("core/pyproject.toml", "plugins/flume-one/pyproject.toml", "constraints/dev.txt"):
        (tmp_path / file).touch()
    environment = dev.Environment(tmp_path)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    environment.write_stamp(environment.wanted())
    return environment


def missing(environment: dev.Environment, *, for_tests: bool = True) -> str:
    return environment.missing(environment.stamp(), dev=for_tests)


def test_a_complete_environment_is_used_as_it_is(environment: dev.Environment) -> None:
    assert missing(environment) == "nothing"
    assert missing(environment, for_tests=False) == "nothing"


def test_tests_need_more_than_the_demo_installed(environment: dev.Environment) -> None:
    environment.write_stamp({k: v for k, v in environment.wanted().items() if k != "dev"})

    assert missing(environment, for_tests=False) == "nothing"
    assert missing(environment) == "packages"
    assert environment.dev_group() == ["pytest", "ruff"]


@pytest.mark.parametrize(
    "file", ["core/pyproject.toml", "plugins/flume-one/pyproject.toml", "constraints/dev.txt"]
)
def test_changed_requirements_are_installed(environment: dev.Environment, file: str) -> None:
    (environment.root / file).write_text("# changed")

    assert missing(environment, for_tests=False) == "packages"


def test_a_new_plugin_is_installed(environment: dev.Environment) -> None:
    (environment.root / "plugins/flume-two").mkdir()
    (environment.root / "plugins/flume-two/pyproject.toml").touch()

    assert missing(environment, for_tests=False) == "packages"


@pytest.mark.parametrize("what", ["creation", "installation"])
def test_what_was_interrupted_is_done_over(environment: dev.Environment, what: str) -> None:
    environment.write_stamp(environment.wanted() | {"unfinished": what})

    assert missing(environment, for_tests=False) == "everything"


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_stamp_means_everything_is_done_over(
    environment: dev.Environment, content: str
) -> None:
    environment.stamp_file.write_text(content)

    assert missing(environment, for_tests=False) == "everything"


def test_an_environment_whose_python_is_gone_is_made_anew(environment: dev.Environment) -> None:
    environment.python.unlink()
    environment.python.symlink_to("python-that-was-removed")

    assert missing(environment, for_tests=False) == "everything"


def test_a_clone_that_was_moved_gets_a_new_environment(
    environment: dev.Environment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moved = tmp_path_factory.mktemp("elsewhere") / "clone"
    environment.root.rename(moved)

    assert missing(dev.Environment(moved), for_tests=False) == "everything"


def test_an_environment_of_our_own_is_removed_whole(environment: dev.Environment) -> None:
    (environment.path / "lib64").symlink_to("lib")

    environment.remove()

    assert not environment.path.exists()
    environment.remove()


def test_an_environment_that_somebody_else_made_is_left_alone(environment: dev.Environment) -> None:
    environment.stamp_file.unlink()

    with pytest.raises(dev.Failure, match="did not make"):
        environment.remove()

    assert environment.python.exists()


def test_a_python_without_ensurepip_is_told_what_to_install_and_nothing_is_deleted(
    environment: dev.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        dev.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object()
    )

    with environment.lock() as lock, pytest.raises(dev.Failure, match="sudo apt install python3"):
        environment.create(lock)

    assert environment.python.exists()


def test_two_set_ups_of_one_clone_take_turns(
    environment: dev.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    said: list[str] = []
    monkeypatch.setattr(dev, "say", said.append)

    def second() -> None:
        with environment.lock():
            order.append("second")

    with environment.lock():
        waiting = threading.Thread(target=second)
        waiting.start()
        deadline = time.monotonic() + 30
        while not said and time.monotonic() < deadline:
            time.sleep(0.005)
        order.append("first")
    waiting.join(30)

    assert said == ["another set-up of this clone is under way; waiting for it"]
    assert order == ["first", "second"]


LINES = [b"one\n", b"two\n", b"three\n"]


def moved(tmp_path: Path, *files: list[bytes]) -> int:
    log = tmp_path / "app.log"
    log.write_bytes(b"".join(LINES))
    rolled = tmp_path / "rolled"
    rolled.mkdir()
    for number, lines in enumerate(files, 1):
        (rolled / f"1772000000000-{number}").write_bytes(b"".join(lines))
    return dev.compare(log, dev.rolled_files(rolled))


def test_the_demo_accepts_output_that_is_whole_and_in_order(tmp_path: Path) -> None:
    assert moved(tmp_path, LINES[:1], [], LINES[1:]) == 3


@pytest.mark.parametrize(
    "lines",
    [LINES[:2], [*LINES, b"three\n"], LINES[::-1], [b"one\n", b"tw\n", b"three\n"], []],
    ids=["lost", "repeated", "out of order", "altered", "nothing"],
)
def test_the_demo_fails_on_output_that_is_not(tmp_path: Path, lines: list[bytes]) -> None:
    with pytest.raises(dev.Failure, match="did not arrive as it was"):
        moved(tmp_path, lines)


def test_rolled_files_are_ordered_by_their_numbers(tmp_path: Path) -> None:
    for name in ("1772000000000-10", "1772000000000-9", "999-1"):
        (tmp_path / name).write_bytes(b"x")

    names = [file.name for file in dev.rolled_files(tmp_path)]

    assert names == ["999-1", "1772000000000-9", "1772000000000-10"]


def test_the_demo_keeps_out_of_a_directory_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()

    with pytest.raises(dev.Failure, match="not empty"), dev.demo_directory(tmp_path):
        pass

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_demo_begins_afresh_in_its_own_directory(tmp_path: Path) -> None:
    with dev.demo_directory(tmp_path) as directory:
        (directory / "logs").mkdir()
        (directory / "taildir_position.json").touch()

    with dev.demo_directory(tmp_path) as directory:
        assert [file.name for file in directory.iterdir()] == [".flume-demo"]


def test_a_failed_demo_leaves_its_files_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with pytest.raises(dev.Failure) as failed, dev.demo_directory(None):
        raise dev.Failure("the agent ended with exit code 3.", 3)

    (left,) = tmp_path.iterdir()
    assert failed.value.code == 3
    assert f"everything is still in {left}" in str(failed.value)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "dev.py"), *words], capture_output=True, text=True, check=False
    )


def test_help_names_every_command() -> None:
    outcome = command("--help")

    assert outcome.returncode == 0
    assert all(name in outcome.stdout for name in ("demo", "test", "bench", "setup", "clean"))


@pytest.mark.parametrize("words", [[], ["unknown"], ["demo", "--lines", "many"]])
def test_a_wrong_command_line_is_exit_code_2(words: list[str]) -> None:
    assert command(*words).returncode == 2
