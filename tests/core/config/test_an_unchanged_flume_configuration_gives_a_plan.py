"""Two agents as they stand in the field, checked against the components that are installed."""

from __future__ import annotations

import pytest

from flume_core._plugins.catalog import Catalog
from flume_core._plugins.entry_points import scan
from flume_core._runtime.load import check
from flume_core.config.findings import Mode
from flume_core.errors import Severity
from tests.core.config.tiny import errors, properties

FIELD = r"""
# Collector for the web tier.
! (a comment in the other style)
a1.sources  = web \
              ticks
a1.channels : local central
a1.sinks      file1 file2 console
a1.sinkgroups = backup

# tail the access logs
a1.sources.web.type = TAILDIR
a1.sources.web.filegroups = f1 f2
a1.sources.web.filegroups.f1 = /var/log/httpd/access\\.log
a1.sources.web.filegroups.f2 = /var/log/app/[^.]*\\.log
a1.sources.web.headers.f1.tier = front
a1.sources.web.headers.f2.tier = back
a1.sources.web.positionFile = /var/lib/flume/position.json
a1.sources.web.channels = local central
a1.sources.web.interceptors = when where tag
a1.sources.web.interceptors.when.type = timestamp
a1.sources.web.interceptors.where.type = org.apache.flume.interceptor.HostInterceptor$Builder
a1.sources.web.interceptors.where.hostHeader = hostname
a1.sources.web.interceptors.where.useIP = False
a1.sources.web.interceptors.tag.type = static
a1.sources.web.interceptors.tag.key = dc
a1.sources.web.interceptors.tag.value = eu-1
a1.sources.web.selector.type = multiplexing
a1.sources.web.selector.header = tier
a1.sources.web.selector.mapping.front = local
a1.sources.web.selector.mapping.back = local central
a1.sources.web.selector.default = central

a1.sources.ticks.type = org.apache.flume.source.SequenceGeneratorSource
a1.sources.ticks.totalEvents = 1000
a1.sources.ticks.channels = central

a1.channels.local.type = memory
a1.channels.local.capacity = 10000
a1.channels.local.transactionCapacity = 1000
a1.channels.local.keep-alive = 3
a1.channels.local.byteCapacityBufferPercentage = 20
a1.channels.central.type = org.apache.flume.channel.MemoryChannel

a1.sinks.file1.type = file_roll
a1.sinks.file1.channel = local
a1.sinks.file1.sink.directory = /var/spool/flume/one
a1.sinks.file1.sink.rollInterval = 0
a1.sinks.file1.sink.serializer = org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder
a1.sinks.file1.sink.serializer.appendNewline = true
a1.sinks.file2.type = org.apache.flume.sink.RollingFileSink
a1.sinks.file2.channel = local
a1.sinks.file2.sink.directory = /var/spool/flume/two
a1.sinks.console.type = logger
a1.sinks.console.channel = central

a1.sinkgroups.backup.sinks = file1 file2
a1.sinkgroups.backup.processor.type = failover
a1.sinkgroups.backup.processor.priority.file1 = 10
a1.sinkgroups.backup.processor.priority.file2 = 5
a1.sinkgroups.backup.processor.maxpenalty = 10000

# The second tier runs elsewhere, with components that are not installed here.
a2.sources = avro-in
a2.channels = disk
a2.sinks = out
a2.sources.avro-in.type = avro
a2.sources.avro-in.bind = 0.0.0.0
a2.sources.avro-in.port = 4141
a2.sources.avro-in.channels = disk
a2.channels.disk.type = file
a2.sinks.out.type = hdfs
a2.sinks.out.channel = disk
a2.sinks.out.hdfs.path = hdfs://namenode/flume/%Y-%m-%d
"""

CATALOG = Catalog.installed()


@pytest.mark.parametrize("mode", list(Mode))
def test_the_first_agent_has_a_plan_in_every_mode(mode: Mode) -> None:
    report = check(properties(FIELD), CATALOG, mode=mode, agent="a1")
    assert report.problems == ()
    plan = report.plans["a1"]
    assert [source.component.name for source in plan.sources] == ["web", "ticks"]
    web, ticks = plan.sources
    assert web.component.cls is CATALOG.resolve("source", "taildir")
    assert web.channels == ("local", "central")
    assert web.selector.type == "multiplexing"
    assert [each.name for each in web.interceptors] == ["when", "where", "tag"]
    assert ticks.selector.type == "replicating"
    (group,) = plan.groups
    assert group.sinks == ("file1", "file2")
    assert [sink.channel for sink in plan.sinks] == ["local", "local", "central"]


def test_the_second_agent_is_told_what_to_install() -> None:
    core_alone = Catalog(each for each in scan() if each.package == "flume-core")
    report = check(properties(FIELD), core_alone, mode=Mode.STRICT, agent="a2")
    assert {problem.key: problem.cure for problem in errors(report)} == {
        "a2.sources.avro-in.type": "pip install flume-avro",
        "a2.channels.disk.type": "pip install flume-filechannel",
        "a2.sinks.out.type": "pip install flume-hdfs",
    }


def test_every_class_name_of_the_field_leads_to_the_same_class_as_the_short_name() -> None:
    pairs = {
        "org.apache.flume.source.taildir.TaildirSource": ("source", "taildir"),
        "org.apache.flume.source.NetcatSource": ("source", "netcat"),
        "org.apache.flume.channel.MemoryChannel": ("channel", "memory"),
        "org.apache.flume.sink.NullSink": ("sink", "null"),
        "org.apache.flume.interceptor.StaticInterceptor$Builder": ("interceptor", "static"),
        "org.apache.flume.serialization.BodyTextEventSerializer$Builder": (
            "event_serializer",
            "text",
        ),
        "org.apache.flume.configfilter.EnvironmentVariableConfigFilter": ("config_filter", "env"),
    }
    for class_name, (kind, short) in pairs.items():
        assert CATALOG.resolve(kind, class_name) is CATALOG.resolve(kind, short)


def test_everything_that_is_listed_can_be_loaded_or_says_why_not() -> None:
    for kind in CATALOG.kinds():
        for listed in CATALOG.names(kind):
            if listed.providers and listed.providers[0].startswith("flume-core"):
                assert CATALOG.resolve(kind, listed.name).kind == kind


def test_a_mistake_in_a_built_in_component_is_found() -> None:
    text = FIELD + "a1.sinks.file1.sink.rolInterval = 5\na1.channels.local.capacity = lots"
    report = check(properties(text), CATALOG, mode=Mode.STRICT, agent="a1")
    assert [problem.severity for problem in report.problems] == [Severity.ERROR] * 2
    assert report.problems[0].cure == "did you mean a1.sinks.file1.sink.rollInterval?"
    assert report.problems[1].text == "a1.channels.local.capacity = lots"
