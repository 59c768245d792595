"""The key providers ``file`` and ``environment``: the ways to write a key, and what they refuse."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flume_core import ConfigurationError
from flume_core.testing import ComponentContract, ComponentUnderTest, make_component
from flume_filechannel.encryption import Keyring
from flume_filechannel.keys.decoding import key_from_bytes, key_from_text
from flume_filechannel.keys.environment import EnvironmentKeys
from flume_filechannel.keys.file import FileKeys

# Bytes that are no text, as those of nearly every random key.
RAW = {size: bytes(range(250 - size, 250)) for size in (16, 24, 32)}
SIZES = pytest.mark.parametrize("size", list(RAW))

Write = Callable[[bytes], FileKeys]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the file of the key k1, and return a provider that knows it."""

    def written(content: bytes, mode: int = 0o600) -> FileKeys:
        path = tmp_path / "k1.key"
        path.touch(mode)
        path.chmod(mode)
        path.write_bytes(content)
        return make_component(FileKeys, {"keys.k1": str(path)}, "c1")

    return written


class TestFileKeys(ComponentContract):
    @pytest.fixture
    def component(self) -> ComponentUnderTest:
        return ComponentUnderTest(FileKeys, {"keys.k1": "/etc/flume/k1.key"}, type="file")


class TestEnvironmentKeys(ComponentContract):
    @pytest.fixture
    def component(self) -> ComponentUnderTest:
        return ComponentUnderTest(EnvironmentKeys, {"keys.k1": "FLUME_KEY"}, type="environment")


@SIZES
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_file_may_hold_the_raw_key(write: Write, size: int, end: bytes) -> None:
    assert write(RAW[size] + end).key("k1") == RAW[size]


@SIZES
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b" \n\n"])
@pytest.mark.parametrize("encode", [bytes.hex, lambda key: base64.b64encode(key).decode()])
def test_a_file_may_hold_hex_or_base64(
    write: Write, size: int, end: bytes, encode: Callable[[bytes], str]
) -> None:
    assert write(encode(RAW[size]).encode() + end).key("k1") == RAW[size]


def test_upper_case_hex_is_hex(write: Write) -> None:
    assert write(RAW[32].hex().upper().encode()).key("k1") == RAW[32]


def test_a_raw_key_that_ends_in_a_line_feed_keeps_it(write: Write) -> None:
    key = RAW[32][:31] + b"\n"
    assert write(key).key("k1") == key


@given(st.sampled_from(list(RAW)).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_every_key_survives_being_written_as_text(key: bytes) -> None:
    assert key_from_text(key.hex()) == key
    assert key_from_bytes(key.hex().encode() + b"\n") == key


@pytest.mark.parametrize("size", [0, 1, 15, 18, 31, 34, 64])
def test_raw_bytes_of_another_length_are_refused_by_alias(write: Write, size: int) -> None:
    with pytest.raises(
        ConfigurationError, match=r"file key provider of c1 .* key k1 .*16, 24 or 32"
    ):
        write(b"\xff" * size).key("k1")


@pytest.mark.parametrize(
    "text",
    ["", "\n", "correct horse battery staple!!!!", "00" * 20, "0" * 63, "AAAA", "*" * 32],
)
def test_text_that_is_no_key_is_refused_and_not_shown(write: Write, text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        write(text.encode()).key("k1")
    message = str(refused.value)
    assert "neither hex nor base64 of 16, 24 or 32 bytes" in message
    assert "k1" in message
    assert not text.strip() or text.strip() not in message


def test_a_file_that_is_far_too_long_is_not_read_to_its_end(write: Write) -> None:
    with pytest.raises(ConfigurationError, match="more than 1024 bytes"):
        write(b"0" * 100_000).key("k1")


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o644, 1)])
def test_a_key_file_that_others_may_read_is_a_warning(
    write: Callable[[bytes, int], FileKeys],
    caplog: pytest.LogCaptureFixture,
    mode: int,
    warned: int,
) -> None:
    if mode == 0o400:
        provider = write(RAW[32], 0o600)
        Path(provider.config.paths["k1"]).chmod(mode)
    else:
        provider = write(RAW[32], mode)
    assert provider.key("k1") == RAW[32]
    assert len(caplog.records) == warned
    if warned:
        assert f"key k1 has mode {mode:04o}; chmod 600" in caplog.text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    provider = make_component(FileKeys, {"keys.k1": str(tmp_path / "gone")}, "c1")
    with pytest.raises(ConfigurationError, match=r"of c1 .* key k1 .*gone: No such file"):
        provider.key("k1")


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    provider = make_component(FileKeys, {"keys.k1": str(tmp_path)}, "c1")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        provider.key("k1")


@pytest.mark.parametrize(("cls", "name"), [(FileKeys, "file"), (EnvironmentKeys, "environment")])
def test_an_alias_that_is_not_configured_is_named_beside_those_that_are(
    cls: type[FileKeys] | type[EnvironmentKeys], name: str
) -> None:
    provider = make_component(cls, {"keys.k1": "one", "keys.k.2": "two"}, "c1")
    with pytest.raises(ConfigurationError) as refused:
        provider.key("k9")
    message = str(refused.value)
    assert f"the {name} key provider of c1 has no key k9: set keys.k9" in message
    assert "(there are: k1, k.2)" in message


@SIZES
def test_a_variable_may_hold_hex_or_base64(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    provider = make_component(EnvironmentKeys, {"keys.k1": "FLUME_TEST_KEY"}, "c1")
    for text in (RAW[size].hex(), base64.b64encode(RAW[size]).decode(), f" {RAW[size].hex()}\n"):
        monkeypatch.setenv("FLUME_TEST_KEY", text)
        assert provider.key("k1") == RAW[size]


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLUME_TEST_KEY", raising=False)
    provider = make_component(EnvironmentKeys, {"keys.k1": "FLUME_TEST_KEY"}, "c1")
    with pytest.raises(ConfigurationError, match=r"of c1 needs the variable FLUME_TEST_KEY .* k1"):
        provider.key("k1")


@pytest.mark.parametrize("text", ["", "secret-secret-16", "00" * 33, "\N{SNOWMAN}" * 32])
def test_a_variable_that_holds_no_key_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("FLUME_TEST_KEY", text)
    provider = make_component(EnvironmentKeys, {"keys.k1": "FLUME_TEST_KEY"}, "c1")
    with pytest.raises(ConfigurationError) as refused:
        provider.key("k1")
    message = str(refused.value)
    assert "no usable key k1 in the variable FLUME_TEST_KEY" in message
    assert not text or text not in message


def test_keys_from_files_and_variables_are_the_same_keys(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUME_TEST_KEY", base64.b64encode(RAW[32]).decode())
    variable = make_component(EnvironmentKeys, {"keys.k1": "FLUME_TEST_KEY"}, "c1")
    sealing = Keyring(write(RAW[32]), "k1").active
    assert sealing is not None
    sealed = sealing[1].seal(b"event", b"header")
    assert Keyring(variable, None).for_alias("k1").open(sealed, b"header") == b"event"
