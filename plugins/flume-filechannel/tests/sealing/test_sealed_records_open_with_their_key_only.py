"""AES-GCM: what was sealed opens with the same key and header, and in no other way."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core import ConfigurationError
from flume_filechannel.encryption import KEY_SIZES, OVERHEAD, Sealer
from flume_filechannel.errors import DamagedRecord

HEADER = b"segment 7, record 4096"
PAYLOAD = b"2026-11-23 12:00:00 GET /index.html 200\n" * 20
KEY = bytes(range(32))


@pytest.fixture
def sealer() -> Sealer:
    return Sealer("k1", KEY)


@given(
    st.sampled_from(KEY_SIZES).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.binary(max_size=5000),
    st.binary(max_size=100),
)
def test_every_payload_comes_back(key: bytes, payload: bytes, header: bytes) -> None:
    sealer = Sealer("k1", key)
    sealed = sealer.seal(payload, header)
    assert len(sealed) == len(payload) + OVERHEAD
    assert Sealer("k1", key).open(sealed, header) == payload


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_taken(sealer: Sealer, kind: type) -> None:
    sealed = sealer.seal(kind(PAYLOAD), kind(HEADER))
    assert sealer.open(kind(sealed), kind(HEADER)) == PAYLOAD


def test_nothing_of_the_payload_can_be_seen(sealer: Sealer) -> None:
    assert b"GET" not in sealer.seal(PAYLOAD, HEADER)


def test_the_same_payload_never_looks_the_same(sealer: Sealer) -> None:
    sealed = {sealer.seal(PAYLOAD, HEADER) for _ in range(100)}
    assert len({each[:12] for each in sealed}) == 100
    assert len({each[12:] for each in sealed}) == 100


@pytest.mark.parametrize(
    "key", [KEY[:16], KEY[:24], bytes(32), KEY[:31] + b"\0"], ids=["128", "192", "zero", "one bit"]
)
def test_another_key_opens_nothing_and_the_message_names_the_alias(
    sealer: Sealer, key: bytes
) -> None:
    with pytest.raises(DamagedRecord, match="does not open with the key k2"):
        Sealer("k2", key).open(sealer.seal(PAYLOAD, HEADER), HEADER)


def test_a_record_that_is_moved_under_another_header_does_not_open(sealer: Sealer) -> None:
    first, second = (sealer.seal(PAYLOAD, header) for header in (b"record 1", b"record 2"))
    assert sealer.open(first, b"record 1") == sealer.open(second, b"record 2") == PAYLOAD
    for sealed, header in ((first, b"record 2"), (second, b"record 1"), (first, b"")):
        with pytest.raises(DamagedRecord):
            sealer.open(sealed, header)


@given(st.data())
def test_a_truncated_record_does_not_open(data: st.DataObject) -> None:
    sealer = Sealer("k1", KEY)
    sealed = sealer.seal(PAYLOAD, HEADER)
    kept = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(DamagedRecord):
        sealer.open(sealed[:kept], HEADER)


@given(st.data())
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    sealer = Sealer("k1", KEY)
    sealed = bytearray(sealer.seal(PAYLOAD, HEADER))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedRecord):
        sealer.open(bytes(sealed), HEADER)


@given(st.binary(max_size=200))
def test_anything_else_than_a_record_does_not_open(data: bytes) -> None:
    with pytest.raises(DamagedRecord):
        Sealer("k1", KEY).open(data, HEADER)


@pytest.mark.parametrize("size", [0, 15, 17, 31, 33, 64])
def test_a_key_of_another_length_is_refused_by_alias_and_never_shown(size: int) -> None:
    key = b"k" * size
    with pytest.raises(ConfigurationError) as refused:
        Sealer("audit-2026", key)
    message = str(refused.value)
    assert message == (f"the encryption key audit-2026 has {size} bytes; AES takes 16, 24 or 32")


def test_a_segment_has_a_key_of_its_own(sealer: Sealer) -> None:
    one, other = sealer.for_segment(b"salt of segment 1"), sealer.for_segment(b"another salt")
    sealed = one.seal(PAYLOAD, HEADER)
    again = Sealer("k1", KEY).for_segment(b"salt of segment 1")
    assert again.open(sealed, HEADER) == PAYLOAD
    for wrong in (other, sealer, Sealer("k2", bytes(32)).for_segment(b"salt of segment 1")):
        with pytest.raises(DamagedRecord):
            wrong.open(sealed, HEADER)


def test_a_sealer_never_shows_its_key(sealer: Sealer) -> None:
    assert repr(sealer) == "Sealer('k1')"


@pytest.mark.parametrize("module", ["cryptography", "cryptography.hazmat.primitives.ciphers.aead"])
def test_without_the_library_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "cryptography":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'flume-filechannel\[encryption\]'"):
        Sealer("k1", KEY)
