"""Whatever is in the files: an answer or our own error, in bounded time and memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flume_filechannel.java.directory import read_java_channel
from flume_filechannel.java.encryption import KeyLookup
from flume_filechannel.java.errors import JavaChannelError, KeyStoreError
from flume_filechannel.java.java_object import NotAJavaObject, read_java_object
from flume_filechannel.java.jceks import _entries

Recorded = Callable[[], tuple[Path, Path]]
Edit = tuple[int, bytes]

# Every example writes the files anew.
anew = settings(
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
edits = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=9)), min_size=1, max_size=6
)


def edited(content: bytes, changes: list[Edit]) -> bytes:
    out = bytearray(content)
    for at, new in changes:
        at %= len(out)
        out[at : at + len(new)] = new
    return bytes(out)


def survive(data: Path, checkpoint: Path | None = None, keys: KeyLookup | None = None) -> None:
    try:
        with read_java_channel([data], checkpoint, keys=keys) as backlog:
            read = sum(len(batch) for batch in backlog.batches())
            assert read + backlog.unreadable == backlog.waiting
    except JavaChannelError:
        pass


@anew
@given(changes=edits)
def test_a_changed_data_file_gives_events_or_findings(
    recorded: Recorded, changes: list[Edit]
) -> None:
    data, checkpoint = recorded()
    content = (data / "log-1").read_bytes()[:600]
    (data / "log-1").write_bytes(edited(content, changes))
    survive(data)
    survive(data, checkpoint)


@anew
@given(changes=edits)
def test_a_changed_encrypted_file_gives_events_or_findings(
    recorded_encrypted: Path, vectors: dict[str, Any], changes: list[Edit]
) -> None:
    log = recorded_encrypted / "log-1"
    content = log.read_bytes()
    key = bytes.fromhex(vectors["encrypted"]["key_hex"])
    try:
        log.write_bytes(edited(content[:300], changes))
        survive(recorded_encrypted, keys=lambda alias: key)
    finally:
        log.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    [
        "data/log-1.meta",
        "checkpoint/checkpoint.meta",
        "checkpoint/inflighttakes",
        "checkpoint/inflightputs",
        "checkpoint/checkpoint",
    ],
)
@anew
@given(changes=edits)
def test_a_changed_file_beside_the_data_gives_events_or_findings(
    recorded: Recorded, name: str, changes: list[Edit]
) -> None:
    data, checkpoint = recorded()
    path = data.parent / name
    path.write_bytes(edited(path.read_bytes(), changes))
    survive(data, checkpoint)


@anew
@given(content=st.binary(max_size=400), second=st.booleans())
def test_any_bytes_may_be_a_data_file(tmp_path: Path, content: bytes, second: bool) -> None:
    if second:
        content = struct.pack(">iiqq", 2, 1, 0, 0) + b"\x7f\xde\xad\xbe\xef\0\1" + content
    (tmp_path / "log-1").write_bytes(content)
    survive(tmp_path)


@pytest.mark.parametrize("second", [False, True], ids=["version 3", "version 2"])
@pytest.mark.parametrize(
    "piece",
    [
        b"\x7f\x00\x00\x00\x20\x17\x0d",
        b"\x17\x0d",
        b"\x7f",
        b"\0\0\0\0\x7f",
        b"\x7f\x00\x00\xff\xff\x17\x0d\x01\0\0\0\x11" + bytes(8) + b"\x19" + bytes(8),
        b"\x7f\xde\xad\xbe\xef\0\1" + bytes(16) + b"\0\x7f\xff\xff\xff",
    ],
)
def test_a_file_full_of_beginnings_takes_no_unreasonable_time(
    tmp_path: Path, piece: bytes, second: bool
) -> None:
    """Each place might begin a record; the time limit of every test is the measure here."""
    start = struct.pack(">iiqq", 2, 1, 0, 0) if second else b""
    (tmp_path / "log-1").write_bytes(start + piece * (1_000_000 // len(piece)))
    survive(tmp_path)


def test_a_huge_file_of_nothing_takes_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "log-1").open("wb") as file:
        file.truncate(200 << 20)
    survive(tmp_path)


def test_names_that_are_no_data_files_are_no_trouble(recorded: Recorded) -> None:
    data, checkpoint = recorded()
    (data / "log-7").mkdir()
    for name in ("log-0", "log-99999999999999999999999", "log-2147483648", "log-", "other"):
        (data / name).write_bytes(b"\x7f")
    with read_java_channel([data], checkpoint) as backlog:
        assert backlog.waiting == 2
        assert {f.file.name for f in backlog.findings} == {
            "log-7",
            "log-0",
            "log-99999999999999999999999",
            "log-2147483648",
            "log-",
        }


STORE = Path(__file__).parents[1] / "vectors" / "key_store_jceks.hex"


@anew
@given(changes=edits)
def test_a_changed_key_store_is_refused(changes: list[Edit]) -> None:
    content = bytes.fromhex(STORE.read_text())
    changed = edited(content, changes)
    if changed != content:
        with pytest.raises(KeyStoreError):
            _entries(STORE, changed, "secret1")


@anew
@given(content=st.binary(max_size=200))
def test_any_bytes_may_be_a_java_object(content: bytes) -> None:
    with suppress(NotAJavaObject):
        read_java_object(b"\xac\xed\x00\x05" + content)


@anew
@given(changes=edits)
def test_a_changed_java_object_is_read_or_refused(changes: list[Edit]) -> None:
    content = bytes.fromhex(STORE.read_text())
    start = content.index(b"\xac\xed")
    with suppress(NotAJavaObject):
        read_java_object(edited(content[start : start + 400], changes))
