"""The door to a configuration: from files to properties, to a report of all problems, to a plan."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flume_core._plugins.catalog import Catalog
from flume_core._runtime.plan import AgentPlan
from flume_core._runtime.planning.agents import plan_agent
from flume_core._runtime.planning.nested import create_nested
from flume_core._runtime.planning.values import flatten
from flume_core.config.findings import Findings, Mode, nearest, with_severity
from flume_core.config.properties import (
    Property,
    duplicates,
    merge,
    parse_properties,
    read_file,
    suspicious_encoding,
    trim,
)
from flume_core.config.structure import Agent, read_structure
from flume_core.config.substitution import substitute, unresolved
from flume_core.config.toml import read_toml
from flume_core.errors import ConfigurationError, Problem, Severity

__all__ = [
    "CheckReport",
    "Mode",
    "check",
    "check_files",
    "create_nested",
    "load_plan",
    "load_properties",
    "plan_from_mapping",
]

_REFERENCE = re.compile(r"\$\{([^{}]*)")


@dataclass(frozen=True)
class CheckReport:
    """What a check found."""

    agents: tuple[str, ...]
    """The agents that the configuration defines, whether they were checked or not."""
    plans: Mapping[str, AgentPlan]
    """The plans of the checked agents in which nothing is wrong but what warnings say."""
    problems: tuple[Problem, ...]
    """In the order of files and lines."""

    @property
    def failed(self) -> bool:
        """Whether there is an error; warnings are none."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


@dataclass(frozen=True)
class _Loaded:
    properties: dict[str, Property]
    variables: frozenset[str]
    warnings: tuple[Problem, ...]


def load_properties(
    files: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    system: Mapping[str, str],
    env_var_resolver: bool = False,
) -> dict[str, Property]:
    """Return the merged properties of some files, of equal keys the last, with variables filled in.

    Files that end in ``.toml`` are TOML, all others properties. Raises ConfigurationError with what is
    wrong in any of them.
    """
    return _load(files, environ, system, env_var_resolver).properties


def check(
    properties: Mapping[str, Property],
    catalog: Catalog,
    *,
    mode: Mode,
    agent: str | None = None,
    variables: Container[str] = (),
) -> CheckReport:
    """Check all agents of a configuration, or only the one that is named; start nothing.

    Never raises for what the configuration says. ``variables`` are keys that other values refer to.
    """
    found, findings = read_structure(properties, mode, variables)
    agents = {name: each for name, each in found.items() if each.lists} or found
    strays = [each for name, each in found.items() if name not in agents]
    if strays and agent is None and mode is Mode.STRICT:
        # Each is an error: what is meant is assumed, so that nothing is reported as missing as well.
        corrected = _without_strays(properties, strays, tuple(agents))
        found, findings = read_structure(corrected, mode, variables)
        agents = {name: found[name] for name in agents}
    problems = list(findings.problems)
    plans: dict[str, AgentPlan] = {}
    if not agents or (agent is not None and agent not in agents):
        problems.append(_missing_agent(agent, tuple(agents), properties))
    for name, each in agents.items():
        if agent in (None, name):
            plan, of_agent = plan_agent(each, catalog, mode)
            problems += of_agent
            if plan is not None:
                plans[name] = plan
    for stray in strays:
        problems += _stray(stray, tuple(agents), mode, agent)
    return CheckReport(tuple(agents), plans, _sorted(problems, properties))


def check_files(
    files: Sequence[str | Path],
    catalog: Catalog,
    *,
    mode: Mode,
    agent: str | None = None,
    environ: Mapping[str, str],
    system: Mapping[str, str],
    env_var_resolver: bool = False,
) -> CheckReport:
    """Check files as `check` does; what keeps a file from being read is a problem like others."""
    try:
        loaded = _load(files, environ, system, env_var_resolver)
    except ConfigurationError as e:
        return CheckReport((), {}, e.problems)
    return _check_loaded(loaded, catalog, mode, agent)


def load_plan(
    files: Sequence[str | Path],
    name: str | None,
    catalog: Catalog,
    *,
    mode: Mode,
    strict: bool = False,
    environ: Mapping[str, str],
    system: Mapping[str, str],
    env_var_resolver: bool = False,
) -> AgentPlan:
    """Return the plan of the agent ``name``; None is enough where the files define one agent.

    ``strict`` makes every warning an error. Raises ConfigurationError with all problems, warnings
    included, if the agent cannot run; what is wrong with other agents does not count.
    """
    loaded = _load(files, environ, system, env_var_resolver)
    if name is None:
        name = _only_agent(loaded, files)
    return _plan_of(name, _check_loaded(loaded, catalog, mode, name), strict)


def plan_from_mapping(
    mapping: Mapping[str, object], name: str, catalog: Catalog, *, mode: Mode = Mode.STRICT
) -> AgentPlan:
    """Return the plan of an agent whose configuration is a mapping, without the agent's name in it.

    Keys are dotted or nested, see `flatten`. Nothing is substituted. Raises ConfigurationError.
    """
    if not name or "." in name or name.split() != [name]:
        raise ConfigurationError(f"{name!r} cannot name an agent: it needs a word without dots")
    report = check(flatten(mapping, name), catalog, mode=mode, agent=name)
    without_lines = tuple(replace(problem, origin=None) for problem in report.problems)
    return _plan_of(name, replace(report, problems=without_lines), strict=False)


