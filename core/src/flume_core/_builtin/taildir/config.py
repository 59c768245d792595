"""Settings of the taildir source."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from flume_core._builtin.taildir.cutter import BLOCK
from flume_core._builtin.taildir.javaregex import compile_java
from flume_core._builtin.taildir.matcher import split_pattern
from flume_core.config.fields import (
    ByteSize,
    Events,
    JavaRepairs,
    Millis,
    SubProperties,
    Unit,
    Words,
)
from flume_core.config.model import PollableSourceConfig

__all__ = ["TaildirConfig"]


class TaildirConfig(PollableSourceConfig):
    """What can be set for a taildir source; Flume's names and defaults, and ``maxLineLength``."""

    filegroups: Words = Field(description="names of the file groups, in the order of their turns")
    patterns: Annotated[dict[str, str], SubProperties("filegroups.")] = Field(
        default_factory=dict,
        description="for each group: a directory, and a Java regular expression for file names in it",
    )
    position_file: str = Field(
        "~/.flume/taildir_position.json",
        validate_default=True,
        description="where positions are saved, as JSON; fingerprints go beside it, in FILE.ids",
    )
    headers: Annotated[dict[str, str], SubProperties("headers.")] = Field(
        default_factory=dict, description="GROUP.KEY: a header for all events of a group"
    )
    byte_offset_header: bool = Field(
        False, description="whether header byteoffset tells where in its file a line starts"
    )
    skip_to_end: bool = Field(
        False,
        description="whether files found at the start, and not in the position file, are read from their end",
    )
    idle_timeout: Millis = Field(
        120_000,
        ge=0,
        description="time without a change after which a file is closed, its unfinished last line"
        " emitted, and the position of one that is gone forgotten",
    )
    write_pos_interval: Millis = Field(3000, gt=0, description="time between two position files")
    batch_size: Events = Field(100, gt=0, description="most lines in a batch")
    max_batch_count: Annotated[int, Unit("batches"), JavaRepairs()] = Field(
        2**63 - 1, gt=0, description="batches from one file until the next file has its turn"
    )
    cache_pattern_matching: bool = Field(
        True, description="whether a directory is listed only when it has changed"
    )
    file_header: bool = Field(False, description="whether a header tells the path of the file")
    file_header_key: str = Field("file", min_length=1, description="the name of that header")
    max_line_length: ByteSize = Field(
        64 << 20,
        ge=BLOCK,
        description="longer lines are cut into several events (Flume has no limit)",
    )

    @field_validator("position_file")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value:
            raise ValueError("no file is named")
        # A link is followed: saving replaces the file, and would replace the link.
        return os.path.realpath(os.path.expanduser(value))

    @model_validator(mode="after")
    def _patterns_are_usable(self) -> TaildirConfig:
        named = [group for group in self.filegroups if group in self.patterns]
        if not named:
            first = self.filegroups[0] if self.filegroups else "f1"
            raise ValueError(
                "filegroups: no group has files; write for instance"
                rf" filegroups = {first} and filegroups.{first} = /var/log/app/.*\.log"
            )
        for group in named:
            try:
                _, name = split_pattern(self.patterns[group])
                compile_java(name)
            except ValueError as error:
                hint = ""
                if name_starts_like_glob(self.patterns[group]):
                    hint = r"; it is no shell pattern: for *.log write .*\.log"
                raise ValueError(f"filegroups.{group}: {error}{hint}") from error
        return self


def name_starts_like_glob(pattern: str) -> bool:
    """Tell whether a pattern looks as if a shell was meant to expand it."""
    return pattern.rpartition("/")[2].startswith(("*", "?"))
