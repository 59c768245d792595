from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from flume_filechannel.java.errors import KeyStoreError
from flume_filechannel.java.jceks import read_key_store

# Made by keytool: "key-0" (128 bits, password "keypass1") and "key-1" (256 bits, that of the store).
STORE = Path(__file__).parents[1] / "vectors" / "key_store_jceks.hex"
KEY_0 = "af617563caa0c652b2dc8278776c9a31"
KEY_1 = "64a6490d79dcc8d91365f086abfba87e2bead6d5d0b13786ad97b72379fcc537"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "keys.jceks"
    path.write_bytes(bytes.fromhex(STORE.read_text()))
    return path


def test_keys_are_read_with_the_password_of_the_store_or_their_own(store: Path) -> None:
    keys = read_key_store(store, "secret1", {"KEY-0": "keypass1"})
    assert keys("key-0").hex() == KEY_0
    assert keys("Key-1").hex() == KEY_1


def test_an_unknown_alias_is_a_key_error(store: Path) -> None:
    with pytest.raises(KeyError):
        read_key_store(store, "secret1")("key-2")


def test_a_wrong_password_of_the_store_or_a_changed_byte_is_refused(store: Path) -> None:
    with pytest.raises(KeyStoreError, match="the password does not fit"):
        read_key_store(store, "secret2")
    content = bytearray(store.read_bytes())
    content[300] ^= 1
    store.write_bytes(content)
    with pytest.raises(
        KeyStoreError, match=r"the password does not fit .* or the file was changed"
    ):
        read_key_store(store, "secret1")


def test_a_wrong_password_of_a_key_names_the_key(store: Path) -> None:
    keys = read_key_store(store, "secret1", {"key-0": "wrong"})
    with pytest.raises(KeyStoreError, match=r"the key 'key-0' .* cannot be opened"):
        keys("key-0")


@pytest.mark.parametrize("content", [b"", b"\xfe\xed\xfe\xed" + bytes(40), b"\xce" * 20])
def test_what_is_no_key_store_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store").write_bytes(content)
    with pytest.raises(KeyStoreError, match="is not a JCEKS key store"):
        read_key_store(tmp_path / "store", "secret1")
    with pytest.raises(KeyStoreError, match="cannot read the key store"):
        read_key_store(tmp_path / "nowhere", "secret1")


@pytest.mark.java
def test_a_store_that_keytool_makes_now_is_read_beside_its_other_entries(tmp_path: Path) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("skipped: no Java or Maven")
    path = tmp_path / "store"
    common = ["-storetype", "jceks", "-keystore", str(path), "-storepass", "päss-1"]
    for arguments in (
        ["-genkeypair", "-keyalg", "RSA", "-alias", "pair", "-dname", "CN=test"],
        ["-genseckey", "-keyalg", "AES", "-keysize", "192", "-alias", "secret"],
    ):
        command = [keytool, *arguments, *common, "-keypass", "key-pass"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    keys = read_key_store(path, "päss-1", {"secret": "key-pass"})
    assert len(keys("secret")) == 24
    with pytest.raises(KeyError):
        keys("pair")
