"""TLS with every kind of key store, with deflate on either side of it, and with client certificates."""

from __future__ import annotations

import datetime
import logging
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flume_avro.protocol.calls import encode_append_batch, read_answer
from flume_avro.protocol.definition import Status
from flume_avro.protocol.framing import FrameReader, encode_frame
from flume_avro.protocol.handshake import HandshakeRequest
from flume_avro.source.source import AvroSource
from flume_core import ConfigurationError, EventBatch
from flume_core.testing import RecordingEmitter

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: E402

Run = Callable[..., AvroSource]
Connect = Callable[..., Any]

BATCH = EventBatch.from_bodies([b"one", b"two"], {"host": "web01"})
PASSWORD = "changeit"


@dataclass
class Stores:
    """A self-signed certificate and its key, in every form."""

    folder: Path
    certificate: Path
    plain: Path
    encrypted: Path
    p12: Path

    def client(self, **options: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.certificate)
        return context


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("stores")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = serialization.BestAvailableEncryption(PASSWORD.encode())
    made = Stores(folder, *(folder / n for n in ("c.pem", "plain.pem", "secret.pem", "s.p12")))
    made.certificate.write_bytes(pem)
    for path, how in ((made.plain, serialization.NoEncryption()), (made.encrypted, secret)):
        written = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how
        )
        path.write_bytes(written + pem)
    made.p12.write_bytes(
        pkcs12.serialize_key_and_certificates(b"server", key, certificate, None, secret)
    )
    return made


@pytest.mark.parametrize("kind", ["plain", "encrypted", "p12"])
def test_a_key_store_may_be_pem_or_pkcs12(
    kind: str, run: Run, connect: Connect, emitter: RecordingEmitter, stores: Stores
) -> None:
    source = run(ssl="true", keystore=getattr(stores, kind), keystore_password=PASSWORD)
    client = connect(source, tls=stores.client())

    for _ in range(3):
        assert client.append(BATCH).status is Status.OK
    assert len(emitter.events) == 6


