"""Sinks, and the groups that share a processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flume_core._runtime.plan import ComponentPlan, GroupPlan, SinkPlan
from flume_core._runtime.planning.desk import Desk, Part, below
from flume_core._runtime.planning.links import check_batch_size, find_channels
from flume_core.config.findings import Findings, nearest
from flume_core.config.structure import Section
from flume_core.sink_processor import SinkProcessor

__all__ = ["plan_group", "plan_sink"]


def plan_sink(
    desk: Desk, name: str, channels: Mapping[str, ComponentPlan | None], findings: Findings
) -> SinkPlan | None:
    """Return the plan of a sink, or None after reporting what is wrong with it.

    ``channels`` are all channels that are listed, None for those that are broken.
    """
    section = desk.section("sinks", name, "sink", findings)
    if section is None:
        return None
    part = Part(
        "sink",
        name,
        section.path,
        {key: prop for key, prop in section.properties.items() if key != "channel"},
        section.empty,
        section.first,
        reserved=("channel",),
    )
    component = desk.component(part, findings)
    if component is not None:
        desk.claim(component, section, findings)
    usable = find_channels(desk, section, "channel", channels, findings).usable
    if component is None or not usable:
        return None
    check_batch_size(desk, section, component, [channels[usable[0]]], findings)
    return None if findings.failed else SinkPlan(component, usable[0])


class _Group:
    """A sink group while it is planned."""

    def __init__(self, desk: Desk, section: Section, findings: Findings) -> None:
        self.desk = desk
        self.section = section
        self.findings = findings
        self.list = section.properties.get("sinks")

    def members(
        self, sinks: Mapping[str, SinkPlan | None], taken: Mapping[str, str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the sinks that are meant, and those of them that can be used."""
        written = self.list.value.split() if self.list else []
        names = tuple(dict.fromkeys(written))
        if len(names) < len(written):
            self.findings.repaired(
                "a sink is listed twice", at=self.list, effect="it counts once", cure="list it once"
            )
        meant: list[str] = []
        for name in names:
            if name in taken:
                self._report_taken(name, taken[name])
            elif name in sinks or self._may_be_meant(name, sinks):
                meant.append(name)
        return tuple(meant), tuple(name for name in meant if sinks.get(name) is not None)

    def processor(self, meant: Sequence[str], findings: Findings) -> ComponentPlan | None:
        section = self.section
        properties = below(section.properties, "processor.")
        part = Part(
            "sink_processor",
            section.name,
            f"{section.path}.processor",
            properties,
            below(section.empty, "processor."),
            self.list,
            default_type="default",
        )
        if "type" not in properties and len(meant) > 1:
            if not (findings.strict and ("type" in part.empty or self._type_is_misspelt())):
                findings.broken(
                    f"a group of {len(meant)} sinks needs a processor",
                    key=f"{part.path}.type",
                    at=self.list,
                    cure=f"write {part.path}.type = failover, or load_balance",
                )
            findings.failed = True
            return None
        plan = self.desk.component(part, findings)
        if plan is not None and issubclass(plan.cls, SinkProcessor):
            cls, config = plan.cls, plan.config
            self.desk.check(part, lambda: cls.check(config, meant), findings)
        return None if findings.failed else plan

    def check_keys(self) -> None:
        for key, prop in self.section.properties.items():
            if key in ("sinks", "config") or (key.startswith("processor.") and key != "processor."):
                continue
            head, _, rest = key.partition(".")
            near = "processor.type" if key == "type" else nearest(key, ["sinks", "processor.type"])
            if rest and nearest(head, ["processor"]):
                near = f"processor.{rest}"
            if near is not None:
                self.findings.suggested.add(f"{self.section.path}.{near}")
            cure = "a group has sinks, processor.type, and processor.* of that type"
            self.findings.repaired(
                f"a sink group has no property {key}",
                at=prop,
                effect="it is ignored",
                cure=f"did you mean {self.section.path}.{near}?" if near else cure,
            )

    def report_no_sinks(self) -> None:
        path = f"{self.section.path}.sinks"
        if self.findings.strict and (self.list and self.list.value.split()):
            self.findings.failed = True  # each name in the list is reported already
            return
        if self.findings.strict and (
            "sinks" in self.section.empty or path in self.findings.suggested
        ):
            self.findings.failed = True
            return
        self.findings.broken(
            "the group has no sinks",
            key=path,
            at=self.list or self.section.first,
            cure=f"write {path} = {' '.join(self.desk.agent.names('sinks')) or '...'}",
        )

    def _report_taken(self, name: str, owner: str) -> None:
        self.findings.repaired(
            f"sink {name} is in group {owner} already",
            at=self.list,
            effect=f"it stays in {owner}",
            cure=f"take {name} out of one of the groups",
        )

    def _may_be_meant(self, name: str, sinks: Mapping[str, SinkPlan | None]) -> bool:
        """Report a sink that does not exist; return whether one must be assumed in its place."""
        agent = self.desk.agent
        if not (self.findings.strict and name in agent.unlisted["sinks"]):
            near = nearest(name, sinks)
            cure = f"did you mean {near}?" if near else f"that list has {' '.join(sinks)}"
            if "," in name:
                cure = f"names are separated by blanks: write {name.replace(',', ' ')}"
            self.findings.repaired(
                f"sink {name} is not in the list {agent.name}.sinks",
                at=self.list,
                effect="it is left out",
                cure=cure,
            )
        return self.findings.strict

    def _type_is_misspelt(self) -> bool:
        return f"{self.section.path}.processor.type" in self.findings.suggested


def plan_group(
    desk: Desk,
    name: str,
    sinks: Mapping[str, SinkPlan | None],
    taken: dict[str, str],
    findings: Findings,
) -> tuple[GroupPlan | None, tuple[str, ...]]:
    """Return the plan of a group, None if it is broken; and the sinks that fall with it.

    ``sinks`` are all sinks that are listed, None for those that are broken; ``taken`` gets the group of
    each. As in Java, a group without sinks is gone alone, and its processor takes the sinks along.
    """
    section = desk.section("sinkgroups", name, "sink group", findings)
    if section is None:
        return None, ()
    group = _Group(desk, section, findings)
    group.check_keys()
    meant, usable = group.members(sinks, taken)
    if not meant:
        group.report_no_sinks()
        return None, ()
    taken.update(dict.fromkeys(meant, name))
    if not usable and desk.lenient:
        findings.broken(
            "none of its sinks is left", at=group.list, cure="correct what is wrong with its sinks"
        )
        return None, ()
    fall = Findings(
        desk.mode, desk.agent.name, f"group {name} is dropped, and {' '.join(usable)} with it"
    )
    fall.suggested = findings.suggested
    processor = group.processor(usable if desk.lenient else meant, fall)
    findings.join(fall)
    if processor is None:
        return None, usable
    return (None if findings.failed else GroupPlan(name, usable, processor)), ()
