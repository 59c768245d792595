"""What the planning of all parts of an agent shares: the catalog, the claims, one component's check."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.plan import ComponentPlan
from flume_core._runtime.planning.nested import create_nested
from flume_core.component import ComponentContext, SystemClock
from flume_core.config.findings import Findings, Mode, Tolerable, mentioned, nearest
from flume_core.config.properties import Property
from flume_core.config.settings import Given, read_settings
from flume_core.config.structure import Agent, Section
from flume_core.errors import ConfigurationError, PluginError
from flume_core.metrics import ComponentMetrics

__all__ = ["Desk", "Part", "below"]


@dataclass(frozen=True)
class Part:
    """The properties of one component, of whatever kind, as its own model reads them, and ``type``."""

    kind: str
    name: str
    path: str
    properties: Mapping[str, Property]
    empty: Mapping[str, Property] = field(default_factory=dict)
    at: Property | None = None
    """Where a missing property is reported, if there is no type."""
    default_type: str = ""
    reserved: tuple[str, ...] = ()
    """Other keys that mean something in this place, see `Given`."""

    @property
    def label(self) -> str:
        return self.kind.replace("_", " ")


class Desk:
    """Where one agent is planned."""

    def __init__(self, agent: Agent, catalog: Catalog, mode: Mode) -> None:
        self.agent = agent
        self.catalog = catalog
        self.mode = mode
        self.findings = agent.findings
        """What is wrong with the agent as a whole."""
        self.meant: set[str] = set()
        """Channels that a misspelt name was probably meant for: they count as used."""
        self.doubtful: dict[str, frozenset[str]] = {}
        """For each component, the fields whose values are wrong and not in its configuration."""
        self._claims: dict[str, str] = {}

    @property
    def lenient(self) -> bool:
        return self.mode is Mode.LENIENT

    def findings_for(self, what: str, name: str) -> Findings:
        """Return findings for a component that LENIENT drops alone."""
        return Findings(self.mode, self.agent.name, f"{what} {name} is dropped")

    def component(self, part: Part, findings: Findings) -> ComponentPlan | None:
        """Return the plan of one component, or None if there is none; report what is wrong with it.

        There may be a plan although ``findings`` fail, for checking what depends on it.
        """
        written = part.properties.get("type")
        at = written or part.at
        type_ = written.value if written else part.default_type
        if part.default_type and not written and self._type_is_misspelt(part, findings):
            return None
        if not type_:
            self._report_no_type(part, findings)
            return None
        try:
            cls = self.catalog.resolve(part.kind, type_)
        except PluginError as e:
            findings.refused(e, key=f"{part.path}.type", at=at)
            return None
        given = Given(
            part.path,
            f"{part.label} of type {type_}",
            at,
            # `config` names a Java class that validates the component there.
            {key: p for key, p in part.properties.items() if key not in ("type", "config")},
            part.empty,
            ("type", *part.reserved),
        )
        settled = read_settings(cls.config_model, given, findings, self.catalog.resolve)
        if settled is None:
            return None
        self.doubtful[part.path] = settled.doubtful
        return ComponentPlan(part.name, part.kind, type_, cls, settled.config)

    def section(self, list_: str, name: str, what: str, findings: Findings) -> Section | None:
        """Return the properties of a component that is listed, or None after reporting it has none."""
        section = self.agent.section(list_, name)
        if section.properties:
            return section
        at = self.agent.lists.get(list_)
        first = "sinks" if list_ == "sinkgroups" else "type"
        cure = (
            f"write {section.path}.{first} = ..., or take {name} out of {self.agent.name}.{list_}"
        )
        if "," in name:
            cure = f"names are separated by blanks: write {name.replace(',', ' ')}"
        elif "." in name:
            cure = "a name has no dots"
        if findings.strict and section.empty:
            findings.failed = True
        else:
            findings.broken(
                f"{what} {name} is listed but has no properties", key=section.path, at=at, cure=cure
            )
        return None

    def claim(self, plan: ComponentPlan, section: Section, findings: Findings) -> None:
        """Report it if another component has what this one needs for itself alone."""
        if self.doubtful[section.path]:
            return
        at = section.properties.get("type")
        for claim in self.ask(lambda: plan.cls.claims(plan.config), section.path, findings, at):
            owner = self._claims.setdefault(claim, section.path)
            if owner != section.path:
                findings.broken(
                    f"{claim} is used by {owner} already",
                    key=section.path,
                    at=at,
                    cure=f"give {section.path} and {owner} each their own",
                )

    def check(self, part: Part, question: Callable[[], Sequence[str]], findings: Findings) -> None:
        """Report what a component itself finds wrong with its settings, on the line it is about.

        What its message says behind the last semicolon is taken as the cure.
        """
        if self.doubtful[part.path]:
            return
        at = part.properties.get("type") or part.at
        for line in self.ask(question, part.path, findings, at):
            message, _, cure = line.rpartition("; ")
            key = mentioned(line, part.properties)
            place = part.properties[key] if key else at
            path = f"{part.path}.{key}" if key else part.path
            if isinstance(line, Tolerable):
                findings.repaired(
                    message or cure,
                    key=path,
                    at=place,
                    effect=line.effect,
                    cure=cure if message else "",
                )
            else:
                findings.broken(message or cure, key=path, at=place, cure=cure if message else "")

    def ask(
        self,
        question: Callable[[], Iterable[str]],
        path: str,
        findings: Findings,
        at: Property | None,
    ) -> tuple[str, ...]:
        """Return a component's answer to a question; report what it raises."""
        try:
            return tuple(question())
        except ConfigurationError as e:
            findings.refused(e, key=path, at=at)
        except Exception as e:  # noqa: BLE001 - the component may be anybody's
            findings.broken(
                f"checking the settings failed with {type(e).__name__}",
                key=path,
                at=at,
                cure="this is a defect of the component; report it to its authors",
            )
        return ()

    def context(self, name: str) -> ComponentContext:
        """Return a context for what is constructed only to be asked."""
        return ComponentContext(
            agent=self.agent.name,
            name=name,
            log=logging.getLogger(f"flume.{self.agent.name}.{name}"),
            clock=SystemClock(),
            metrics=ComponentMetrics(name),
            create=lambda kind, type_, settings: create_nested(
                self.catalog, kind, type_, settings, self.context(name)
            ),
            stopping=Flag(),
        )

    def _type_is_misspelt(self, part: Part, findings: Findings) -> bool:
        """In STRICT, report a misspelt type instead of what does not fit the default one."""
        if not findings.strict or f"{part.path}.type" in findings.suggested:
            return findings.strict
        key = _misspelt_type(part)
        if key is not None:
            findings.repaired(
                f"a {part.label} has no property {key}",
                key=f"{part.path}.{key}",
                at=part.properties[key],
                effect="it is ignored",
                cure=f"did you mean {part.path}.type?",
            )
        return key is not None

    def _report_no_type(self, part: Part, findings: Findings) -> None:
        suggested = f"{part.path}.type" in findings.suggested
        if findings.strict and ("type" in part.empty or suggested):
            findings.failed = True
            return
        near = _misspelt_type(part)
        at = part.properties[near] if near else part.empty.get("type") or part.at
        cure = f"write {part.path}.type{f' instead of {near}' if near else ' = ...'}"
        findings.broken(
            f"the {part.label} {part.name} has no type", key=f"{part.path}.type", at=at, cure=cure
        )


def _misspelt_type(part: Part) -> str | None:
    return nearest("type", [key for key in part.properties if "." not in key], similarity=0.7)


def below(properties: Mapping[str, Property], prefix: str) -> dict[str, Property]:
    """Return the properties behind a prefix, by the rest of their keys."""
    cut = len(prefix)
    return {
        key[cut:]: p for key, p in properties.items() if key.startswith(prefix) and len(key) > cut
    }
