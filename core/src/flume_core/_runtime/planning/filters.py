"""Config filters: values that an agent's configuration only names, ``${f1['password']}``.

They work on the values of sources, channels, sinks and sink groups, one filter after the other in the
order of the list, before anything else is looked at. A value that a filter gives is never shown.
"""

from __future__ import annotations

import re
from dataclasses import replace

from flume_core._runtime.plan import ComponentPlan
from flume_core._runtime.planning.desk import Desk, Part
from flume_core.config.findings import Findings, nearest
from flume_core.config.model import ComponentConfig
from flume_core.config.properties import Property, trim
from flume_core.config.structure import LISTS
from flume_core.config_filter import ConfigFilter
from flume_core.errors import FlumeError

__all__ = ["apply_filters"]

_PLACEHOLDER = re.compile(
    r"\$\{(?P<filter>[^\s\[\]{}$]+)\[(?P<quote>['\"]?)(?P<key>[-_A-Za-z0-9]+)(?P=quote)\]\}"
)


def apply_filters(desk: Desk) -> None:
    """Fill in the placeholders of all values of an agent, reporting what cannot be filled in."""
    names = desk.agent.names("configfilters")
    filters = {name: _Filter(desk, name) for name in names}
    for list_ in LISTS:
        if list_ == "configfilters":
            continue
        for section in desk.agent.sections[list_].values():
            for key, prop in section.properties.items():
                if "${" in prop.value and _PLACEHOLDER.search(prop.value):
                    section.properties[key] = _filled(desk, prop, filters)
    for each in filters.values():
        each.stop()


def _filled(desk: Desk, prop: Property, filters: dict[str, _Filter]) -> Property:
    value = prop.value
    for each in filters.values():
        value = each.fill(value, prop)
    for match in _PLACEHOLDER.finditer(prop.value):
        if match["filter"] not in filters:
            near = nearest(match["filter"], filters)
            list_ = f"{desk.agent.name}.configfilters"
            desk.findings.repaired(
                f"there is no config filter {match['filter']}",
                at=prop,
                effect=f"{match[0]} stays as it is",
                cure=f"did you mean {near}?" if near else f"name a filter of {list_}",
            )
    return replace(prop, value=trim(value))


class _Filter:
    """One filter of the list. A broken one leaves its placeholders alone."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self._name = name
        self._answers: dict[str, tuple[str | None, str]] = {}
        self._filter = self._made()

    def fill(self, value: str, prop: Property) -> str:
        """Return a value with this filter's placeholders filled in; as it was if the filter fails."""
        if self._filter is None:
            return value
        parts: list[str] = []
        position = 0
        for match in _PLACEHOLDER.finditer(value):
            if match["filter"] != self._name:
                continue
            found, failure = self._look_up(self._filter, match["key"])
            if found is None:
                self._desk.findings.repaired(
                    f"config filter {self._name} {failure or 'has no value'} for {match['key']}",
                    at=prop,
                    effect="the value stays as it is written",
                    cure="check the name, and that the filter can find it",
                )
            if failure:
                return value
            parts += value[position : match.start()], match[0] if found is None else found
            position = match.end()
        return "".join([*parts, value[position:]])

    def stop(self) -> None:
        if self._filter is None:
            return
        try:
            self._filter.stop()
        except Exception as e:  # noqa: BLE001 - the filter may be anybody's, and its work is done
            self._desk.findings.noted(
                f"stopping the filter failed with {type(e).__name__}",
                key=f"{self._desk.agent.name}.configfilters.{self._name}",
            )

    def _look_up(self, filter_: ConfigFilter[ComponentConfig], key: str) -> tuple[str | None, str]:
        """Return the value of a key, and how the filter failed, if it did."""
        if key not in self._answers:
            try:
                self._answers[key] = filter_.lookup(key), ""
            except FlumeError as e:
                self._answers[key] = None, f"failed ({e})"
            except Exception as e:  # noqa: BLE001 - the filter may be anybody's
                # Its text may hold what the filter protects.
                self._answers[key] = None, f"failed with {type(e).__name__}"
        return self._answers[key]

    def _made(self) -> ConfigFilter[ComponentConfig] | None:
        desk, name = self._desk, self._name
        findings = Findings(
            desk.mode, desk.agent.name, f"config filter {name} is dropped, its placeholders stay"
        )
        made: list[ConfigFilter[ComponentConfig]] = []
        section = desk.section("configfilters", name, "config filter", findings)
        if section is not None:
            properties, empty = section.properties, section.empty
            part = Part("config_filter", name, section.path, properties, empty, section.first)
            plan = desk.component(part, findings)
            if plan is not None:
                desk.check(part, lambda: _start(desk, plan, made), findings)
        desk.findings.join(findings)
        return made[0] if made else None


def _start(
    desk: Desk, plan: ComponentPlan, made: list[ConfigFilter[ComponentConfig]]
) -> tuple[str, ...]:
    filter_ = plan.cls(plan.config, desk.context(plan.name))
    if not isinstance(filter_, ConfigFilter):
        return (f"{plan.type} is not derived from ConfigFilter",)
    filter_.start()
    made.append(filter_)
    return ()
