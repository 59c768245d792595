"""The kit for plugin authors: suites that prove a component right, and stand-ins for its surroundings.

A suite is a class to subclass with one fixture that returns the component and what the suite needs to
see and do (`ChannelUnderTest`, `SourceUnderTest`, ...). Tests whose hook is missing are skipped and say
so. Needs pytest: ``pip install flume-core[testing]``. Nothing here uses a network beyond loopback.
"""

# ruff: noqa: E402 - see the first statement

from pkgutil import iter_modules

import pytest

# pytest explains the assertions of modules that it rewrote before their import.
pytest.register_assert_rewrite(*(module.name for module in iter_modules(__path__, f"{__name__}.")))

from flume_core.testing.building import (
    create,
    make_channel,
    make_component,
    make_sink,
    make_source,
    store_channel,
)
from flume_core.testing.channel_contract import ChannelContract, ChannelUnderTest
from flume_core.testing.component_contract import ComponentContract, ComponentUnderTest
from flume_core.testing.crash_points import Crashed, CrashPoints, sample, snapshot_directory
from flume_core.testing.crashable_channel import CrashableChannel, CrashableChannelConfig
from flume_core.testing.crashable_store import CrashableStore
from flume_core.testing.events import (
    assert_at_least_once,
    assert_exactly,
    assert_same_events,
    numbered,
    odd_events,
)
from flume_core.testing.failing_channel import FailingChannel
from flume_core.testing.fakes import ChannelEmitter, ManualClock, RecordingEmitter, RecordingSink
from flume_core.testing.harness import Flow, running_flow
from flume_core.testing.interceptor_contract import InterceptorContract, InterceptorUnderTest
from flume_core.testing.sink_contract import SinkContract, SinkUnderTest
from flume_core.testing.source_contract import SourceContract, SourceUnderTest
from flume_core.testing.waiting import Background, wait_until

__all__ = [
    "Background",
    "ChannelContract",
    "ChannelEmitter",
    "ChannelUnderTest",
    "ComponentContract",
    "ComponentUnderTest",
    "CrashPoints",
    "CrashableChannel",
    "CrashableChannelConfig",
    "CrashableStore",
    "Crashed",
    "FailingChannel",
    "Flow",
    "InterceptorContract",
    "InterceptorUnderTest",
    "ManualClock",
    "RecordingEmitter",
    "RecordingSink",
    "SinkContract",
    "SinkUnderTest",
    "SourceContract",
    "SourceUnderTest",
    "assert_at_least_once",
    "assert_exactly",
    "assert_same_events",
    "create",
    "make_channel",
    "make_component",
    "make_sink",
    "make_source",
    "numbered",
    "odd_events",
    "running_flow",
    "sample",
    "snapshot_directory",
    "store_channel",
    "wait_until",
]
