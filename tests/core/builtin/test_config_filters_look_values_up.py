from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from flume_core._builtin.config_filters import EnvironmentFilter, ExternalProcessFilter
from flume_core.config.model import ComponentConfig
from flume_core.errors import ConfigurationError
from tests.core.builtin.contexts import component_context


def program(folder: Path, script: str) -> Path:
    """An executable that runs a Python script."""
    path = folder / "vault"
    path.write_text(f"#!{sys.executable}\nimport sys, os, time\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def external(command: object, **settings: str) -> ExternalProcessFilter:
    config = ExternalProcessFilter.config_model.model_validate(
        {"command": str(command), **settings}
    )
    return ExternalProcessFilter(config, component_context("f1"))


def test_env_gives_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUME_SECRET", "s3 cret")
    monkeypatch.setenv("FLUME_EMPTY", "")
    monkeypatch.delenv("FLUME_MISSING", raising=False)
    env = EnvironmentFilter(ComponentConfig(), component_context("f1"))
    assert env.lookup("FLUME_SECRET") == "s3 cret"
    assert env.lookup("FLUME_EMPTY") == ""
    assert env.lookup("FLUME_MISSING") is None


def test_external_gets_the_words_of_the_command_and_the_key_last(tmp_path: Path) -> None:
    vault = program(tmp_path, "print('|'.join(sys.argv[1:]))")
    assert external(f" {vault}  get\t'a  $HOME ").lookup("pass word") == "get|'a|$HOME|pass word"


def test_external_reads_nothing_from_the_terminal(tmp_path: Path) -> None:
    vault = program(tmp_path, "print(repr(sys.stdin.read()))")
    assert external(vault).lookup("k") == "''"


@pytest.mark.parametrize("end", [r"", r"\n", r"\r\n", r"\r"])
def test_external_gives_the_first_line_without_its_end(
    tmp_path: Path, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    vault = program(tmp_path, f"os.write(1, b' s3cret {end}')")
    assert external(vault).lookup("k") == " s3cret "
    assert not caplog.messages


def test_external_warns_about_more_lines_without_showing_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = program(tmp_path, r"os.write(1, b's3cret\nother\n')")
    assert external(vault).lookup("k") == "s3cret"
    (message,) = caplog.messages
    assert "printed 2 lines for key k" in message
    assert "s3cret" not in message


def test_external_warns_about_no_output_and_has_no_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = program(tmp_path, "pass")
    assert external(vault).lookup("k") is None
    (message,) = caplog.messages
    assert "printed nothing for key k" in message


def test_external_fails_with_what_the_program_said(tmp_path: Path) -> None:
    vault = program(tmp_path, "print('half'); sys.exit('the vault is sealed')")
    with pytest.raises(ConfigurationError, match=r"f1: .*vault .*key k: exit code 1: the vault is"):
        external(vault).lookup("k")


def test_external_fails_if_the_program_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be run: No such file"):
        external(tmp_path / "missing").lookup("k")
    with pytest.raises(ConfigurationError, match=r"cannot be run: .*null"):
        external(program(tmp_path, "pass")).lookup("k\0")


def test_external_ends_a_program_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExternalProcessFilter, "timeout", 0.3)
    mark = tmp_path / "pid"
    vault = program(tmp_path, f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(ConfigurationError, match=r"did not end within 0\.3 s"):
        external(vault).lookup("k")
    deadline = time.monotonic() + 5
    while mark.exists() and mark.read_text() and _runs(int(mark.read_text())):
        assert time.monotonic() < deadline, "the program still runs"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_external_decodes_with_its_charset(tmp_path: Path) -> None:
    vault = program(tmp_path, r"os.write(1, b'stra\xdfe\n')")
    assert external(vault, charset="ISO-8859-1").lookup("k") == "straße"
    with pytest.raises(ConfigurationError, match="its output is not UTF-8; set charset"):
        external(vault).lookup("k")


def test_external_needs_a_command_and_a_charset_that_exists() -> None:
    with pytest.raises(ValidationError, match="no program is named"):
        external("  ")
    with pytest.raises(ValidationError, match="no character encoding 'EBCDIC-99'"):
        external("true", charset="EBCDIC-99")
    with pytest.raises(ValidationError, match="no character encoding 'hex'"):
        external("true", charset="hex")
