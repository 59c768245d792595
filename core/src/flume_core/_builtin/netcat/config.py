"""Settings of the netcat source."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flume_core._builtin.charset import Charset
from flume_core.config.fields import Seconds, Unit
from flume_core.config.model import SourceConfig

__all__ = ["NetcatSourceConfig"]


class NetcatSourceConfig(SourceConfig):
    """Settings of the netcat source; the last three are not in Java Flume."""

    bind: str = Field(min_length=1, description="address or host name to listen on, and no other")
    port: int = Field(ge=0, le=65535, description="TCP port; 0: any free one")
    ack_every_event: bool = Field(
        True, alias="ack-every-event", description="answer OK to each line once it is committed"
    )
    max_line_length: int = Field(
        512,
        alias="max-line-length",
        gt=0,
        description="longest line in characters, its end included",
    )
    encoding: Charset = Field(
        "utf-8", description="of the lines and of the answers; bodies are UTF-8 in any case"
    )
    batch_size: Annotated[int | None, Unit("events")] = Field(
        None,
        gt=0,
        description="most lines committed together, when a client sends faster than one by one;"
        " default: 100, or what one transaction of the channels holds",
    )
    max_connections: int = Field(
        200,
        alias="max-connections",
        gt=0,
        description="clients served at once; others are turned away",
    )
    idle_timeout: Seconds = Field(
        3600,
        alias="idle-timeout",
        ge=0,
        le=2_000_000,
        description="a client that sends no complete line, or takes no answer, for so long is cut off;"
        " 0: never",
    )
