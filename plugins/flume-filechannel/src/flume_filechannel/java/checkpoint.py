"""The checkpoint of a Java channel: the queue as it was at one moment, and what was in flight then."""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from flume_filechannel.java.errors import JavaChannelError
from flume_filechannel.java.protobuf import MalformedMessage, delimited, number, numbers
from flume_filechannel.java.window import Window

__all__ = ["BadCheckpoint", "Checkpoint", "read_checkpoint"]

_HEADER_WORDS = 1029
_WORD = 8
_VERSION, _ORDER, _SIZE, _HEAD, _MARKER = range(5)
_PIECE = 1 << 16
_LARGEST_META = 1 << 20
_LONGS = struct.Struct(">qq")


class BadCheckpoint(Exception):
    """The checkpoint cannot be used, and a replay of all data files must do; the text says why."""


@dataclass(slots=True)
class Checkpoint:
    """Pointers are as in `record.pointer`; ``queue`` has the oldest first."""

    order: int
    queue: array[int]
    puts: dict[int, list[int]] = field(default_factory=dict)
    takes: dict[int, list[int]] = field(default_factory=dict)


def read_checkpoint(directory: Path) -> Checkpoint:
    """Return the checkpoint in ``directory``.

    Unlike Java, this takes the capacity from the file, so a changed one does no harm.

    Raises:
        BadCheckpoint: there is none, or it was not completed, or it is damaged.
    """
    path = directory / "checkpoint"
    if not path.is_file():
        raise BadCheckpoint(f"there is no file {path}")
    try:
        with Window(path) as window:
            checkpoint = _read(window, directory / "checkpoint.meta")
        checkpoint.puts = _in_flight(directory / "inflightputs")
        checkpoint.takes = _in_flight(directory / "inflighttakes")
    except MalformedMessage as e:
        raise BadCheckpoint(str(e)) from e
    except JavaChannelError as e:
        raise BadCheckpoint(str(e)) from e
    return checkpoint


def _read(window: Window, meta: Path) -> Checkpoint:
    words = _words(window, 0, _HEADER_WORDS)
    capacity = window.size // _WORD - _HEADER_WORDS
    if words[_MARKER] != 0:
        raise BadCheckpoint("the last checkpoint was not completed")
    version, order = words[_VERSION], words[_ORDER]
    if version == 3:
        if not meta.is_file():
            raise BadCheckpoint(f"{meta} is missing")
        size, head = _read_meta(meta, order)
    elif version == 2 and not meta.exists():
        size, head = words[_SIZE], words[_HEAD]
    else:
        raise BadCheckpoint(f"the checkpoint is of version {version}")
    if not 0 <= size <= capacity or not (0 <= head < capacity or head == size == 0):
        raise BadCheckpoint(f"{size} events from slot {head} do not fit a queue of {capacity}")
    queue = array("Q")
    first = min(size, capacity - head)
    for start, count in ((head, first), (0, size - first)):
        for piece in range(start, start + count, _PIECE):
            pointers = _words(window, _HEADER_WORDS + piece, min(_PIECE, start + count - piece))
            if min(pointers) <= 0:
                raise BadCheckpoint("the queue has empty slots")
            queue.frombytes(pointers.tobytes())
    return Checkpoint(order, queue)


def _words(window: Window, index: int, count: int) -> array[int]:
    words = array("q", window.read(index * _WORD, count * _WORD))
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _read_meta(path: Path, order: int) -> tuple[int, int]:
    """Return size and head of the queue; the id must be that of the checkpoint file."""
    with Window(path) as window:
        if window.size > _LARGEST_META:
            raise MalformedMessage(f"{path} is too large")
        data = window.read(0, window.size)
    found = numbers(data, *delimited(data, 0, len(data)))
    if number(found, 1) != 3:
        raise BadCheckpoint(f"{path} is of version {number(found, 1)}")
    if number(found, 2) != order:
        raise BadCheckpoint("the checkpoint and its metadata are not of the same moment")
    return number(found, 3), number(found, 4)


def _in_flight(path: Path) -> dict[int, list[int]]:
    """Return the pointers by transaction; each sorted, because the file has them in no order."""
    if not path.is_file():
        return {}
    with Window(path) as window:
        if window.size == 0:
            return {}
        digest = window.read(0, 16)
        payload = window.read(16, window.size - 16)
    if hashlib.md5(payload, usedforsecurity=False).digest() != digest:
        raise BadCheckpoint(f"{path} does not match its digest")
    found: dict[int, list[int]] = {}
    at = 0
    while at + _LONGS.size <= len(payload):
        transaction, count = _LONGS.unpack_from(payload, at)
        at += _LONGS.size
        if not 0 <= count <= (len(payload) - at) // _WORD:
            raise MalformedMessage(f"{path} says that a transaction has {count} events")
        if count:
            pointers = struct.unpack_from(f">{count}Q", payload, at)
            found.setdefault(transaction, []).extend(sorted(pointers))
        at += count * _WORD
    return found
