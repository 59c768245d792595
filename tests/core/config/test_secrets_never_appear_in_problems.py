"""What was filled in, and what is named like a secret, is not shown, whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flume_core._runtime.load import check_files, create_nested, load_plan
from flume_core.config.findings import Mode
from flume_core.config.model import SinkConfig
from flume_core.errors import ConfigurationError
from flume_core.sink import BatchSink
from tests.core.config.tiny import CATALOG, GOOD, checked

SECRET = "hunter2-longer"
STORE = GOOD.replace("type = drop", "type = store") + "a1.sinks.k1.sink.directory = /d\n"
FILTER = "a1.configfilters = f1\na1.configfilters.f1.type = vault\n"


def shown(path: Path, text: str, mode: Mode) -> str:
    path.write_text(text)
    report = check_files([path], CATALOG, mode=mode, environ={"PW": SECRET}, system={})
    assert report.problems
    return "\n".join(map(str, report.problems))


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "wrong",
    [
        "a1.sinks.k1.batchSize = ",
        "a1.sinks.k1.order = ",
        "a1.sinks.k1.sync = ",
        "a1.sinks.k1.unknown = ",
        "a1.sinks.k1.type = nothing\na1.sinks.k1.x = ",
        "a1.sinks.k1.sink.serializer.width = ",
        "a1.channels.c1.keep-alive = ",
        "a1.sinks.kk.password = ",
        "password = ",
        "a1.sinks.kk = ",
        "a1.sources.r1.interceptors.i1 = ",
        "a1.oddity = ",
    ],
)
@pytest.mark.parametrize("value", ["${env:PW}", "${f1[pw]}", "a ${env:PW}", "${none:-${env:PW}}"])
def test_a_value_from_elsewhere_is_not_shown(
    tmp_path: Path, wrong: str, value: str, mode: Mode
) -> None:
    assert SECRET not in shown(tmp_path / "flume.conf", STORE + FILTER + wrong + value, mode)


@pytest.mark.parametrize(
    "key", ["password", "truststore-password", "apiKey", "sas.token", "Secret"]
)
def test_the_line_of_a_secret_property_is_masked(key: str) -> None:
    report = checked(STORE + f"a1.sinks.k1.{key} = {SECRET}\na1.sinks.k1.{key}x = {SECRET}")
    assert not report.plans or key == "password"
    assert SECRET not in "\n".join(map(str, report.problems))


def test_a_wrong_password_is_reported_without_it() -> None:
    (problem,) = checked(STORE + "a1.sinks.k1.password = hunter2").problems
    assert problem.text == "a1.sinks.k1.password = ***"
    assert "hunter2" not in str(problem)
    assert "at least 8 characters" in problem.message


def test_a_component_named_like_a_secret_is_shown_as_usual() -> None:
    text = GOOD.replace("k1", "tokens") + "a1.sinks.tokens.batchSize = many"
    (problem,) = checked(text).problems
    assert problem.text == "a1.sinks.tokens.batchSize = many"


def test_a_model_that_quotes_its_input_cannot_give_it_away(tmp_path: Path) -> None:
    from pydantic import field_validator, model_validator

    class TalkingConfig(SinkConfig):
        url: str
        other: str = ""

        @field_validator("url")
        @classmethod
        def _check(cls, value: str) -> str:
            if "@" not in value:
                raise ValueError(f"{value!r} has no @, it begins with {value.split()[0]}")
            return value

        @model_validator(mode="after")
        def _both(self) -> TalkingConfig:
            if self.other:
                raise ValueError(f"{self.other} does not go with {self.url}")
            return self

    class Talking(BatchSink[TalkingConfig]):
        def write(self, batch: object) -> None:
            pass

    catalog = CATALOG.with_({("sink", "talking"): Talking})
    path = tmp_path / "flume.conf"
    for settings in (
        "a1.sinks.k1.url = ${env:PW} x",
        "a1.sinks.k1.url = @${env:PW}\na1.sinks.k1.other = x",
    ):
        path.write_text(GOOD.replace("type = drop", "type = talking") + settings)
        with pytest.raises(ConfigurationError) as caught:
            load_plan([path], "a1", catalog, mode=Mode.STRICT, environ={"PW": SECRET}, system={})
        assert SECRET not in str(caught.value)


def test_a_nested_component_made_at_run_time_does_not_show_its_settings() -> None:
    from tests.core.config.tiny_contexts import context

    with pytest.raises(ConfigurationError) as caught:
        create_nested(CATALOG, "event_serializer", "plain", {"width": SECRET}, context("k1"))
    assert SECRET not in str(caught.value)
    assert "width" in str(caught.value)
