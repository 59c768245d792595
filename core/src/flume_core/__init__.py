"""Flume for Python: the contracts, and what a plugin needs to meet them.

Everything a plugin imports is here or in the modules these names come from; modules whose names begin
with an underscore are machinery and may change in any release.
"""

from flume_core.avro_event import MalformedEvent
from flume_core.batch import EMPTY_BATCH, Buffer, Column, EventBatch
from flume_core.channel import Channel
from flume_core.component import Clock, Component, ComponentContext, SystemClock
from flume_core.config.fields import (
    ByteSize,
    Events,
    JavaRepairs,
    Millis,
    Nested,
    NestedComponent,
    Seconds,
    SubProperties,
    Unit,
    Words,
)
from flume_core.config.model import (
    ChannelConfig,
    ComponentConfig,
    PollableSourceConfig,
    SinkConfig,
    SourceConfig,
)
from flume_core.config_filter import ConfigFilter
from flume_core.errors import (
    ChannelError,
    ChannelFull,
    ConfigurationError,
    ContractError,
    FlumeError,
    PartialFailure,
    PermanentError,
    PluginError,
    RetryableError,
    TransactionStateError,
)
from flume_core.event import NO_HEADERS, Event, decode_header, encode_header
from flume_core.hooks import LifecycleState, hookimpl
from flume_core.interceptor import EventInterceptor, Interceptor
from flume_core.key_provider import KeyProvider
from flume_core.metrics import ComponentMetrics
from flume_core.selector import (
    ChannelSelector,
    EventSelector,
    Selection,
    SelectorContext,
)
from flume_core.serializer import EventSerializer
from flume_core.sink import BatchSink, EventSink, Sink, SinkContext
from flume_core.sink_processor import ProcessorContext, SinkHandle, SinkProcessor
from flume_core.source import Emitter, PollableSource, Source, SourceContext, Status
from flume_core.ticket import Ticket
from flume_core.transaction import Progress, Span, Transaction, TransactionState

__version__ = "0.1.0"

__all__ = [
    "EMPTY_BATCH",
    "NO_HEADERS",
    "BatchSink",
    "Buffer",
    "ByteSize",
    "Channel",
    "ChannelConfig",
    "ChannelError",
    "ChannelFull",
    "ChannelSelector",
    "Clock",
    "Column",
    "Component",
    "ComponentConfig",
    "ComponentContext",
    "ComponentMetrics",
    "ConfigFilter",
    "ConfigurationError",
    "ContractError",
    "Emitter",
    "Event",
    "EventBatch",
    "EventInterceptor",
    "EventSelector",
    "EventSerializer",
    "EventSink",
    "Events",
    "FlumeError",
    "Interceptor",
    "JavaRepairs",
    "KeyProvider",
    "LifecycleState",
    "MalformedEvent",
    "Millis",
    "Nested",
    "NestedComponent",
    "PartialFailure",
    "PermanentError",
    "PluginError",
    "PollableSource",
    "PollableSourceConfig",
    "ProcessorContext",
    "Progress",
    "RetryableError",
    "Seconds",
    "Selection",
    "SelectorContext",
    "Sink",
    "SinkConfig",
    "SinkContext",
    "SinkHandle",
    "SinkProcessor",
    "Source",
    "SourceConfig",
    "SourceContext",
    "Span",
    "Status",
    "SubProperties",
    "SystemClock",
    "Ticket",
    "Transaction",
    "TransactionState",
    "TransactionStateError",
    "Unit",
    "Words",
    "decode_header",
    "encode_header",
    "hookimpl",
]