def _load(
    files: Sequence[str | Path],
    environ: Mapping[str, str],
    system: Mapping[str, str],
    env_var_resolver: bool,
) -> _Loaded:
    sets: list[list[Property]] = []
    warnings: list[Problem] = []
    errors: list[Problem] = []
    for file in files:
        try:
            read = _read(file, warnings)
        except ConfigurationError as e:
            errors += e.problems
        else:
            sets.append(read)
            warnings += duplicates(read)
    if errors:
        raise ConfigurationError(problems=errors)
    written = merge(sets)
    properties = substitute(
        written, environ=environ, system=system, env_var_resolver=env_var_resolver
    )
    warnings += unresolved(properties)
    return _Loaded(properties, _references(written.values()), tuple(warnings))


def _read(file: str | Path, warnings: list[Problem]) -> list[Property]:
    if Path(file).suffix.lower() == ".toml":
        return read_toml(file)
    data = read_file(file)
    suspicious = suspicious_encoding(data, str(file))
    warnings += [suspicious] if suspicious else []
    return parse_properties(data.decode("iso-8859-1"), str(file))


def _references(properties: Iterable[Property]) -> frozenset[str]:
    """Return the names that values refer to as ``${name}`` or, failing a prefix, ``${prefix:name}``."""
    found: set[str] = set()
    for prop in properties:
        for match in _REFERENCE.finditer(prop.value):
            name = match[1].partition(":-")[0]
            found |= {name, name.partition(":")[2]}
    return frozenset(found)


def _check_loaded(loaded: _Loaded, catalog: Catalog, mode: Mode, agent: str | None) -> CheckReport:
    report = check(loaded.properties, catalog, mode=mode, agent=agent, variables=loaded.variables)
    others = tuple(f"{name}." for name in report.agents if agent not in (None, name))
    warnings = [p for p in loaded.warnings if not p.key.startswith(others)]
    problems = _sorted([*report.problems, *warnings], loaded.properties)
    return replace(report, problems=problems)


def _plan_of(name: str, report: CheckReport, strict: bool) -> AgentPlan:
    problems = report.problems
    if strict:
        problems = with_severity(problems, Severity.ERROR)
    if name not in report.plans or any(p.severity is Severity.ERROR for p in problems):
        raise ConfigurationError(problems=problems)
    return replace(report.plans[name], problems=problems)


def _only_agent(loaded: _Loaded, files: Sequence[str | Path]) -> str:
    found, _ = read_structure(loaded.properties, Mode.COMPATIBLE, loaded.variables)
    agents = [name for name, each in found.items() if each.lists] or list(found)
    if len(agents) == 1:
        return agents[0]
    where = ", ".join(map(str, files))
    if agents:
        message, cure = f"{where} defines several agents: {', '.join(agents)}", "name one with -n"
    else:
        message, cure = f"{where} defines no agent", "begin with a1.sources = ..."
    raise ConfigurationError(problems=[Problem(Severity.ERROR, message, cure=cure)])


def _missing_agent(
    agent: str | None, agents: tuple[str, ...], properties: Mapping[str, Property]
) -> Problem:
    files = dict.fromkeys(prop.origin.file for prop in properties.values())
    where = ", ".join(files) or "the configuration"
    if not agents:
        missing = f"agent {agent} is not in {where}, which" if agent else where
        return Problem(
            Severity.ERROR,
            f"{missing} defines no agent",
            cure="begin with a1.sources = ..., a1.channels = ..., a1.sinks = ...",
        )
    near = nearest(agent or "", agents)
    return Problem(
        Severity.ERROR,
        f"agent {agent} is not in {where}; it defines: {', '.join(agents)}",
        cure=f"did you mean {near}?" if near else f"name one of {', '.join(agents)}",
    )


def _without_strays(
    properties: Mapping[str, Property], strays: Sequence[Agent], agents: tuple[str, ...]
) -> dict[str, Property]:
    meant = {stray.name: nearest(stray.name, agents) for stray in strays}
    corrected: dict[str, Property] = {}
    for key, prop in properties.items():
        name, _, rest = key.partition(".")
        name = trim(name)
        if name not in meant:
            corrected[key] = prop
        elif meant[name] and f"{meant[name]}.{rest}" not in properties:
            corrected[f"{meant[name]}.{rest}"] = prop
    return corrected


def _stray(stray: Agent, agents: tuple[str, ...], mode: Mode, named: str | None) -> list[Problem]:
    """Return what is wrong with keys that begin like an agent's, of which nothing is listed."""
    near = nearest(stray.name, agents)
    if named is not None and near != named:
        return []
    findings = Findings(mode, stray.name)
    for prop in stray.properties if near else stray.properties[:1]:
        rest = prop.key.partition(".")[2]
        message = f"there is no agent {stray.name}: nothing is listed for it"
        cure = f"did you mean {near}.{rest}?" if near else f"write {stray.name}.channels = ..."
        if named is None:
            findings.repaired(message, at=prop, effect="the line is ignored", cure=cure)
        else:
            findings.noted(message, at=prop, cure=cure)
    return findings.problems


def _sorted(problems: Iterable[Problem], properties: Mapping[str, Property]) -> tuple[Problem, ...]:
    """Return problems in the order of files and lines, those without a line last."""
    files: dict[str, int] = {}
    for prop in properties.values():
        files.setdefault(prop.origin.file, len(files))

    def place(problem: Problem) -> tuple[int, int]:
        if problem.origin is None:
            return len(files) + 1, 0
        return files.get(problem.origin.file, len(files)), problem.origin.line

    return tuple(sorted(problems, key=place))
