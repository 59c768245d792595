"""``flume_core.testing`` is what authors import: complete, documented, and without hypothesis."""

from __future__ import annotations

import inspect
import subprocess
import sys

import flume_core.testing as kit


def test_the_kit_imports_without_hypothesis() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None; import flume_core.testing as kit;"
        " print(kit.ChannelContract.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("ChannelContract\n", "")


def test_everything_promised_is_there_and_nothing_else_is_public() -> None:
    modules = {name for name, value in vars(kit).items() if inspect.ismodule(value)}
    visible = {name for name in vars(kit) if not name.startswith("_")} - modules
    assert visible - {"iter_modules"} == set(kit.__all__)
    assert kit.__all__ == sorted(kit.__all__, key=lambda name: (name[0].islower(), name))


def test_everything_promised_is_documented() -> None:
    silent = [name for name in kit.__all__ if not inspect.getdoc(getattr(kit, name))]
    assert not silent


def test_no_test_of_a_suite_is_hidden_by_another_of_the_same_name() -> None:
    for suite in (kit.ChannelContract, kit.SinkContract, kit.SourceContract):
        names = [n for c in suite.__mro__ for n in vars(c) if n.startswith("test_")]
        assert len(names) == len(set(names))
