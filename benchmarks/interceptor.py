"""The per-event interceptor of the benchmark: what a user would write, in 15 lines."""

from flume_core import ComponentConfig, Event, EventInterceptor


class SeverityConfig(ComponentConfig):
    """It has no properties."""


class SeverityInterceptor(EventInterceptor[SeverityConfig]):
    """Puts the second word of a line, its severity, into a header."""

    def intercept(self, event: Event) -> Event | None:
        try:
            severity = event.body.split(b" ", 2)[1]
        except IndexError:
            return event
        return event.with_headers(severity=severity.decode("utf-8", "replace"))
