"""``flume components``: what is installed, and what a component's properties are."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Sequence

from flume_core._cli.describe import PropertyLine, property_lines
from flume_core._cli.failures import CONFIGURATION, OK, UsageFailure
from flume_core._plugins.catalog import Catalog, Listed
from flume_core._plugins.known import providing_package
from flume_core.config.findings import nearest
from flume_core.errors import PluginError

__all__ = ["components"]

_ORDER = ("source", "channel", "sink", "interceptor", "channel_selector", "sink_processor")


def components(wanted: str | None, catalog: Catalog | None = None) -> int:
    """Print all components, those of a kind, or one with its properties; return the exit code."""
    catalog = catalog or Catalog.installed()
    kinds = sorted(catalog.kinds(), key=_place)
    if wanted is not None:
        named = [kind for kind in kinds if _same(wanted, kind) or _same(wanted, kind + "s")]
        if not named:
            return _explain(wanted, kinds, catalog)
        kinds = named
    listed = {kind: _short_names(catalog.names(kind)) for kind in kinds}
    width = max((len(each.name) for some in listed.values() for each in some), default=0)
    for kind, some in listed.items():
        print(kind.replace("_", " "))
        for each in some:
            print(f"  {each.name:<{width}}  {_origin(each)}")
    return OK


def _explain(wanted: str, kinds: Sequence[str], catalog: Catalog) -> int:
    found = [
        listed for kind in kinds for listed in catalog.names(kind) if _same(wanted, listed.name)
    ]
    if not found and ":" in wanted:
        found = [Listed(kind, wanted, (), wanted) for kind in kinds if _is(kind, wanted, catalog)]
    if not found:
        raise UsageFailure(_unknown(wanted, kinds, catalog))
    codes = []
    for position, listed in enumerate(found):
        print("\n" * bool(position), end="")
        codes.append(_describe(listed, catalog))
    return max(codes)


def _unknown(wanted: str, kinds: Sequence[str], catalog: Catalog) -> str:
    package = next(filter(None, (providing_package(kind, wanted) for kind in kinds)), None)
    if package is not None:
        return f"{wanted} is not installed: pip install {package}"
    names = [listed.name for kind in kinds for listed in catalog.names(kind)]
    near = nearest(wanted, [*names, *kinds])
    hint = f"did you mean {near}?" if near else "flume components lists what is"
    return f"no component {wanted} is installed; {hint}"


def _describe(listed: Listed, catalog: Catalog) -> int:
    try:
        cls = catalog.resolve(listed.kind, listed.name)
    except PluginError as error:
        print(f"{listed.kind.replace('_', ' ')} {listed.name}: {error}")
        return CONFIGURATION
    print(f"{listed.kind.replace('_', ' ')} {listed.name}, from {_origin(listed)}")
    others = [
        each.name
        for each in catalog.names(listed.kind)
        if each.value == listed.value and each.name != listed.name
    ]
    if others:
        print(f"also written {', '.join(others)}")
    print(f"\n{textwrap.indent(inspect.getdoc(cls) or 'It has no description.', '  ')}\n")
    lines = property_lines(cls.config_model)
    if lines:
        print(_table(lines))
    else:
        print("  It has no properties of its own.")
    return OK


def _table(lines: Sequence[PropertyLine]) -> str:
    columns = shutil.get_terminal_size().columns
    name = max(len(line.name) for line in lines)
    takes = min(28, max(len(line.takes) for line in lines))
    default = min(32, max(len(line.default) for line in (*lines, _HEAD)))
    margin = " " * (2 + name + 2 + takes + 2 + default + 2)
    rows: list[str] = []
    for line in (_HEAD, *lines):
        start = f"  {line.name:<{name}}  {line.takes:<{takes}}  {line.default:<{default}}  "
        if len(start) > len(margin) or columns - len(margin) < 30:
            rows.append(start.rstrip())
            start = " " * 6 if columns - len(margin) < 30 else margin
        text = line.description
        rows += textwrap.wrap(
            text,
            max(columns - 1, len(start) + 30),
            initial_indent=start,
            subsequent_indent=" " * len(start),
        ) or [start.rstrip()]
    return "\n".join(row.rstrip() for row in rows if row.strip())


_HEAD = PropertyLine("property", "takes", "default", "what it does")


def _short_names(names: Sequence[Listed]) -> list[Listed]:
    """Leave out Java class names where the same class has a short one."""
    short = {listed.value for listed in names if "." not in listed.name}
    return [listed for listed in names if "." not in listed.name or listed.value not in short]


def _origin(listed: Listed) -> str:
    return " and ".join(listed.providers) or listed.value


def _is(kind: str, path: str, catalog: Catalog) -> bool:
    try:
        catalog.resolve(kind, path)
    except PluginError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _place(kind: str) -> tuple[int, str]:
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER)), kind
