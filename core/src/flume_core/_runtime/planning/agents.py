"""One agent: channels, then sources, then sinks, then groups, as Flume checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.plan import AgentPlan, ComponentPlan, GroupPlan, SinkPlan, SourcePlan
from flume_core._runtime.planning.desk import Desk, Part
from flume_core._runtime.planning.filters import apply_filters
from flume_core._runtime.planning.sinks import plan_group, plan_sink
from flume_core._runtime.planning.sources import plan_source
from flume_core.config.findings import Mode
from flume_core.config.structure import Agent, Section
from flume_core.errors import Problem, Severity

__all__ = ["plan_agent"]


def plan_agent(
    agent: Agent, catalog: Catalog, mode: Mode
) -> tuple[AgentPlan | None, tuple[Problem, ...]]:
    """Return the plan of an agent, None if it cannot run as it is, and all that is wrong with it."""
    planner = _Planner(Desk(agent, catalog, mode))
    plan = planner.plan()
    problems = tuple(agent.findings.problems)
    if plan is None or any(problem.severity is Severity.ERROR for problem in problems):
        return None, problems
    return plan, problems


class _Planner:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.agent = desk.agent
        self.findings = desk.findings

    def plan(self) -> AgentPlan | None:
        apply_filters(self.desk)
        agent = self.agent
        self._check_lists()
        channels = {name: self._channel(name) for name in agent.names("channels")}
        sources = {name: self._source(name, channels) for name in agent.names("sources")}
        sinks = {name: self._sink(name, channels) for name in agent.names("sinks")}
        groups, fallen = self._groups(sinks)
        planned_sources = tuple(plan for plan in sources.values() if plan is not None)
        planned_sinks = tuple(
            plan for name, plan in sinks.items() if plan is not None and name not in fallen
        )
        used = self._used_channels(channels, planned_sources, planned_sinks)
        incomplete = None in (*channels.values(), *sources.values(), *sinks.values())
        incomplete |= len(groups) < len(agent.names("sinkgroups"))
        nothing = not used or not (planned_sources or planned_sinks)
        if nothing or (incomplete and not self.desk.lenient):
            self._report_no_plan()
            return None
        return AgentPlan(
            agent.name,
            used,
            planned_sources,
            planned_sinks,
            groups,
            tuple(self.findings.problems),
        )

    def _channel(self, name: str) -> ComponentPlan | None:
        findings = self.desk.findings_for("channel", name)
        section = self.desk.section("channels", name, "channel", findings)
        plan = None
        if section is not None:
            part = Part(
                "channel", name, section.path, section.properties, section.empty, section.first
            )
            plan = self.desk.component(part, findings)
            if plan is not None:
                self.desk.claim(plan, section, findings)
        self.findings.join(findings)
        # A channel that keeps its agent from running anyway may still show what does not fit it.
        return None if findings.failed and self.desk.lenient else plan

    def _source(self, name: str, channels: Mapping[str, ComponentPlan | None]) -> SourcePlan | None:
        findings = self.desk.findings_for("source", name)
        plan = plan_source(self.desk, name, channels, findings)
        self.findings.join(findings)
        return plan

    def _sink(self, name: str, channels: Mapping[str, ComponentPlan | None]) -> SinkPlan | None:
        findings = self.desk.findings_for("sink", name)
        plan = plan_sink(self.desk, name, channels, findings)
        self.findings.join(findings)
        return plan

    def _groups(
        self, sinks: Mapping[str, SinkPlan | None]
    ) -> tuple[tuple[GroupPlan, ...], set[str]]:
        planned: list[GroupPlan] = []
        fallen: set[str] = set()
        taken: dict[str, str] = {}
        for name in self.agent.names("sinkgroups"):
            findings = self.desk.findings_for("group", name)
            plan, with_it = plan_group(self.desk, name, sinks, taken, findings)
            self.findings.join(findings)
            fallen.update(with_it)
            if plan is not None:
                planned.append(plan)
        return tuple(planned), fallen

    def _used_channels(
        self,
        channels: Mapping[str, ComponentPlan | None],
        sources: Iterable[SourcePlan],
        sinks: Iterable[SinkPlan],
    ) -> tuple[ComponentPlan, ...]:
        """Return the channels that something uses, in order, reporting those that nothing names."""
        used = {name for source in sources for name in source.channels}
        used |= {sink.channel for sink in sinks}
        named = self._named_channels() | self.desk.meant
        if not (self.agent.names("sources") or self.agent.names("sinks")):
            named |= channels.keys()  # reported for the agent as a whole
        for name, plan in channels.items():
            if plan is None or name in used or (name in named and not self.desk.lenient):
                continue
            section = self.agent.section("channels", name)
            self.findings.repaired(
                f"no source puts into channel {name}, and no sink takes from it",
                key=section.path,
                at=section.properties.get("type"),
                effect="it is left out",
                cure=f"name it in a source or sink, or take it out of {self.agent.name}.channels",
            )
        return tuple(plan for name, plan in channels.items() if plan is not None and name in used)

    def _named_channels(self) -> set[str]:
        """Return what sources and sinks refer to, also the broken ones."""

        def names(section: Section, key: str) -> list[str]:
            prop = section.properties.get(key)
            return prop.value.split() if prop else []

        found: set[str] = set()
        for list_, key in (("sources", "channels"), ("sinks", "channel")):
            for section in self.agent.sections[list_].values():
                found.update(names(section, key))
        return found

    def _check_lists(self) -> None:
        agent, findings = self.agent, self.findings
        missing = [name for name in ("channels", "sources", "sinks") if not agent.names(name)]
        if "channels" in missing:
            findings.fatal(
                f"agent {agent.name} has no channels",
                key=f"{agent.name}.channels",
                at=agent.lists.get("channels", agent.first),
                cure=self._list_cure("channels"),
            )
        elif len(missing) == 2:
            findings.fatal(
                f"agent {agent.name} has neither sources nor sinks",
                key=agent.name,
                at=agent.lists["channels"],
                cure=f"{self._list_cure('sources')}; {self._list_cure('sinks')}",
            )
        elif missing and not agent.unlisted[missing[0]]:
            name = missing[0]
            findings.noted(
                f"agent {agent.name} has no {name}",
                key=f"{agent.name}.{name}",
                at=agent.lists.get(name, agent.first),
                cure=f"{self._list_cure(name)} if that is not meant",
            )

    def _list_cure(self, name: str) -> str:
        unlisted = " ".join(self.agent.unlisted[name])
        return f"write {self.agent.name}.{name} = {unlisted or '...'}"

    def _report_no_plan(self) -> None:
        """See to it that nothing is left out in silence."""
        if not any(problem.severity is Severity.ERROR for problem in self.findings.problems):
            self.findings.fatal(
                f"nothing is left of agent {self.agent.name} that could run",
                key=self.agent.name,
                at=self.agent.first,
                cure="correct what the warnings say",
            )
