"""Settings of the file_roll sink."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from flume_core.config.fields import Events, Nested, NestedComponent, Seconds
from flume_core.config.model import SinkConfig

__all__ = ["FileRollConfig", "PathManager"]


class PathManager(StrEnum):
    """How output files get their names."""

    DEFAULT = "default"
    ROLLTIME = "rolltime"


_JAVA_CLASSES = {
    "org.apache.flume.formatter.output.DefaultPathManager$Builder": PathManager.DEFAULT,
    "org.apache.flume.formatter.output.RollTimePathManager$Builder": PathManager.ROLLTIME,
}


def _path_manager(value: object) -> object:
    if not isinstance(value, str):
        return value
    chosen = _JAVA_CLASSES.get(value) or value.lower()
    if chosen not in list(PathManager):
        raise ValueError(f"{value!r} is no path manager: write default or rolltime")
    return PathManager(chosen)


class FileRollConfig(SinkConfig):
    """Settings of the file_roll sink."""

    directory: str = Field(
        alias="sink.directory", min_length=1, description="where the files go; it must exist"
    )
    path_manager: Annotated[PathManager, BeforeValidator(_path_manager)] = Field(
        PathManager.DEFAULT,
        alias="sink.pathManager",
        description="names carry the time of the start (default) or of the file (rolltime)",
    )
    prefix: str = Field(
        "", alias="sink.pathManager.prefix", description="what every file name begins with"
    )
    extension: str = Field(
        "",
        alias="sink.pathManager.extension",
        description="what every file name ends with, after a dot",
    )
    in_use_suffix: str = Field(
        "",
        alias="sink.inUseSuffix",
        description="added to the name until the file is complete; without it files are written"
        " under their final names, as in Flume",
    )
    roll_interval: Seconds = Field(
        30,
        alias="sink.rollInterval",
        description="age at which a file is closed and the next one begun; 0 or less: never",
    )
    batch_size: Events = Field(
        100, gt=0, alias="sink.batchSize", description="most events taken in one transaction"
    )
    # Not called `serializer`: a field may be spelled by its own name, and Java ignores that property.
    event_serializer: Annotated[NestedComponent, Nested("event_serializer", "sink.serializer")] = (
        Field(
            NestedComponent("text"),
            alias="sink.serializer",
            description="how events become bytes; its own properties follow behind sink.serializer.",
        )
    )

    @field_validator("directory")
    @classmethod
    def _no_file(cls, value: str) -> str:
        # A missing one may come with a mount: that is an outage at run time, not a mistake.
        if os.path.exists(value) and not os.path.isdir(value):
            raise ValueError(f"{value!r} exists and is not a directory")
        return value

    @field_validator("extension", "in_use_suffix")
    @classmethod
    def _one_name(cls, value: str) -> str:
        if "/" in value:
            raise ValueError(f"{value!r} holds a slash: it is part of a file name")
        return value
