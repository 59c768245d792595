from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from flume_core import (
    BatchSink,
    ByteSize,
    EventBatch,
    Millis,
    Nested,
    NestedComponent,
    SinkConfig,
    SubProperties,
)
from flume_core._cli.components import components
from flume_core._cli.describe import property_lines
from flume_core._cli.failures import UsageFailure
from flume_core._plugins.catalog import Catalog
from tests.core.cli.programs import run


class WebConfig(SinkConfig):
    url: str = Field(description="where events go")
    time_out: Millis = Field(500, ge=1, description="how long to wait")
    keep_alive: bool = Field(True, alias="keep-alive")
    largest: ByteSize | None = Field(None, gt=0)
    method: Literal["POST", "PUT"] = "POST"
    headers: Annotated[dict[str, str], SubProperties("headers.")] = Field(
        default_factory=dict, description="HTTP headers"
    )
    serializer: Annotated[NestedComponent, Nested("event_serializer", "sink.serializer")] = Field(
        NestedComponent("text"), description="how events become bytes"
    )


class WebSink(BatchSink[WebConfig]):
    """Posts events."""

    def write(self, batch: EventBatch) -> None:
        pass


def test_a_property_is_shown_as_flume_writes_it_with_unit_bounds_and_default() -> None:
    lines = {line.name: line for line in property_lines(WebConfig)}

    assert (lines["url"].takes, lines["url"].default) == ("text", "required")
    assert (lines["timeOut"].takes, lines["timeOut"].default) == ("ms >= 1", "500")
    assert (lines["keep-alive"].takes, lines["keep-alive"].default) == ("true or false", "true")
    assert (lines["largest"].takes, lines["largest"].default) == ("bytes > 0", "")
    assert lines["method"].takes == "POST or PUT"
    assert lines["headers.*"].description == "HTTP headers"
    assert lines["sink.serializer"].default == "text"
    assert "sink.serializer.*" in lines["sink.serializer"].description
    assert lines["batchSize"].takes == "events > 0"
    assert next(iter(lines)) == "url"


def test_the_list_groups_by_kind_and_names_the_package(tmp_path: Path) -> None:
    ended = run("flume", "components", cwd=tmp_path)

    lines = ended.stdout.splitlines()
    assert ended.returncode == 0
    assert [line for line in lines if not line.startswith(" ")][:3] == ["source", "channel", "sink"]
    assert any(line.split() == ["taildir", "flume-core", "0.1.0"] for line in lines)
    assert "org.apache" not in ended.stdout


def test_a_type_is_explained_in_any_case_with_its_other_names(tmp_path: Path) -> None:
    ended = run("flume", "components", "FILE_ROLL", cwd=tmp_path)

    assert ended.returncode == 0
    assert ended.stdout.startswith("sink file_roll, from flume-core 0.1.0\n")
    assert "also written org.apache.flume.sink.RollingFileSink" in ended.stdout
    assert "sink.rollInterval" in ended.stdout


def test_every_installed_component_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    catalog = Catalog.installed()
    for kind in catalog.kinds():
        for listed in catalog.names(kind):
            assert components(listed.name, catalog) == 0
            assert listed.name in capsys.readouterr().out


def test_a_kind_lists_its_own_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert components("sinks", Catalog.of({("sink", "web"): WebSink})) == 0

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["sink", "web"]


def test_narrow_terminals_get_every_word_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog.of({("sink", "web"): WebSink})
    words: list[list[str]] = []
    for columns in ("40", "80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        components("web", catalog)
        words.append(sorted(capsys.readouterr().out.split()))

    assert words[0] == words[1] == words[2]


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [("wep", "did you mean web?"), ("hdfs", "pip install flume-hdfs"), ("q", "flume components")],
)
def test_an_unknown_type_is_a_usage_error_with_a_hint(wanted: str, hint: str) -> None:
    with pytest.raises(UsageFailure) as failure:
        components(wanted, Catalog.of({("sink", "web"): WebSink}))

    assert hint in str(failure.value)
