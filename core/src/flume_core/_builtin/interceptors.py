"""The interceptors: timestamp, host, static. Each costs the same for one event and for thousands."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from pydantic import Field

from flume_core.batch import EventBatch
from flume_core.component import ComponentContext
from flume_core.config.model import ComponentConfig
from flume_core.event import NO_HEADERS
from flume_core.interceptor import Interceptor

__all__ = [
    "HostConfig",
    "HostInterceptor",
    "StaticConfig",
    "StaticInterceptor",
    "TimestampConfig",
    "TimestampInterceptor",
]


class TimestampConfig(ComponentConfig):
    """Settings of the timestamp interceptor."""

    header_name: str = Field("timestamp", min_length=1, description="header that gets the time")
    preserve_existing: bool = Field(False, description="leave events alone that have the header")


class TimestampInterceptor(Interceptor[TimestampConfig]):
    """Adds the time of receipt in milliseconds since the epoch, as Flume does.

    The clock is read once per batch: all events of a batch get the same time.
    """

    def intercept(self, batch: EventBatch) -> EventBatch:
        """Return the batch with the header."""
        now = str(int(self.context.clock.time() * 1000))
        config = self.config
        return batch.with_headers({config.header_name: now}, keep_existing=config.preserve_existing)


class HostConfig(ComponentConfig):
    """Settings of the host interceptor."""

    host_header: str = Field(
        "host", min_length=1, description="header that gets the address or name"
    )
    use_ip: bool = Field(
        True, alias="useIP", description="the IP address; false: the canonical name of the host"
    )
    preserve_existing: bool = Field(False, description="leave events alone that have the header")


class HostInterceptor(Interceptor[HostConfig]):
    """Adds the address or the name of the machine that the agent runs on.

    As in Flume it is looked up once, at the start; if that fails there is a warning, and no header is
    added. IPv4 addresses are preferred.
    """

    def __init__(self, config: HostConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._added: Mapping[str, str] = NO_HEADERS

    def start(self) -> None:
        """Look up the address or the name."""
        try:
            host = _address() if self.config.use_ip else socket.getfqdn()
        except (OSError, UnicodeError) as error:
            self.log.warning(
                "the address of this host cannot be found (%s): no header %s is added; give the name"
                " %s an address, for instance in /etc/hosts",
                error,
                self.config.host_header,
                socket.gethostname(),
            )
        else:
            self._added = {self.config.host_header: host}

    def intercept(self, batch: EventBatch) -> EventBatch:
        """Return the batch with the header; the batch itself if there is none to add."""
        if not self._added:
            return batch
        return batch.with_headers(self._added, keep_existing=self.config.preserve_existing)


def _address() -> str:
    found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    addresses = sorted(found, key=lambda entry: entry[0] is not socket.AF_INET)
    return str(addresses[0][4][0])


class StaticConfig(ComponentConfig):
    """Settings of the static interceptor."""

    key: str = Field("key", min_length=1, description="header to add")
    value: str = Field("value", description="its value")
    preserve_existing: bool = Field(True, description="leave events alone that have the header")


class StaticInterceptor(Interceptor[StaticConfig]):
    """Adds one header with one value, as Flume does."""

    def __init__(self, config: StaticConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._added = {config.key: config.value}

    def intercept(self, batch: EventBatch) -> EventBatch:
        """Return the batch with the header."""
        return batch.with_headers(self._added, keep_existing=self.config.preserve_existing)
