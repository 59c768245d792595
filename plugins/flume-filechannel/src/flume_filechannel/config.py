"""Settings of the file channel: Flume's properties, and a few of our own."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from flume_core.config.fields import (
    ByteSize,
    Events,
    JavaRepairs,
    Millis,
    Seconds,
    SubProperties,
)
from flume_core.config.model import ChannelConfig

__all__ = ["FileChannelConfig", "OnCorruption"]

_SEGMENT = 64 * 1024 * 1024
_SMALLEST_SEGMENT = 256 * 1024


class OnCorruption(StrEnum):
    """What to do about damaged records."""

    QUARANTINE = "quarantine"
    FAIL = "fail"


def _directory(value: object) -> object:
    return os.path.realpath(os.path.expanduser(value.strip())) if isinstance(value, str) else value


def _directories(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(_directory(part) for part in value.split(",") if part.strip()))


def _home(name: str) -> str:
    return str(Path.home() / ".flume" / "file-channel" / name)


Directory = Annotated[str, BeforeValidator(_directory)]


class FileChannelConfig(ChannelConfig):
    """Settings of the file channel."""

    checkpoint_dir: Directory = Field(
        default_factory=lambda: _home("checkpoint"),
        description="holds the checkpoint, which shortens the start; this channel's alone",
    )
    data_dirs: Annotated[tuple[str, ...], BeforeValidator(_directories)] = Field(
        default_factory=lambda: (_home("data"),),
        min_length=1,
        description="comma-separated; new segments of the log go to them in turn",
    )
    capacity: Annotated[Events, JavaRepairs()] = Field(
        1_000_000, gt=0, description="most events in the channel"
    )
    transaction_capacity: Annotated[Events, JavaRepairs()] = Field(
        10_000, gt=0, description="most events that one transaction puts, and that one takes"
    )
    keep_alive: Annotated[Seconds, JavaRepairs()] = Field(
        3, ge=0, alias="keep-alive", description="how long a commit waits for room"
    )
    checkpoint_interval: Annotated[Millis, JavaRepairs()] = Field(
        30_000, gt=0, description="time between checkpoints; below 1000 counts as 1000"
    )
    max_file_size: Annotated[ByteSize, JavaRepairs()] = Field(
        _SEGMENT,
        gt=0,
        description="length of a segment; at least 256 KiB, and 64 MiB is used for more",
    )
    minimum_required_space: Annotated[ByteSize, JavaRepairs()] = Field(
        524_288_000,
        ge=0,
        description="no new segment is made where less would stay free; at least 1 MiB",
    )
    fsync_per_transaction: bool = Field(
        True,
        description="false: commits do not wait for the disk, it is synced every fsyncInterval",
    )
    fsync_interval: Seconds = Field(5, gt=0, description="see fsyncPerTransaction")
    on_corruption: OnCorruption = Field(
        OnCorruption.QUARANTINE,
        description="damaged records are set aside and the rest is delivered (quarantine), or the"
        " whole log is read at the start, which fails if there are any (fail)",
    )
    use_dual_checkpoints: bool = Field(
        False, description="accepted; not needed: a start without a checkpoint is nearly as fast"
    )
    backup_checkpoint_dir: str | None = Field(None, description="accepted, not needed")
    compress_backup_checkpoint: bool = Field(False, description="accepted, not needed")
    checkpoint_on_close: bool = Field(True, description="write a checkpoint at the stop")
    use_log_replay_v1: bool = Field(
        False, alias="use-log-replay-v1", description="accepted, not needed"
    )
    use_fast_replay: bool = Field(
        False, alias="use-fast-replay", description="accepted, not needed"
    )

    encryption: Annotated[dict[str, str], SubProperties("encryption.")] = Field(
        {}, description="refused: this version cannot encrypt, and must not pretend to"
    )

    @field_validator("encryption")
    @classmethod
    def _not_yet(cls, value: dict[str, str]) -> dict[str, str]:
        if value:
            raise ValueError(
                f"encryption.{min(value)} asks for encryption, which this version of"
                " flume-filechannel does not have: use an encrypted file system, or stay with the"
                " Java agent"
            )
        return value

    @model_validator(mode="after")
    def _fits(self) -> FileChannelConfig:
        if self.transaction_capacity > self.capacity:
            raise ValueError(
                f"transactionCapacity {self.transaction_capacity} is above capacity {self.capacity};"
                " raise capacity or lower transactionCapacity"
            )
        if self.checkpoint_dir in self.data_dirs:
            raise ValueError(
                f"checkpointDir {self.checkpoint_dir} is one of dataDirs: name another directory"
            )
        return self

    @property
    def segment_size(self) -> int:
        """The length of a segment in bytes."""
        return min(max(self.max_file_size, _SMALLEST_SEGMENT), _SEGMENT)
