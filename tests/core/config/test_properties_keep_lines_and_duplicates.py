"""What Flume needs beyond Java's map: where each entry stands, which came last, what looks wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core.config.properties import (
    MAX_FILE_BYTES,
    duplicates,
    merge,
    parse_properties,
    read_file,
    read_properties,
    suspicious_encoding,
)
from flume_core.errors import ConfigurationError, Origin, Severity


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["comment", "blank", "entry"]),
            st.integers(min_value=0, max_value=3),
            st.sampled_from(["\n", "\r", "\r\n"]),
        )
    )
)
def test_each_entry_has_the_line_on_which_it_starts(shape: list[tuple[str, int, str]]) -> None:
    text, line = "", 1
    expected: list[tuple[str, str, int]] = []
    for number, (kind, continued, end) in enumerate(shape):
        if kind == "comment":
            text += f"  # k = v \\{end}"
        elif kind == "blank":
            text += f" \t{end}"
        else:
            text += f"k{number} = v" + f"\\{end}  # v" * continued + end
            expected.append((f"k{number}", "v" + "# v" * continued, line))
            line += continued
        line += 1

    read = parse_properties(text, "flume.conf")

    assert [(prop.key, prop.value, prop.origin.line) for prop in read] == expected
    assert all(prop.origin.file == "flume.conf" for prop in read)


def test_the_text_of_an_entry_is_its_first_line_as_written_and_shortened() -> None:
    long = "a1.sources.r1.command = " + "x" * 500
    text = f"  a1.sources\\u002er1.type = \\\n   seq\n{long}\n"

    first, second = parse_properties(text, "flume.conf")

    assert (first.key, first.value) == ("a1.sources.r1.type", "seq")
    assert first.text == "a1.sources\\u002er1.type = \\"
    assert second.text.startswith("a1.sources.r1.command = xxx")
    assert second.text.endswith("...")
    assert len(second.text) == 120


def test_all_malformed_escapes_are_reported_at_once_with_their_lines() -> None:
    text = "# C:\\users is a comment\ndir = C:\\users\nok = \\u0041\na\\u12 = \\\n  \\uwxyz\n"

    with pytest.raises(ConfigurationError) as refused:
        parse_properties(text, "conf/flume.conf")

    problems = refused.value.problems
    assert [(str(p.origin), p.key, p.text) for p in problems] == [
        ("conf/flume.conf:2", "dir", "dir = C:\\users"),
        ("conf/flume.conf:4", "au12", "a\\u12 = \\"),
        ("conf/flume.conf:4", "au12", "a\\u12 = \\"),
    ]
    assert [p.message.split()[-1] for p in problems] == ["\\users", "\\u12", "\\uwxyz"]
    assert all("\\\\u" in p.cure and p.severity is Severity.ERROR for p in problems)


def test_a_file_is_read_as_iso_8859_1_and_named_as_the_user_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flume.conf").write_bytes(b"a1.sources.r1.user = J\xfcrgen\n")
    monkeypatch.chdir(tmp_path)

    (prop,) = read_properties("flume.conf")

    assert prop.value == "Jürgen"
    assert prop.origin == Origin("flume.conf", 1)


def test_a_file_that_cannot_be_read_is_named_with_a_cure(tmp_path: Path) -> None:
    unreadable = {
        tmp_path / "absent.conf": "does not exist",
        tmp_path: "is a directory",
        tmp_path / ("a" * 300): "cannot be read",
        Path("nul\0byte"): "cannot be read",
    }
    for path, why in unreadable.items():
        with pytest.raises(ConfigurationError, match=why) as refused:
            read_properties(path)
        (problem,) = refused.value.problems
        assert str(path) in problem.message
        assert problem.cure
        assert refused.value.__cause__ is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="skipped: root may read every file")
def test_a_file_without_read_permission_says_who_lacks_it(tmp_path: Path) -> None:
    path = tmp_path / "flume.conf"
    path.touch(mode=0o200)
    with pytest.raises(ConfigurationError, match="may not be read by this user"):
        read_properties(path)


def test_a_file_beyond_the_limit_is_refused_and_one_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "flume.conf"
    path.write_bytes(b"#" * MAX_FILE_BYTES)
    assert len(read_file(path)) == MAX_FILE_BYTES

    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match="larger than 16 MiB"):
        read_file(path)


def test_later_files_override_earlier_ones_key_by_key() -> None:
    site = parse_properties("a = 1\nb = 1\n", "site.conf")
    local = parse_properties("b = 2\nb = 3\nc = 3\n", "local.conf")

    merged = merge([site, local])

    assert {key: prop.value for key, prop in merged.items()} == {"a": "1", "b": "3", "c": "3"}
    assert str(merged["b"].origin) == "local.conf:2"


def test_a_key_given_two_values_in_one_file_is_a_warning_naming_both_lines() -> None:
    site = parse_properties("a = 1\nb = 1\na = 2\nb = 1\n", "site.conf")
    local = parse_properties("a = 3\n", "local.conf")

    (warning,) = duplicates([*site, *local])

    assert warning.severity is Severity.WARNING
    assert (warning.key, str(warning.origin), warning.text) == ("a", "site.conf:3", "a = 2")
    assert "line 1" in warning.message
    assert "line 1 or line 3" in warning.cure


def test_utf_8_in_an_entry_is_pointed_out_with_the_escape_to_write() -> None:
    data = "# naïve comment\n\na = 1\nb = \\\n  Zürich 😀\n".encode()

    warning = suspicious_encoding(data, "flume.conf")

    assert warning is not None
    assert warning.severity is Severity.WARNING
    assert str(warning.origin) == "flume.conf:4"
    assert "ü as \\u00fc" in warning.cure


def test_the_escape_proposed_for_a_character_reads_as_that_character() -> None:
    warning = suspicious_encoding("a = 😀".encode(), "flume.conf")

    assert warning is not None
    assert "\\ud83d\\ude00" in warning.cure
    assert parse_properties("a = \\ud83d\\ude00", "flume.conf")[0].value == "😀"


def test_a_byte_order_mark_is_pointed_out_as_such() -> None:
    warning = suspicious_encoding(b"\xef\xbb\xbf# flow\na = 1\n", "flume.conf")

    assert warning is not None
    assert "byte order mark" in warning.cure


@pytest.mark.parametrize(
    "data",
    [b"a = 1\n", b"a = J\xfcrgen\n", "# Jürgen\n! Jürgen \\\na = 1\n".encode(), b""],
    ids=["ascii", "iso-8859-1", "utf-8 in comments", "empty"],
)
def test_other_files_raise_no_suspicion(data: bytes) -> None:
    assert suspicious_encoding(data, "flume.conf") is None
