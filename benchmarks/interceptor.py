"""The per-event interceptor of the benchmark: what a user would write, in 15 lines."""

from flume_core import ComponentConfig, Event, EventInterceptor


class SeverityConfig(ComponentConfig):
    header: str = "severity"


class SeverityInterceptor(EventInterceptor[SeverityConfig]):
    """Puts the second word of a line, its severity, into a header."""

    def intercept(self, event: Event) -> Event | None:
        start = event.body.find(b" ") + 1
        word = event.body[start : event.body.find(b" ", start)]
        return event.with_headers({self.config.header: word.decode("ascii", "replace")})
