"""Writes ``reference/components.md`` from the configuration models of the built-in components.

``python docs/generate_reference.py`` writes the page, ``--check`` only tells whether it is current
(exit code 1 if not). Needs flume-core installed.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic.fields import FieldInfo

from flume_core import ComponentConfig, NestedComponent, Unit
from flume_core.config.model import marker
from flume_core.config.spelling import Spelling
from flume_core.config.wording import default_of

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "components.md"
JAVA = "org.apache.flume."
KINDS = {
    "source": "Sources",
    "channel": "Channels",
    "sink": "Sinks",
    "interceptor": "Interceptors",
    "channel_selector": "Channel selectors",
    "sink_processor": "Sink processors",
    "event_serializer": "Event serializers",
    "config_filter": "Config filters",
}
INTRODUCTION = """# Components

Every type that flume-core provides, with every property of its own. This page is made from the
configuration models by `python docs/generate_reference.py`; `flume components TYPE` shows the same for
whatever is installed.

A property may also be written in snake_case (`batch_size` for `batchSize`). Types are matched in any
case. Besides its own properties every component has `type`; a source has `channels`, `selector.*` and
`interceptors`, a sink has `channel`.
"""


def registered() -> dict[str, dict[str, list[str]]]:
    """Return for each kind the class paths with the names that lead to them, as announced."""
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text())["project"]
    kinds: dict[str, dict[str, list[str]]] = {}
    for group, names in project["entry-points"].items():
        classes = kinds.setdefault(group.removeprefix("flume."), {})
        for name, path in names.items():
            classes.setdefault(path, []).append(name)
    return kinds


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *_kinds(registered())]).rstrip() + "\n"


def _kinds(kinds: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[str]:
    if unknown := kinds.keys() - KINDS.keys():
        raise SystemExit(f"no heading for {sorted(unknown)}: add them to KINDS")
    for kind, heading in KINDS.items():
        yield f"## {heading}\n"
        for path, names in sorted(kinds.get(kind, {}).items(), key=lambda each: min(each[1])):
            yield from _component(path, names)


def _component(path: str, names: Sequence[str]) -> Iterator[str]:
    module, _, attribute = path.partition(":")
    cls = getattr(importlib.import_module(module), attribute)
    short = [name for name in names if not name.startswith(JAVA)]
    java = [name for name in names if name.startswith(JAVA)]
    yield f"### {', '.join(short)}\n"
    yield f"{_first_paragraph(cls)}\n"
    yield (f"Java name: `{'`, `'.join(java)}`\n" if java else "Not in Java Flume.\n")
    yield from _properties(cls.config_model)


def _first_paragraph(cls: type) -> str:
    text = " ".join(inspect.getdoc(cls).partition("\n\n")[0].split())  # type: ignore[union-attr]
    return text.replace("``", "`")


def _properties(model: type[ComponentConfig]) -> Iterator[str]:
    if not model.model_fields:
        yield "It has no properties of its own.\n"
        return
    spelling = Spelling(model)
    yield "| property | default | unit | |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        cells = (
            f"`{spelling.key_for(name)}`",
            _default(field),
            _unit(field),
            (field.description or "").replace("|", "\\|"),
        )
        yield f"| {' | '.join(cells)} |".replace("  ", " ")
    yield ""


def _unit(field: FieldInfo) -> str:
    """Return what the number counts; the marker may sit inside of ``... | None``."""
    unit = marker(field, Unit)
    if unit is None:
        markers = (m for option in get_args(field.annotation) for m in get_args(option)[1:])
        unit = next((m for m in markers if isinstance(m, Unit)), None)
    return unit.name if unit else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    shown = default_of(field)
    if isinstance(field.default, NestedComponent):
        shown = field.default.type
    return f"`{shown}`" if shown else ""


def main(words: Sequence[str]) -> int:
    """Write the page, or check it."""
    made = page()
    if "--check" not in words:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write(f"{PAGE.name} is out of date: run python docs/generate_reference.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
