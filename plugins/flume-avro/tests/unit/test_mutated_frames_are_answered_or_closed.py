"""Frames with changed, missing, doubled and foreign bytes: 100,000 in full scale."""

from __future__ import annotations

import json
import logging
import random
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flume_avro.protocol.definition import Status
from flume_avro.source.source import AvroSource
from flume_core import EventBatch
from flume_core.testing import RecordingEmitter, wait_until
from tests.support.scale import scaled

Run = Callable[..., AvroSource]
Connect = Callable[..., Any]

TOGETHER = 5  # frames on one connection, one behind the other


class Forgetful(RecordingEmitter):
    """Accepts everything, looks at it, and keeps nothing."""

    def emit(self, batch: EventBatch, progress: object = None) -> None:
        assert len(list(batch)) == len(batch.bodies())


def mutated(chance: random.Random, frame: bytes, others: list[bytes]) -> bytes:
    data = bytearray(frame)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) or 1)
        match chance.randrange(8):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at : at + 1] = bytes([chance.choice((0, 1, 2, 127, 128, 255))])
            case 2:
                del data[at : at + chance.randint(1, 8)]
            case 3:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
            case 4:
                data[at:at] = data[: chance.randrange(40)]
            case 5:
                other = chance.choice(others)
                data[at:] = other[chance.randrange(len(other)) :]
            case 6:
                del data[at:]
            case 7:
                data[at : at + 4] = chance.choice(
                    (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\1")
                )
    return bytes(data)


def frames_of(node: object) -> Iterator[bytes]:
    """Every recorded frame of a client."""
    if isinstance(node, list):
        for value in node:
            yield from frames_of(value)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("hex", "request") and value.startswith(("0000", "ffff")):
                yield bytes.fromhex(value)
            elif key != "server_to_client":
                yield from frames_of(value)


def converse(port: int, data: bytes) -> int:
    """Send bytes, and wait until the source closes the connection; return how much it answered."""
    got = 0
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as peer,
        suppress(ConnectionError),
    ):
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while answer := peer.recv(65536):
            got += len(answer)
    return got


def test_a_mutated_frame_is_answered_or_closed_and_the_source_stays_well(
    run: Run,
    connect: Connect,
    vectors: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    chance = random.Random(4)
    recorded = list(frames_of(json.loads((vectors / "avro_rpc.json").read_text(encoding="utf-8"))))
    assert len(recorded) > 8
    first = [frame for frame in recorded if len(frame) > 60]
    source = run(Forgetful(), max_frame_size=200_000)
    good = connect(source)
    batch = EventBatch.from_bodies([b"x" * 100] * 10, {"host": "web01"})
    good.append(batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answered = closed = 0
    for _ in range(scaled(100_000) // TOGETHER):
        sent = [mutated(chance, chance.choice(recorded), recorded) for _ in range(TOGETHER)]
        if chance.random() < 0.7:
            sent[0] = chance.choice(first)  # a sound handshake, so that the others get further
        if converse(source.bound_port, b"".join(sent)):
            answered += 1
        else:
            closed += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB

    assert answered
    assert closed
    assert not caplog.records, "a defect, not a peer's mistake"
    assert good.append(batch).status is Status.OK
    wait_until(lambda: source.metrics.get("OpenConnectionCount") == 1, "one connection left")
    assert grown < 64 * 1024
