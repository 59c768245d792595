"""zstd: what is compressed comes back, and nothing else is ever given out."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core import ChannelError, ConfigurationError
from flume_filechannel.compression import Compressor
from flume_filechannel.errors import DamagedRecord

LINES = b"2026-11-23 12:00:00 GET /index.html 200\n" * 500


@pytest.fixture
def zstd() -> Compressor:
    return Compressor()


@given(st.binary(max_size=2000), st.integers(1, 50), st.sampled_from([1, 3, 19]))
def test_every_payload_comes_back(piece: bytes, times: int, level: int) -> None:
    zstd = Compressor(level)
    payload = piece * times
    assert zstd.decompress(zstd.compress(payload), len(payload)) == payload


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_taken(zstd: Compressor, kind: type) -> None:
    compressed = zstd.compress(kind(LINES))
    assert zstd.decompress(kind(compressed), len(LINES)) == LINES


def test_log_lines_shrink(zstd: Compressor) -> None:
    assert len(zstd.compress(LINES)) < len(LINES) / 20


@pytest.mark.parametrize("level", [-1, 0, 20])
def test_a_level_that_does_not_exist_is_refused(level: int) -> None:
    with pytest.raises(ConfigurationError, match=f"no compression level {level}: .* 1 to 19"):
        Compressor(level)


@pytest.mark.parametrize("off", [-len(LINES), -1, 1, 1000])
def test_another_size_than_declared_is_damage(zstd: Compressor, off: int) -> None:
    with pytest.raises(DamagedRecord, match="compressed record"):
        zstd.decompress(zstd.compress(LINES), len(LINES) + off)


@given(st.data())
def test_a_truncated_record_is_damage(data: st.DataObject) -> None:
    zstd = Compressor()
    compressed = zstd.compress(LINES)
    kept = data.draw(st.integers(0, len(compressed) - 1))
    with pytest.raises(DamagedRecord):
        zstd.decompress(compressed[:kept], len(LINES))


@given(st.binary(max_size=300))
def test_anything_else_than_a_record_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedRecord):
        Compressor().decompress(data, len(LINES))


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"garbage"])
def test_bytes_behind_a_record_are_damage(zstd: Compressor, tail: bytes) -> None:
    with pytest.raises(DamagedRecord):
        zstd.decompress(zstd.compress(LINES) + tail, len(LINES))


def test_two_records_in_one_are_damage(zstd: Compressor) -> None:
    with pytest.raises(DamagedRecord):
        zstd.decompress(zstd.compress(LINES) * 2, len(LINES))


@pytest.mark.parametrize("size", [-1, 1001, 1 << 40, 1 << 64])
def test_a_declared_size_beyond_the_limit_allocates_nothing(size: int) -> None:
    zstd = Compressor(limit=1000)
    compressed = zstd.compress(b"x" * 1000)
    with pytest.raises(DamagedRecord, match=f"declares {size} bytes; the limit is 1000"):
        zstd.decompress(compressed, size)


def test_a_record_that_unpacks_to_more_than_declared_is_stopped_there(zstd: Compressor) -> None:
    bomb = zstd.compress(bytes(64 << 20))
    with pytest.raises(DamagedRecord):
        zstd.decompress(bomb, 1000)


def test_what_could_not_be_read_again_is_not_compressed() -> None:
    zstd = Compressor(limit=1000)
    assert zstd.decompress(zstd.compress(b"x" * 1000), 1000) == b"x" * 1000
    with pytest.raises(ChannelError, match=r"1001 bytes .* limit, 1000"):
        zstd.compress(b"x" * 1001)


def test_without_the_library_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'flume-filechannel\[zstd\]'"):
        Compressor()
