from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flume_core._builtin.taildir.config import TaildirConfig
from flume_core._builtin.taildir.javaregex import compile_java
from flume_core._builtin.taildir.matcher import split_pattern
from tests.core.builtin.taildir.rig import Rig, bodies, lines

LEAST = {"filegroups": "f1", "filegroups.f1": r"/var/log/.*\.log"}


def config(**settings: Any) -> TaildirConfig:
    return TaildirConfig.model_validate({**LEAST, **settings})


def test_the_defaults_are_those_of_flume(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = config()
    assert made.position_file == os.path.realpath(tmp_path / ".flume/taildir_position.json")
    assert (made.batch_size, made.max_batch_count) == (100, 2**63 - 1)
    assert (made.idle_timeout, made.write_pos_interval) == (120_000, 3000)
    assert (made.backoff_sleep_increment, made.max_backoff_sleep) == (1000, 5000)
    assert made.cache_pattern_matching is True
    assert made.byte_offset_header is made.skip_to_end is made.file_header is False
    assert made.file_header_key == "file"
    assert made.max_line_length == 64 * 1024 * 1024


def test_every_property_is_spelled_as_in_flume() -> None:
    made = config(
        **{
            "filegroups": "f1 f2",
            "filegroups.f2": "/var/log/app.log",
            "positionFile": "/tmp/p.json",
            "headers.f1.key.with.dots": "v",
            "byteOffsetHeader": "true",
            "skipToEnd": "true",
            "idleTimeout": "1",
            "writePosInterval": "2",
            "batchSize": "3",
            "maxBatchCount": "4",
            "cachePatternMatching": "false",
            "fileHeader": "true",
            "fileHeaderKey": "path",
            "backoffSleepIncrement": "5",
            "maxBackoffSleep": "6",
        }
    )
    assert made.filegroups == ("f1", "f2")
    assert made.headers == {"f1.key.with.dots": "v"}
    assert (made.idle_timeout, made.write_pos_interval, made.batch_size) == (1, 2, 3)
    assert (made.max_batch_count, made.file_header_key) == (4, "path")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"filegroups": ""}, "no group has files"),
        ({"filegroups": "f9"}, r"filegroups\.f9 = /var/log/app"),
        ({"filegroups.f1": "/var/log/*.log"}, r"for \*\.log write \.\*\\\.log"),
        ({"filegroups.f1": "/var/log/["}, "not a regular expression"),
        ({"filegroups.f1": "/"}, "names no file"),
        ({"filegroups.f1": r"/var/log/\p{IsGreek}.*"}, r"\\p\{IsGreek\} of Java"),
        ({"positionFile": ""}, "no file is named"),
        ({"batchSize": "0"}, "greater than 0"),
        ({"maxBatchCount": "0"}, "greater than 0"),
        ({"maxLineLength": "1000"}, "greater than or equal to 1048576"),
        ({"batchsize": "10"}, "batchsize"),
        ({"skipToEnd": "yes"}, "neither true nor false"),
    ],
)
def test_what_is_wrong_is_refused_with_a_cure(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        config(**settings)


def test_a_listed_group_without_files_and_an_unlisted_one_are_ignored_with_a_warning(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.write("a.log", lines(1, 2))
    rig.make(**{"filegroups": "empty g", "filegroups.other": "/nowhere/.*", "headers.third.a": "b"})
    rig.start()
    for told in ("filegroups.empty is missing", "group other is not in", "group third is not in"):
        assert told in caplog.text
    assert rig.catch_up() == bodies(1, 2)


def test_the_directory_is_literal_and_only_the_name_is_an_expression(rig: Rig) -> None:
    odd = rig.logs / "a+b.(c)"
    odd.mkdir()
    (odd / "one.log").write_text(lines(1, 2))
    (odd / "one.log.gz").write_text(lines(3, 4))
    rig.make(**{"filegroups.g": f"{odd}/one.log"})
    rig.start()
    assert rig.catch_up() == bodies(1, 2)


@pytest.mark.parametrize(
    ("pattern", "directory", "name"),
    [
        (r"/var/log/.*\.log", "/var/log", r".*\.log"),
        ("/var/log/", "/var", "log"),
        ("/app.log", "/", "app.log"),
        ("/var//log/x", "/var/log", "x"),
        ("logs/x", f"{os.getcwd()}/logs", "x"),
    ],
)
def test_a_pattern_is_split_at_the_last_slash(pattern: str, directory: str, name: str) -> None:
    assert split_pattern(pattern) == (directory, name)


@pytest.mark.parametrize(
    ("java", "matching", "others"),
    [
        (r".*\.log", "a.log", "a.log.1 alog"),
        (r"app-\d{4}-\d\d\.log", "app-2024-01.log", "app-٢٠٢٤-01.log app-24-01.log"),
        (r"\p{Alpha}+\p{Digit}*", "abc abc12 Abc", "1abc é"),
        (r"[\p{Upper}_]+", "A_B", "a_B"),
        (r"\P{Digit}+", "abc", "a1"),
        (r"\Qa.b(c\E.*", "a.b(cde", "axb(cde"),
        (r"\Qa.b", "a.b", "axb"),
        (r"(?<day>\d+)-\k<day>", "12-12", "12-13"),
        (r"(?i)app\.LOG", "APP.log", "apk.log"),
        (r"a++b", "aab", "ab+"),
        (r"(?>a|ab)c", "ac", "abc"),
        (r"[^\p{Punct}]+", "abc", "a.c"),
        (r"[]x]+", "]x", "["),
        (r"a\x{41}\x41\u0041\0101\cA*\z", "aAAAA", "aA"),
        (r"(?<!x)a|b(?=c).|(?<=)d", "a bc d", "bd"),
    ],
)
def test_java_expressions_match_what_they_match_in_java(
    java: str, matching: str, others: str
) -> None:
    compiled = compile_java(java)
    assert all(compiled.fullmatch(name) for name in matching.split())
    assert not any(compiled.fullmatch(name) for name in others.split())


@pytest.mark.parametrize(
    "java",
    [
        "*.log",
        "[a",
        "(a",
        r"\p{L}",
        r"\pL",
        r"[\P{Alpha}]",
        "[a-z&&[^b]]",
        "[a[b]]",
        r"\h+",
        r"\R",
        r"a(?i)b",
        r"\y",
        r"(?<1>a)",
    ],
)
def test_what_python_cannot_match_the_same_way_is_refused(java: str) -> None:
    with pytest.raises(ValueError, match=r"Java|not a regular expression"):
        compile_java(java)
