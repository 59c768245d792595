"""One configuration in both forms, and how TOML's values become Flume's."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core.config.properties import Property, merge, parse_properties
from flume_core.config.substitution import substitute
from flume_core.config.toml import parse_toml, read_toml

PROPERTIES = r"""
# An agent with most of what a configuration can hold.
a1.sources = r1 r2
a1.channels = c1 c2
a1.sinks = k1 k2
a1.sinkgroups = g1

a1.sources.r1.type = TAILDIR
a1.sources.r1.channels = c1 c2
a1.sources.r1.filegroups = f1
a1.sources.r1.filegroups.f1 = /var/log/app/.*\\.log
a1.sources.r1.headers.f1.dc = ${env:DC:-eu}
a1.sources.r1.batchSize = 1000
a1.sources.r1.fileHeader = true
a1.sources.r1.interceptors = i1 i2
a1.sources.r1.interceptors.i1.type = timestamp
a1.sources.r1.interceptors.i2.type = org.apache.flume.interceptor.HostInterceptor$Builder
a1.sources.r1.interceptors.i2.useIP = false
a1.sources.r1.selector.type = multiplexing
a1.sources.r1.selector.header = dc
a1.sources.r1.selector.mapping.eu = c1
a1.sources.r1.selector.mapping.new\ york = c1 c2
a1.sources.r1.selector.default = c2
a1.sources.r2.type = seq
a1.sources.r2.channels = c2

a1.channels.c1.type = memory
a1.channels.c1.keep-alive = 3
a1.channels.c2.type = memory

a1.sinks.k1.type = file_roll
a1.sinks.k1.channel = c1
a1.sinks.k1.sink.directory = /data/naïve
a1.sinks.k1.sink.serializer = text
a1.sinks.k1.sink.serializer.appendNewline = true
a1.sinks.k2.type = logger
a1.sinks.k2.channel = c2

a1.sinkgroups.g1.sinks = k1 k2
a1.sinkgroups.g1.processor.type = failover
a1.sinkgroups.g1.processor.priority.k1 = 10
a1.sinkgroups.g1.processor.ratio = 0.5

other.sources =
"""

TOML = r"""
# The same agent.
[a1]
sinkgroups = ["g1"]

[a1.sources]
"" = ["r1", "r2"]

[a1.sources.r1]
type = "TAILDIR"
channels = [
    "c1", # the first
    "c2",
]
headers.f1.dc = "${env:DC:-eu}"
batchSize = 1_000
fileHeader = true

[a1.sources.r1.filegroups]
"" = ["f1"]
f1 = '/var/log/app/.*\.log'

[a1.sources.r1.interceptors]
"" = ["i1", "i2"]
i1 = { type = "timestamp" }
i2.type = "org.apache.flume.interceptor.HostInterceptor$Builder"
i2.useIP = false

[a1.sources.r1.selector]
type = "multiplexing"
header = "dc"
default = ["c2"]

[a1.sources.r1.selector.mapping]
eu = "c1"
"new york" = "c1 c2"

[a1.sources.r2]
type = "seq"
channels = "c2"

[a1.channels]
"" = "c1 c2"
c1 = { type = "memory", keep-alive = 3 }
c2.type = "memory"

[a1.sinks]
"" = ["k1", "k2"]

[a1.sinks.k1]
type = "file_roll"
channel = "c1"
sink.directory = "/data/na\u00efve"
"sink.serializer" = "text"
sink.serializer.appendNewline = true

[a1.sinks.k2]
type = "logger"
channel = "c2"

["a1.sinkgroups.g1"]
sinks = ["k1", "k2"]
processor = { type = "failover", priority = { k1 = 10 }, ratio = 0.5 }

[other]
sources = []
"""


def values(properties: list[Property]) -> dict[str, str]:
    return {key: prop.value for key, prop in merge([properties]).items()}


def test_one_configuration_in_both_forms_gives_the_same_keys_and_values() -> None:
    from_toml = parse_toml(TOML, "flume.toml")
    from_properties = parse_properties(PROPERTIES, "flume.conf")

    assert values(from_toml) == values(from_properties)
    assert len(from_toml) == len(from_properties)


def test_variables_are_filled_in_from_toml_as_well() -> None:
    properties = merge([parse_toml(TOML, "flume.toml")])

    filled_in = substitute(properties, environ={"DC": "us"})

    assert filled_in["a1.sources.r1.headers.f1.dc"].value == "us"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"  trimmed\\t"', "trimmed"),
        ("'C:\\users'", "C:\\users"),
        ("true", "true"),
        ("false", "false"),
        ("-1_000", "-1000"),
        ("0xff", "255"),
        ("0.10", "0.10"),
        ("1e3", "1000"),
        ("2.5e-3", "0.0025"),
        ("[]", ""),
        ('["a", 1, true, 0.5]', "a 1 true 0.5"),
        ('"""\none\ntwo"""', "one\ntwo"),
    ],
)
def test_a_value_becomes_the_text_that_a_properties_file_would_have(
    value: str, expected: str
) -> None:
    (prop,) = parse_toml(f"x = {value}", "flume.toml")

    assert (prop.key, prop.value) == ("x", expected)


def test_a_file_is_read_as_utf_8_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "flume.toml"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text('# flow\r\na1.x = "Zürich 😀"\r\n', encoding=encoding, newline="")

        (prop,) = read_toml(path)

        assert (prop.key, prop.value) == ("a1.x", "Zürich 😀")
        assert str(prop.origin) == f"{path}:2"


def test_an_empty_file_has_no_entries() -> None:
    assert parse_toml("", "flume.toml") == []
    assert parse_toml("# nothing\n[a1.sources]\n", "flume.toml") == []
