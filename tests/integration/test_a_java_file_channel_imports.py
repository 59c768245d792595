"""What waits in the file channel of the real Flume 1.11 is read back complete and in order."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flume_filechannel.java.backlog import JavaBacklog
from flume_filechannel.java.directory import find_java_channel, read_java_channel
from flume_filechannel.java.errors import JavaChannelLocked
from flume_filechannel.java.findings import FindingKind
from flume_filechannel.java.jceks import read_key_store
from tests.support.agent_process import PATIENCE, rolled
from tests.support.java_flume import JavaAgent, JavaFlume, require_java_flume

LINES = [f"event {number:05d} " + "x" * (number % 200) for number in range(4000)]
DELIVERED = 90  # three batches of 30 fit the channel of 100 behind the sink, a fourth does not

# The file channel drains into an Avro source whose memory channel nobody empties: once that is full, the
# sink takes and rolls back for ever, so that the log ends in every kind of record.
CONFIG = """
a1.sources = r1 r2
a1.channels = c1 c2
a1.sinks = k1
a1.sources.r1.type = TAILDIR
a1.sources.r1.channels = c1
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = {work}/input.log
a1.sources.r1.positionFile = {work}/position.json
a1.sources.r1.writePosInterval = 100
a1.sources.r1.fileHeader = true
a1.channels.c1.type = file
a1.channels.c1.checkpointDir = {work}/channel/checkpoint
a1.channels.c1.dataDirs = {work}/channel/data1,{work}/channel/data2
a1.channels.c1.capacity = 10000
a1.channels.c1.checkpointInterval = 1000
a1.channels.c1.maxFileSize = 200000
a1.channels.c1.minimumRequiredSpace = 1048576
a1.sinks.k1.type = avro
a1.sinks.k1.channel = c1
a1.sinks.k1.hostname = 127.0.0.1
a1.sinks.k1.port = {port}
a1.sinks.k1.batch-size = 30
a1.sources.r2.type = avro
a1.sources.r2.channels = c2
a1.sources.r2.bind = 127.0.0.1
a1.sources.r2.port = {port}
a1.channels.c2.type = memory
a1.channels.c2.capacity = 100
a1.channels.c2.transactionCapacity = 100
a1.channels.c2.keep-alive = 0
"""

ENCRYPTION = """
a1.channels.c1.encryption.activeKey = key-0
a1.channels.c1.encryption.cipherProvider = AESCTRNOPADDING
a1.channels.c1.encryption.keyProvider = JCEKSFILE
a1.channels.c1.encryption.keyProvider.keyStoreFile = {work}/keys
a1.channels.c1.encryption.keyProvider.keyStorePasswordFile = {work}/password
a1.channels.c1.encryption.keyProvider.keys = key-0
"""

DRAIN = """
a1.channels = c1
a1.sinks = k1
a1.channels.c1.type = file
a1.channels.c1.checkpointDir = {channel}/checkpoint
a1.channels.c1.dataDirs = {channel}/data
a1.channels.c1.capacity = 10000
a1.channels.c1.minimumRequiredSpace = 1048576
a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = {out}
a1.sinks.k1.sink.rollInterval = 0
"""


@pytest.fixture(scope="module")
def java_flume() -> JavaFlume:
    return require_java_flume()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


def fill(agent: JavaAgent, work: Path) -> None:
    """Wait until every line is in the file channel, and the channel behind its sink is full."""
    size = (work / "input.log").stat().st_size

    def read_all() -> bool:
        position = work / "position.json"
        if not position.exists() or not position.stat().st_size:
            return False
        entries = json.loads(position.read_text(encoding="utf-8"))
        return bool(entries) and entries[0]["pos"] == size

    wait_until(read_all, "taildir reads its file")
    wait_until(lambda: "Unable to process event batch" in agent.log_text(), "the sink is refused")


def directories(work: Path) -> list[Path]:
    return [work / "channel" / "data1", work / "channel" / "data2"]


def bodies(backlog: JavaBacklog) -> list[str]:
    return [body.decode() for batch in backlog.batches() for body in batch.bodies()]


def run_java(java: JavaFlume, work: Path, more: str, *, kill: bool) -> None:
    """Leave a directory with a backlog behind; meanwhile, see that it is refused."""
    (work / "input.log").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    for directory in (*directories(work), work / "channel" / "checkpoint"):
        directory.mkdir(parents=True)
    config = (CONFIG + more).format(work=work, port=free_port())
    with java.agent(config, work / "java", heap="512m") as agent:
        fill(agent, work)
        with pytest.raises(JavaChannelLocked, match=r"data1 is in use.*Stop that agent"):
            read_java_channel(directories(work))
        if kill:
            agent.kill()


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_partly_drained_channel_is_read_complete_and_in_order(
    java_flume: JavaFlume, tmp_path: Path, kill: bool
) -> None:
    run_java(java_flume, tmp_path, "", kill=kill)
    found = find_java_channel(tmp_path / "channel")
    assert list(found.data_dirs) == directories(tmp_path)
    assert found.checkpoint_dir is not None
    for checkpoint in (found.checkpoint_dir, None):
        with read_java_channel(found.data_dirs, checkpoint) as backlog:
            assert bodies(backlog) == LINES[DELIVERED:]
            assert backlog.waiting == len(LINES) - DELIVERED
            assert [finding for finding in backlog.findings if not harmless(finding.kind)] == []
            header = {str(tmp_path / "input.log")}
            assert {name for batch in backlog.batches() for name in batch.header("file")} == header


def harmless(kind: FindingKind) -> bool:
    """What a kill may leave; and who has a file open cannot be seen on every machine."""
    return kind in (FindingKind.TORN_TAIL, FindingKind.HOLE, FindingKind.NOT_LOCKED)


def test_an_encrypted_channel_is_read_with_the_key_store_of_the_agent(
    java_flume: JavaFlume, tmp_path: Path
) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip("skipped: no Java or Maven")
    (tmp_path / "password").write_text("secret-1\n", encoding="utf-8")
    command = [keytool, "-genseckey", "-storetype", "jceks", "-keyalg", "AES", "-keysize", "128"]
    command += ["-alias", "key-0", "-keystore", str(tmp_path / "keys"), "-storepass", "secret-1"]
    subprocess.run([*command, "-keypass", "secret-1"], check=True, capture_output=True, timeout=60)
    run_java(java_flume, tmp_path, ENCRYPTION, kill=True)
    keys = read_key_store(tmp_path / "keys", "secret-1")
    for log in (tmp_path / "channel").glob("data?/log-?"):
        assert b"event 0" not in log.read_bytes()
    for checkpoint in (tmp_path / "channel" / "checkpoint", None):
        with read_java_channel(directories(tmp_path), checkpoint, keys=keys) as backlog:
            assert bodies(backlog) == LINES[DELIVERED:]


def test_a_version_2_channel_as_we_read_it_is_what_java_reads(
    java_flume: JavaFlume, tmp_path: Path
) -> None:
    """No Flume that writes version 2 is left, but 1.11 still reads it: the judge of our reading."""
    for directory in ("channel/data", "channel/checkpoint", "out"):
        (tmp_path / directory).mkdir(parents=True)
    write_version_2(tmp_path / "channel" / "data" / "log-1")
    with read_java_channel([tmp_path / "channel" / "data"]) as backlog:
        ours = bodies(backlog)
        events = [event for batch in backlog.batches() for event in batch]
    assert ours == ["second", "third"]
    assert [dict(event.headers) for event in events] == [{"host": "web01"}, {}]
    config = DRAIN.format(channel=tmp_path / "channel", out=tmp_path / "out")
    with java_flume.agent(config, tmp_path / "java", heap="512m"):
        wait_until(lambda: rolled(tmp_path / "out").count(b"\n") >= 2, "Java delivers")
    assert rolled(tmp_path / "out").decode().splitlines() == ours


def write_version_2(path: Path) -> None:
    """Three puts, of which one was taken; then a put that was never committed."""

    def record(kind: int, transaction: int, order: int, rest: bytes = b"") -> bytes:
        return struct.pack(">BIhqq", 0x7F, 0xDEADBEEF, kind, transaction, order) + rest

    def event(body: bytes, headers: bytes = b"\0" + bytes(4)) -> bytes:
        return headers + struct.pack(">i", len(body)) + body

    host = b"\x00" + struct.pack(">i", 1) + b"\x8e\x04host\x8e\x05web01"
    content = struct.pack(">iiqq", 2, 1, 0, 0)
    first = len(content)
    content += record(1, 1, 11, event(b"first"))
    content += record(1, 1, 12, event(b"second", host)) + record(1, 1, 13, event(b"third"))
    content += record(4, 1, 14, struct.pack(">h", 1))
    content += record(2, 2, 15, struct.pack(">ii", first, 1))
    content += record(4, 2, 16, struct.pack(">h", 2))
    content += record(1, 3, 17, event(b"never committed"))
    path.write_bytes(content + b"\x80" * 1000)
