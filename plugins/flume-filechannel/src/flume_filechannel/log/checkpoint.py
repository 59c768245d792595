"""The checkpoint: a small file that shortens the next start. It may be missing, old or damaged."""

from __future__ import annotations

import msgspec
from google_crc32c import value

from flume_filechannel.disk import Disk
from flume_filechannel.log.format import SegmentHead
from flume_filechannel.log.records import AllProgress

__all__ = ["Checkpoint", "read_checkpoint", "write_checkpoint"]

_MAGIC = b"FLUMECP1"
_MOST = 64 * 1024 * 1024


class Checkpoint(msgspec.Struct, array_like=True, frozen=True):
    """What was known when the newest segment ended at ``offset``.

    File: 8 bytes "FLUMECP1", CRC32C of the rest as u32 (little-endian), msgpack array of these fields.
    """

    segment: int
    salt: int
    offset: int
    next_seq: int
    taken: list[int]
    progress: AllProgress

    def fits(self, newest: SegmentHead) -> bool:
        """Tell whether it speaks of this segment, which must be the newest one."""
        return self.segment == newest.id and self.salt == newest.salt and self.offset <= newest.size


def write_checkpoint(disk: Disk, path: str, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint. Raises OSError."""
    try:
        body = msgspec.msgpack.encode(checkpoint)
    except UnicodeEncodeError:
        return  # progress with keys that are not UTF-8: the segments know it as well
    disk.write_file(path, _MAGIC + value(body).to_bytes(4, "little") + body)


def read_checkpoint(disk: Disk, path: str) -> Checkpoint | None:
    """Return the checkpoint; None if there is none that checks. Raises OSError."""
    data = disk.read_file(path, _MOST)
    if data is None or data[:8] != _MAGIC or value(data[12:]).to_bytes(4, "little") != data[8:12]:
        return None
    try:
        return msgspec.msgpack.decode(data[12:], type=Checkpoint)
    except msgspec.MsgspecError:
        return None
