"""Whatever a configuration says, a check answers with problems or a plan."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flume_core._runtime.load import check
from flume_core.config.findings import Mode
from flume_core.config.properties import Property
from flume_core.config.structure import LISTS
from flume_core.errors import Origin, Severity
from tests.core.config.tiny import CATALOG, GOOD, properties

WORDS = st.sampled_from(
    [
        *LISTS,
        *[
            "a1",
            "b1",
            "r1",
            "c1",
            "c2",
            "k1",
            "k2",
            "g1",
            "f1",
            "i1",
            "type",
            "source",
            "sink",
            "selector",
            "interceptors",
            "processor",
            "mapping",
            "optional",
            "default",
            "channel",
            "port",
            "batchSize",
            "capacity",
            "keep-alive",
            "sink.directory",
            "sink.serializer",
            "priority",
            "headers",
            "password",
            "sync",
            "config",
        ],
    ]
)
TYPES = st.sampled_from(
    [
        "tick",
        "ram",
        "store",
        "drop",
        "stamp",
        "multiplexing",
        "replicating",
        "default",
        "failover",
        "plain",
        "vault",
        "TICK",
        "hdfs",
        "nothing",
        "no.such.Class",
        "org.example.Stamp$Builder",
    ]
)
JUNK = st.text(max_size=8).filter(lambda text: ":" not in text)
KEYS = st.one_of(st.lists(st.one_of(WORDS, JUNK), max_size=7).map(".".join), JUNK)
VALUES = st.one_of(
    TYPES,
    st.lists(st.one_of(WORDS, JUNK), max_size=4).map(" ".join),
    st.integers().map(str),
    st.sampled_from(["", "true", "yes", "${f1[pw]}", "${f1[boom]}", "${f2['x']}", "c1,c2", "-1"]),
)
LINES = st.dictionaries(KEYS, VALUES, max_size=25)


@given(LINES, st.booleans(), st.sampled_from(Mode), st.sampled_from([None, "a1", "b1"]))
def test_any_properties_give_problems_or_a_plan(
    lines: dict[str, str], beside_good_ones: bool, mode: Mode, agent: str | None
) -> None:
    given_ = dict(properties(GOOD)) if beside_good_ones else {}
    for number, (key, value) in enumerate(lines.items(), start=20):
        key, value = key.strip(), value.strip()
        given_[key] = Property(key, value, Origin("x.conf", number), f"{key} = {value}")
    report = check(given_, CATALOG, mode=mode, agent=agent)
    for problem in report.problems:
        assert problem.message
        assert str(problem)
    broken = {p.agent for p in report.problems if p.severity is Severity.ERROR}
    for name, plan in report.plans.items():
        assert name not in broken
        assert plan.channels
        assert plan.sources or plan.sinks
        channels = {channel.name for channel in plan.channels}
        assert all(channels.issuperset(source.channels) for source in plan.sources)
        assert all(sink.channel in channels for sink in plan.sinks)
        sinks = {sink.component.name for sink in plan.sinks}
        assert all(sinks.issuperset(group.sinks) for group in plan.groups)
    for name in report.agents:
        if agent in (None, name) and name not in broken:
            assert name in report.plans


@given(st.lists(st.sampled_from(GOOD.splitlines()), unique=True), st.sampled_from(Mode))
def test_a_good_configuration_with_lines_missing_says_what_is_missing(
    lines: list[str], mode: Mode
) -> None:
    report = check(properties("\n".join(lines)), CATALOG, mode=mode)
    complete = len(lines) == len(GOOD.splitlines())
    assert bool(report.problems) is not complete
    assert all(problem.cure for problem in report.problems)


RICH = """\
a1.configfilters = f1
a1.configfilters.f1.type = vault
a1.sources = r1 r2
a1.channels = c1 c2
a1.sinks = k1 k2 k3
a1.sinkgroups = g1
a1.sources.r1.type = tick
a1.sources.r1.channels = c1 c2
a1.sources.r1.interceptors = i1 i2
a1.sources.r1.interceptors.i1.type = stamp
a1.sources.r1.interceptors.i2.type = stamp
a1.sources.r1.selector.type = multiplexing
a1.sources.r1.selector.mapping.US = c1
a1.sources.r1.selector.default = c2
a1.sources.r2.type = tick
a1.sources.r2.channels = c2
a1.channels.c1.type = ram
a1.channels.c1.capacity = 500
a1.channels.c2.type = ram
a1.channels.c2.keep-alive = 5
a1.sinks.k1.type = store
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = ${f1[dir]}
a1.sinks.k1.sink.serializer = plain
a1.sinks.k1.sink.serializer.appendNewline = true
a1.sinks.k2.type = drop
a1.sinks.k2.channel = c1
a1.sinks.k3.type = drop
a1.sinks.k3.channel = c2
a1.sinkgroups.g1.sinks = k1 k2
a1.sinkgroups.g1.processor.type = failover
a1.sinkgroups.g1.processor.priority.k1 = 9
""".splitlines()


@st.composite
def mistaken(draw: st.DrawFn) -> str:
    """Draw the rich configuration with one to three lines spoilt or missing."""
    lines = list(RICH)
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(start + 2, len(line))))
        changed = line[:start] + draw(st.sampled_from(["", "x", " ", ".", "K"])) + line[end:]
        lines[index] = draw(st.sampled_from([changed, changed, changed, ""]))
    return "\n".join(lines)


@given(mistaken(), st.sampled_from(Mode))
def test_nothing_that_is_listed_is_left_out_without_an_error_or_a_warning(
    text: str, mode: Mode
) -> None:
    given_ = properties(text)
    report = check(given_, CATALOG, mode=mode)
    assert report.plans or report.failed
    for name, plan in report.plans.items():
        counts = {
            "channels": len(plan.channels),
            "sources": len(plan.sources),
            "sinks": len(plan.sinks),
            "sinkgroups": len(plan.groups),
        }
        for list_, count in counts.items():
            listed = given_.get(f"{name}.{list_}")
            complete = count == len(listed.value.split() if listed else ())
            assert complete or any(problem.agent == name for problem in report.problems)
            if mode is Mode.STRICT and not report.failed:
                assert complete
