"""From dotted keys to agents and their components: what a configuration says, before what it means.

``a1.sinks = k1 k2`` lists components, ``a1.sinks.k1.type = logger`` sets a property of one. Keys that
are neither are reported here, and so are components that no list names.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace

from flume_core.config.findings import Findings, Mode, as_written, nearest
from flume_core.config.properties import Property, trim

__all__ = ["LISTS", "Agent", "Section", "read_structure"]

LISTS = {
    "configfilters": "config filter",
    "channels": "channel",
    "sources": "source",
    "sinks": "sink",
    "sinkgroups": "sink group",
}
"""The lists of an agent, in the order in which they are worked on, with the word for their members."""


@dataclass
class Section:
    """The properties of one component, by what follows its name in the key."""

    path: str
    """``a1.sinks.k1``"""
    properties: dict[str, Property] = field(default_factory=dict)
    empty: dict[str, Property] = field(default_factory=dict)
    """Properties without a value: reported already, and not to be reported as missing."""

    @property
    def name(self) -> str:
        """The component's name."""
        return self.path.rpartition(".")[2]

    @property
    def first(self) -> Property | None:
        """The property that was written first."""
        return next(iter([*self.properties.values(), *self.empty.values()]), None)


@dataclass
class Agent:
    """What a configuration says about one agent."""

    name: str
    first: Property
    findings: Findings
    lists: dict[str, Property] = field(default_factory=dict)
    sections: dict[str, dict[str, Section]] = field(
        default_factory=lambda: {name: {} for name in LISTS}
    )
    properties: list[Property] = field(default_factory=list)
    """All properties whose keys begin with the agent's name."""
    unlisted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each list, the components that have properties but are not in it."""
    meant: dict[tuple[str, str], str] = field(default_factory=dict)
    """The component that is assumed in place of an unlisted one, by list and name."""

    def names(self, list_: str) -> tuple[str, ...]:
        """Return the names in a list, in order, each once."""
        prop = self.lists.get(list_)
        return tuple(dict.fromkeys(prop.value.split())) if prop else ()

    def section(self, list_: str, name: str) -> Section:
        """Return the properties of a component; none if there are none."""
        path = f"{self.name}.{list_}.{name}"
        return self.sections[list_].setdefault(name, Section(path))


def read_structure(
    properties: Mapping[str, Property], mode: Mode, variables: Container[str] = ()
) -> tuple[dict[str, Agent], Findings]:
    """Return the agents by name, each with what is wrong with its keys, and what belongs to no agent.

    ``variables`` are keys that other values refer to (``${key}``): they need not be part of an agent. In
    STRICT, where a misspelt key is an error anyway, the right spelling is assumed for what follows, so
    that one mistake is reported once.
    """
    agents: dict[str, Agent] = {}
    findings = Findings(mode)
    for key, prop in properties.items():
        name, _, rest = key.partition(".")
        name, rest = trim(name), trim(rest)
        if key in variables and rest.partition(".")[0] not in LISTS:
            continue
        if not name or not rest:
            findings.repaired(
                "the key does not begin with the name of an agent and a dot",
                at=prop,
                effect="it is ignored",
                cure="write it behind an agent's name (a1.sources = r1), or remove it",
            )
            continue
        agent = agents.setdefault(name, Agent(name, prop, Findings(mode, name)))
        agent.properties.append(prop)
        _place(agent, rest, prop, properties)
    for agent in agents.values():
        for list_, member in LISTS.items():
            _check_list(agent, list_, member)
    return agents, findings


def _place(agent: Agent, rest: str, prop: Property, properties: Mapping[str, Property]) -> None:
    list_, dot, component = rest.partition(".")
    if list_ not in LISTS:
        assumed = _misspelt_list(agent, list_, rest, prop)
        if assumed is None or f"{agent.name}.{assumed}{rest[len(list_) :]}" in properties:
            return
        list_ = assumed
    if not dot:
        agent.lists[list_] = prop
        return
    name, _, key = component.partition(".")
    name, key = trim(name), trim(key)
    path = f"{agent.name}.{list_}.{name}"
    if not name or not key:
        hint = f"write {path}.type = {as_written(prop)}" if name else "remove the line"
        agent.findings.repaired(
            "the key names a component but none of its properties",
            at=prop,
            effect="it is ignored",
            cure=hint,
        )
        return
    section = agent.section(list_, name)
    if prop.value:
        section.properties[key] = prop
        return
    section.empty[key] = prop
    agent.findings.repaired(
        "the value is empty, and Flume cannot set a property to an empty text",
        at=prop,
        effect="the line is ignored",
        cure="write a value, or remove the line",
    )


def _misspelt_list(agent: Agent, list_: str, rest: str, prop: Property) -> str | None:
    behind = rest[len(list_) :]
    fits = not behind or behind.count(".") >= 2
    near = nearest(list_, LISTS) if fits else None
    cure = f"write one of {', '.join(f'{agent.name}.{name}' for name in LISTS)}"
    if near is not None:
        cure = f"did you mean {agent.name}.{near}{behind}?"
    agent.findings.repaired(
        f"{list_!r} is none of {', '.join(LISTS)}", at=prop, effect="it is ignored", cure=cure
    )
    return near if agent.findings.strict else None


def _check_list(agent: Agent, list_: str, member: str) -> None:
    prop = agent.lists.get(list_)
    if prop is not None and "," in prop.value and agent.findings.strict:
        prop = _without_commas(agent, list_, prop)
    names = agent.names(list_)
    if prop is not None:
        for name in _repeated(prop.value.split()):
            agent.findings.repaired(
                f"{member} {name} is listed twice",
                at=prop,
                effect="it counts once",
                cure="list it once",
            )
    agent.unlisted[list_] = tuple(name for name in agent.sections[list_] if name not in names)
    if agent.unlisted[list_] and not names:
        _report_no_list(agent, list_)
        return
    for name in agent.unlisted[list_]:
        _report_unlisted(agent, list_, member, agent.sections[list_][name])


def _report_no_list(agent: Agent, list_: str) -> None:
    if list_ == "channels":
        return  # without channels there is no agent, which is reported as such
    unlisted = agent.unlisted[list_]
    agent.findings.repaired(
        f"nothing is listed in {agent.name}.{list_}",
        key=f"{agent.name}.{list_}",
        at=agent.sections[list_][unlisted[0]].first,
        effect=f"{' '.join(unlisted)} is ignored",
        cure=f"write {agent.name}.{list_} = {' '.join(unlisted)}",
    )


def _without_commas(agent: Agent, list_: str, prop: Property) -> Property:
    value = " ".join(prop.value.replace(",", " ").split())
    agent.findings.broken(
        "names are separated by blanks, not by commas",
        at=prop,
        cure=f"write {agent.name}.{list_} = {value}",
    )
    agent.lists[list_] = replace(prop, value=value)
    return agent.lists[list_]


def _report_unlisted(agent: Agent, list_: str, member: str, section: Section) -> None:
    candidates = [
        name
        for name in agent.names(list_)
        if _may_be_one(section, agent.sections[list_].get(name, Section("")))
    ]
    # The candidates are few, and names are short: k1 and kl are half the same.
    near = nearest(section.name, candidates, similarity=0.5, alone=True)
    listed = " ".join([*agent.names(list_), section.name])
    cure = f"write {agent.name}.{list_} = {listed}, or remove its properties"
    if near is not None:
        cure = f"did you mean {agent.name}.{list_}.{near}?"
    agent.findings.repaired(
        f"{member} {section.name} is not in the list {agent.name}.{list_}",
        key=section.path,
        at=section.first,
        effect="it is ignored",
        cure=cure,
    )
    if near is not None and agent.findings.strict:
        agent.meant[list_, section.name] = near
        meant = agent.section(list_, near)
        meant.properties.update(section.properties)
        meant.empty.update(section.empty)


def _may_be_one(stray: Section, listed: Section) -> bool:
    """Return whether the properties of two names may be meant for one component."""
    if not listed.properties:
        return True
    return "type" not in stray.properties and not stray.properties.keys() & listed.properties.keys()


def _repeated(names: list[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield name
