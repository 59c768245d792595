from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core._builtin.taildir.positions import (
    Position,
    PositionError,
    parse,
    quote,
    render,
)
from flume_core.errors import ConfigurationError
from tests.core.builtin.taildir.rig import Rig

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "taildir_position.json").read_text("utf-8")
)
ENTRIES = [Position(e["inode"], e["pos"], e["file"]) for e in VECTORS["entries"]]
JAVA = VECTORS["java_read_results"]


def rendered(entries: list[Position]) -> bytes:
    return render((e.inode, e.pos, quote(e.file)) for e in entries)


def test_it_is_written_byte_for_byte_as_by_java() -> None:
    assert rendered(ENTRIES) == VECTORS["file_text"].encode()
    assert rendered([]) == VECTORS["file_text_no_known_files"].encode()


def test_what_java_writes_is_read() -> None:
    assert parse(VECTORS["file_text"].encode()) == (ENTRIES, True)


@pytest.mark.parametrize("text", VECTORS["must_also_read"])
def test_other_forms_of_the_same_json_are_read(text: str) -> None:
    entries, whole = parse(text.encode())
    assert whole
    assert entries == [e for e in ENTRIES[:1] if e.file in text]


@pytest.mark.parametrize("end", range(len(VECTORS["file_text"])))
def test_the_whole_entries_of_a_cut_off_file_count(end: int) -> None:
    text = VECTORS["file_text"][:end]
    entries, whole = parse(text.encode())
    assert entries == ENTRIES[: text.count("}")]
    assert whole == (end == 0)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "12",
        "null",
        '"text"',
        "[12]",
        "[null]",
        '[{"inode":1,"pos":2}]',
        '[{"inode":1,"pos":2,"file":"/a","more":1}]',
        '[{"inode":1.5,"pos":2,"file":"/a"}]',
        '[{"inode":1,"pos":-2,"file":"/a"}]',
        '[{"inode":true,"pos":2,"file":"/a"}]',
        '[{"inode":1,"pos":2,"file":7}]',
    ],
)
def test_what_java_does_not_start_on_is_refused(text: str) -> None:
    with pytest.raises(PositionError):
        parse(text.encode())


@pytest.mark.parametrize("raw", [b"\0" * 100, b"\xff\xfe", b"junk", b"[junk", b"[\0\0"])
def test_damage_counts_as_cut_off(raw: bytes) -> None:
    assert parse(raw) == ([], False)


def test_numbers_in_quotes_and_text_behind_the_end_are_read_as_by_java() -> None:
    text = b'[{"inode":"1","pos":"2","file":"/a"}] and more'
    assert parse(text) == ([Position(1, 2, "/a")], True)


@given(
    st.lists(
        st.builds(
            Position,
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**63 - 1),
            st.one_of(
                st.text(),
                st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
            ),
        )
    )
)
def test_every_path_survives(entries: list[Position]) -> None:
    raw = rendered(entries)
    assert parse(raw) == (entries, True)
    assert json.loads(raw or b"[]") == [
        {"inode": e.inode, "pos": e.pos, "file": e.file} for e in entries
    ]
    assert not set(b"<>&'").intersection(raw)


# --- what a source makes of each


@pytest.mark.parametrize(
    ("text", "result"), [(case["file_text"], case["result"]) for case in JAVA["cases"]]
)
def test_a_source_starts_as_java_does(tmp_path: Path, text: str, result: str) -> None:
    rig = Rig(tmp_path)
    path = rig.write("b.log", "1\n2\n3\n")
    text = text.replace("/var/log/app/b.log", str(path))
    text = text.replace("2220566", str(path.stat().st_ino))
    rig.position_file.parent.mkdir()
    rig.position_file.write_text(text)
    if result == "source fails to start":
        with pytest.raises(ConfigurationError, match="restore it, or remove it"):
            rig.start()
    else:
        expected = {"start at 0": ["1", "2", "3"], "start at 2": ["2", "3"]}[result]
        assert rig.start().catch_up() == expected
    rig.source.stop()


def test_a_missing_position_file_means_a_fresh_start(rig: Rig) -> None:
    rig.write("b.log", "1\n2\n3\n")
    assert rig.start().catch_up() == ["1", "2", "3"]
