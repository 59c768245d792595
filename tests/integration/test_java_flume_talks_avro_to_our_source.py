"""The avro sink of the real Apache Flume 1.11 sends to our avro source: every event, byte for byte."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("flume_avro")

from flume_avro.source.source import AvroSource
from flume_core import EventBatch
from flume_core.testing import RecordingEmitter, make_source
from tests.support.java_flume import JavaFlume, require_java_flume
from tests.support.scale import SCALE

pytestmark = [pytest.mark.java, pytest.mark.timeout(900)]

NO_LINE_ENDS = bytes.maketrans(b"\r\n", b"??")  # taildir would take them away
EVENTS = 100_000 if SCALE == "full" else 2_000
PATIENCE = 300.0

PROPERTIES = """\
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = TAILDIR
a1.sources.r1.channels = c1
a1.sources.r1.filegroups = f1 f2
a1.sources.r1.filegroups.f1 = {work}/in/a.log
a1.sources.r1.filegroups.f2 = {work}/in/b.log
a1.sources.r1.headers.f1.group = first
a1.sources.r1.headers.f1.place = Z\\u00fcrich
a1.sources.r1.headers.f2.group = second
a1.sources.r1.fileHeader = true
a1.sources.r1.positionFile = {work}/position.json
a1.channels.c1.type = memory
a1.channels.c1.capacity = 10000
a1.channels.c1.transactionCapacity = 1000
a1.sinks.k1.type = avro
a1.sinks.k1.channel = c1
a1.sinks.k1.hostname = 127.0.0.1
a1.sinks.k1.port = {port}
a1.sinks.k1.batch-size = 500
{more}
"""


@pytest.fixture(scope="module")
def java_flume() -> JavaFlume:
    return require_java_flume()


def lines(name: str, count: int) -> list[bytes]:
    """Lines of many lengths, some not UTF-8, as long as several of Java's buffers."""
    chance = random.Random(name)
    sizes = [0, 1, 60, 63, 64, 200, 200, 200, 8191, 8192, 20_000]
    made = []
    for number in range(count):
        filler = chance.randbytes(
            chance.choice(sizes[:8]) if number % 100 else chance.choice(sizes)
        )
        made.append(b"%s %d " % (name.encode(), number) + filler.translate(NO_LINE_ENDS))
    return made


@contextmanager
def our_source(emitter: RecordingEmitter, **settings: str) -> Iterator[AvroSource]:
    given = {"bind": "127.0.0.1", "port": "0"}
    given |= {key.replace("_", "-"): value for key, value in settings.items()}
    source = make_source(AvroSource, given, emitter)
    source.start()
    try:
        yield source
    finally:
        source.stop()


def wait_for(emitter: RecordingEmitter, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while sum(map(len, emitter.committed)) < count:
        assert time.monotonic() < deadline, f"{sum(map(len, emitter.committed))} of {count} came"
        time.sleep(0.02)


def send_and_compare(java_flume: JavaFlume, work: Path, source: AvroSource, more: str = "") -> None:
    emitter = source.emitter
    assert isinstance(emitter, RecordingEmitter)
    sent = {"a.log": lines("a", EVENTS // 2), "b.log": lines("b", EVENTS - EVENTS // 2)}
    (work / "in").mkdir()
    for name, bodies in sent.items():
        (work / "in" / name).write_bytes(b"".join(body + b"\n" for body in bodies))
    properties = PROPERTIES.format(work=work, port=source.bound_port, more=more)
    with java_flume.agent(properties, work / "agent") as agent:
        try:
            wait_for(emitter, EVENTS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{agent.log_text()[-5000:]}") from None
    common = {"a.log": {"group": "first", "place": "Zürich"}, "b.log": {"group": "second"}}
    for name, bodies in sent.items():
        path = str(work / "in" / name)
        came = [e for e in EventBatch.concat(emitter.committed) if e.headers["file"] == path]
        assert [event.body for event in came] == bodies
        headers = {**common[name], "file": path}
        assert all(event.headers == headers for event in came)
    assert Counter(map(len, emitter.committed)).most_common(1)[0][0] > 1, "batches, not events"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("none", ""),
        ("deflate", "a1.sinks.k1.compression-type = deflate"),
        ("deflate", "a1.sinks.k1.compression-type = deflate\na1.sinks.k1.compression-level = 9"),
    ],
    ids=["plain", "deflate", "deflate-9"],
)
def test_every_event_of_a_java_avro_sink_arrives_byte_for_byte(
    java_flume: JavaFlume, tmp_path: Path, ours: str, theirs: str
) -> None:
    with our_source(RecordingEmitter(), compression_type=ours) as source:
        send_and_compare(java_flume, tmp_path, source, theirs)


def test_what_a_full_channel_refused_is_sent_again_by_java(
    java_flume: JavaFlume, tmp_path: Path
) -> None:
    emitter = RecordingEmitter()
    with our_source(emitter) as source:
        emitter.full = True
        (tmp_path / "in").mkdir()
        bodies = lines("a", 200)
        (tmp_path / "in" / "a.log").write_bytes(b"".join(body + b"\n" for body in bodies))
        properties = PROPERTIES.format(work=tmp_path, port=source.bound_port, more="")
        with java_flume.agent(properties, tmp_path / "agent"):
            deadline = time.monotonic() + PATIENCE
            while not emitter.offered and time.monotonic() < deadline:
                time.sleep(0.02)
            assert emitter.offered
            emitter.full = False
            wait_for(emitter, 200)
    assert EventBatch.concat(emitter.committed).bodies() == bodies


def key_store(work: Path) -> tuple[Path, str]:
    """Make a key and a certificate for it with Java's own tool: (PKCS12 store, password)."""
    store = work / "server.p12"
    subprocess.run(
        [
            "keytool", "-genkeypair", "-alias", "server", "-keyalg", "RSA", "-keysize", "2048",
            "-dname", "CN=localhost", "-validity", "2", "-storetype", "PKCS12",
            "-keystore", str(store), "-storepass", "changeit",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return store, "changeit"


@pytest.mark.parametrize("deflate", [False, True], ids=["tls", "tls-deflate"])
def test_a_java_avro_sink_sends_over_tls(
    java_flume: JavaFlume, tmp_path: Path, deflate: bool
) -> None:
    pytest.importorskip("cryptography")
    store, password = key_store(tmp_path)
    more = f"a1.sinks.k1.ssl = true\na1.sinks.k1.truststore = {store}\n"
    more += f"a1.sinks.k1.truststore-password = {password}\na1.sinks.k1.truststore-type = PKCS12\n"
    if deflate:
        more += "a1.sinks.k1.compression-type = deflate\n"
    settings = {"ssl": "true", "keystore": str(store), "keystore_password": password}
    settings["compression_type"] = "deflate" if deflate else "none"
    with our_source(RecordingEmitter(), **settings) as source:
        send_and_compare(java_flume, tmp_path, source, more)