def test_the_key_store_may_come_from_the_environment(
    run: Run, connect: Connect, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUME_SSL_KEYSTORE_PATH", str(stores.p12))
    monkeypatch.setenv("FLUME_SSL_KEYSTORE_PASSWORD", PASSWORD)

    client = connect(run(ssl="true"), tls=stores.client())

    assert client.append(BATCH).status is Status.OK


def test_batches_of_many_tls_records_arrive(
    run: Run, connect: Connect, emitter: RecordingEmitter, stores: Stores
) -> None:
    bodies = [bytes([n % 256]) * (n * 37 % 9000) for n in range(300)]
    client = connect(run(ssl="true", keystore=stores.plain), tls=stores.client())

    assert client.append(EventBatch.from_bodies(bodies)).status is Status.OK
    assert emitter.events.bodies() == bodies


class Layered:
    """A client with zlib inside TLS (Flume 1.9) or TLS inside zlib (1.10 and later)."""

    def __init__(self, plain: Any, context: ssl.SSLContext, *, zlib_outermost: bool) -> None:
        self._plain = plain
        self._outermost = zlib_outermost
        self._pack, self._unpack = zlib.compressobj(), zlib.decompressobj()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        self._try(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        self._tls.write(data if self._outermost else self._packed(data))
        self._flush()

    def receive(self) -> bytes:
        data: bytes = self._try(lambda: self._tls.read(65536))
        return data if self._outermost else self._unpack.decompress(data)

    def _try(self, action: Callable[[], Any]) -> Any:
        while True:
            try:
                result = action()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._plain.recv(65536)
                assert data, "the source closed the connection"
                self._in.write(self._unpack.decompress(data) if self._outermost else data)
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if data := self._out.read():
            self._plain.sendall(self._packed(data) if self._outermost else data)

    def _packed(self, data: bytes) -> bytes:
        return self._pack.compress(data) + self._pack.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize(
    ("nesting", "zlib_outermost"),
    [("auto", True), ("auto", False), ("outer-zlib", True), ("outer-tls", False)],
)
def test_deflate_and_tls_may_be_nested_either_way(
    nesting: str,
    zlib_outermost: bool,
    run: Run,
    connect: Connect,
    emitter: RecordingEmitter,
    stores: Stores,
) -> None:
    source = run(
        ssl="true",
        keystore=stores.plain,
        compression_type="deflate",
        compression_nesting=nesting,
    )
    client = Layered(connect(source).socket, stores.client(), zlib_outermost=zlib_outermost)
    for serial in (1, 2, 3):
        handshake = HandshakeRequest() if serial == 1 else None
        client.send(encode_frame(serial, encode_append_batch(BATCH, handshake)))
        data = client.receive()
        frames = FrameReader()
        frames.space()[: len(data)] = data
        frames.filled(len(data))
        frame = frames.next()
        assert frame is not None
        answer = read_answer(frame.payload, with_handshake=serial == 1)
        assert answer.status is Status.OK
    assert len(emitter.events) == 6


def test_the_wrong_nesting_is_disconnected(
    run: Run, connect: Connect, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(ssl="true", keystore=stores.plain, compression_type="deflate")
    client = connect(source)
    client.send(b"GET / HTTP/1.0\r\n\r\n")

    assert client.is_closed()
    assert "it speaks neither TLS nor zlib" in caplog.text


@pytest.mark.parametrize("auth", ["need", "want"])
def test_clients_may_be_asked_for_certificates(
    auth: str, run: Run, connect: Connect, emitter: RecordingEmitter, stores: Stores
) -> None:
    source = run(ssl="true", keystore=stores.plain, client_auth=auth, truststore=stores.certificate)
    context = stores.client()
    context.load_cert_chain(stores.plain)
    assert connect(source, tls=context).append(BATCH).status is Status.OK

    # TLS 1.3 tells a client of the refusal when it reads.
    nobody = connect(source, tls=stores.client())
    if auth == "want":
        assert nobody.append(BATCH).status is Status.OK
    else:
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            nobody.append(BATCH)
    assert len(emitter.events) == (4 if auth == "want" else 2)


def test_a_trust_store_may_be_pkcs12(run: Run, connect: Connect, stores: Stores) -> None:
    source = run(
        ssl="true",
        keystore=stores.p12,
        keystore_password=PASSWORD,
        client_auth="need",
        truststore=stores.p12,
        truststore_password=PASSWORD,
    )
    context = stores.client()
    context.load_cert_chain(stores.plain)

    assert connect(source, tls=context).append(BATCH).status is Status.OK


def test_plain_calls_to_a_tls_port_are_disconnected(
    run: Run, connect: Connect, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(ssl="true", keystore=stores.plain)
    bad, good = connect(source), connect(source, tls=stores.client())
    host, port = bad.socket.getsockname()
    with caplog.at_level(logging.INFO):
        bad.post(BATCH)
        while bad.wire.recv(4096):
            pass

    (record,) = caplog.records
    assert record.message.startswith(f"{host}:{port} is disconnected: the TLS handshake failed")
    assert good.append(BATCH).status is Status.OK


def test_a_client_that_stalls_in_the_tls_handshake_is_cut_off(
    run: Run, connect: Connect, stores: Stores
) -> None:
    client = connect(run(ssl="true", keystore=stores.plain, request_timeout=1))
    client.send(b"\x16\x03\x01")

    assert client.is_closed()


@pytest.mark.parametrize(
    ("settings", "versions"),
    [
        ({"include_protocols": "TLSv1.2"}, {"TLSv1.2"}),
        ({"exclude_protocols": "SSLv3 TLSv1.2"}, {"TLSv1.3"}),
    ],
)
def test_versions_of_tls_are_chosen(
    settings: dict[str, str], versions: set[str], run: Run, connect: Connect, stores: Stores
) -> None:
    source = run(ssl="true", keystore=stores.plain, **settings)
    client = connect(source, tls=stores.client())
    assert client.append(BATCH).status is Status.OK

    assert {client.wire.version()} == versions


def test_cipher_suites_have_their_java_names(run: Run, connect: Connect, stores: Stores) -> None:
    source = run(
        ssl="true",
        keystore=stores.plain,
        include_protocols="TLSv1.2",
        include_cipher_suites="TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        " TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        exclude_cipher_suites="TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    )
    client = connect(source, tls=stores.client())
    assert client.append(BATCH).status is Status.OK

    assert client.wire.cipher()[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"keystore": "JKS"}, "keytool -importkeystore -srckeystore .* -deststoretype PKCS12"),
        ({"keystore": "garbage"}, "neither PEM nor PKCS12"),
        ({"keystore": "missing"}, "cannot be read: No such file"),
        ({"keystore": "certificate"}, "must hold a private key"),
        ({"keystore": "encrypted"}, "keystore-password must be its password"),
        ({"keystore": "p12", "keystore_password": "wrong"}, "check its password"),
        ({"include_protocols": "SSLv3"}, "leave no version of TLS"),
        ({"include_protocols": "TLSv1.1 TLSv1.3"}, "between two others"),
        ({"include_cipher_suites": "TLS_NO_WITH_SUCH"}, "leave no cipher suite"),
    ],
)
def test_what_cannot_work_fails_the_start_and_says_why(
    settings: dict[str, str], says: str, run: Run, stores: Stores
) -> None:
    jks, garbage = stores.folder / "s.jks", stores.folder / "garbage"
    jks.write_bytes(bytes.fromhex("feedfeed00000002") + bytes(100))
    garbage.write_bytes(b"garbage")
    named = {"JKS": jks, "garbage": garbage, "missing": stores.folder / "missing"}
    given = {"keystore": "plain", **settings}
    store = given.pop("keystore")
    path = named.get(store) or getattr(stores, store)

    with pytest.raises(ConfigurationError, match=says):
        run(ssl="true", keystore=path, **given)


def test_pkcs12_without_its_package_names_the_extra(
    run: Run, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "cryptography.hazmat.primitives.serialization"
    monkeypatch.setitem(__import__("sys").modules, name, None)

    with pytest.raises(ConfigurationError, match=r"pip install 'flume-avro\[pkcs12\]'"):
        run(ssl="true", keystore=stores.p12, keystore_password=PASSWORD)
