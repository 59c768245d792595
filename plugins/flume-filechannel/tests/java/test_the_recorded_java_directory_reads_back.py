from __future__ import annotations

import builtins
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flume_core.event import Event
from flume_filechannel.java.backlog import JavaBacklog
from flume_filechannel.java.directory import find_java_channel, read_java_channel
from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.findings import FindingKind

Recorded = Callable[[], tuple[Path, Path]]


def events(backlog: JavaBacklog) -> list[Event]:
    return [event for batch in backlog.batches() for event in batch]


def expected(vectors: dict[str, Any]) -> list[tuple[bytes, dict[str, str]]]:
    taken = vectors["expected_after_restart"]["takes_in_order"]
    return [(each["body"].encode(), each["headers"]) for each in taken]


def test_with_its_checkpoint_it_gives_what_java_gave(
    recorded: Recorded, vectors: dict[str, Any]
) -> None:
    data, checkpoint = recorded()
    with read_java_channel([data], checkpoint) as backlog:
        assert backlog.waiting == 2
        assert [(e.body, dict(e.headers)) for e in events(backlog)] == expected(vectors)
        assert not backlog.findings


def test_without_its_checkpoint_it_gives_the_same(
    recorded: Recorded, vectors: dict[str, Any]
) -> None:
    data, _ = recorded()
    with read_java_channel([data]) as backlog:
        assert [(e.body, dict(e.headers)) for e in events(backlog)] == expected(vectors)
        assert not backlog.findings


def test_every_pass_begins_anew_and_batches_are_as_large_as_asked(recorded: Recorded) -> None:
    data, _ = recorded()
    with read_java_channel([data]) as backlog:
        assert [len(batch) for batch in backlog.batches(max_events=1)] == [1, 1]
        assert [len(batch) for batch in backlog.batches(max_bytes=1)] == [1, 1]
        assert [len(batch) for batch in backlog.batches()] == [2]


def test_it_is_found_from_the_directory_above(recorded: Recorded) -> None:
    data, checkpoint = recorded()
    found = find_java_channel(data.parent)
    assert (found.data_dirs, found.checkpoint_dir) == ((data,), checkpoint)
    assert find_java_channel(data) == found


def test_a_directory_without_data_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JavaChannelError, match="give the channel's dataDirs"):
        find_java_channel(tmp_path)
    with pytest.raises(JavaChannelError, match="give the dataDirs"):
        read_java_channel([tmp_path])
    with pytest.raises(JavaChannelError, match="is not a directory"):
        read_java_channel([tmp_path / "nowhere"])


def test_reading_changes_nothing(recorded: Recorded) -> None:
    data, checkpoint = recorded()
    before = snapshot(data.parent)
    with read_java_channel([data], checkpoint) as backlog:
        events(backlog)
    assert snapshot(data.parent) == before


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_encrypted_files_are_read_with_their_key(
    recorded_encrypted: Path, vectors: dict[str, Any]
) -> None:
    key = bytes.fromhex(vectors["encrypted"]["key_hex"])
    with read_java_channel([recorded_encrypted], keys={"key-0": key}.__getitem__) as backlog:
        found = [(event.body, dict(event.headers)) for event in events(backlog)]
        assert found == [(b"secret-1", {"host": "web01"}), (b"secret-2", {})]
        assert not backlog.findings


def test_encrypted_and_plain_files_may_be_mixed(
    recorded: Recorded, recorded_encrypted: Path, vectors: dict[str, Any]
) -> None:
    data, _ = recorded()
    shutil.copy(recorded_encrypted / "log-1", data / "log-2")
    meta = bytearray((recorded_encrypted / "log-1.meta").read_bytes())
    meta[7] = 2  # the id in the metadata
    (data / "log-2.meta").write_bytes(meta)
    key = bytes.fromhex(vectors["encrypted"]["key_hex"])
    with read_java_channel([data], keys={"key-0": key}.__getitem__) as backlog:
        assert [e.body for e in events(backlog)] == [b"beta", b"gamma", b"secret-1", b"secret-2"]


def test_an_encrypted_file_without_a_key_names_the_key(recorded_encrypted: Path) -> None:
    with pytest.raises(JavaChannelError, match="'key-0': give the key store"):
        read_java_channel([recorded_encrypted])
    with pytest.raises(JavaChannelError, match="'key-0', which is not among those given"):
        read_java_channel([recorded_encrypted], keys={}.__getitem__)


def test_a_wrong_key_is_an_error_and_not_damage(recorded_encrypted: Path) -> None:
    with pytest.raises(JavaChannelError, match="does not decrypt it"):
        read_java_channel([recorded_encrypted], keys=lambda alias: bytes(16))
    with pytest.raises(JavaChannelError, match="16, 24 or 32 bytes"):
        read_java_channel([recorded_encrypted], keys=lambda alias: b"short")


def test_a_damaged_first_record_does_not_make_the_key_wrong(
    recorded_encrypted: Path, vectors: dict[str, Any]
) -> None:
    log = recorded_encrypted / "log-1"
    content = bytearray(log.read_bytes())
    content[20:40] = bytes(20)
    log.write_bytes(content)
    key = bytes.fromhex(vectors["encrypted"]["key_hex"])
    with read_java_channel([recorded_encrypted], keys=lambda alias: key) as backlog:
        assert [event.body for event in events(backlog)] == [b"secret-2"]
        assert FindingKind.CORRUPT_RECORD in {finding.kind for finding in backlog.findings}


def test_without_the_library_for_encryption_the_error_says_what_to_install(
    recorded_encrypted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_cryptography(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_cryptography)
    with pytest.raises(JavaChannelError, match=r"pip install 'flume-filechannel\[encryption\]'"):
        read_java_channel([recorded_encrypted], keys=lambda alias: bytes(16))
