"""Sources: their channels, their selector, their interceptors."""

from __future__ import annotations

from collections.abc import Mapping

from flume_core._runtime.plan import ComponentPlan, SourcePlan
from flume_core._runtime.planning.desk import Desk, Part, below
from flume_core._runtime.planning.links import check_batch_size, find_channels
from flume_core.config.findings import Findings, as_written, nearest
from flume_core.config.properties import Property
from flume_core.config.structure import Section
from flume_core.selector import ChannelSelector, SelectorContext

__all__ = ["plan_source"]

_OWN_KEYS = ("channels", "interceptors", "selector.type", "interceptors.", "selector.")


def plan_source(
    desk: Desk, name: str, channels: Mapping[str, ComponentPlan | None], findings: Findings
) -> SourcePlan | None:
    """Return the plan of a source, or None after reporting what is wrong with it.

    ``channels`` are all channels that are listed, None for those that are broken.
    """
    section = desk.section("sources", name, "source", findings)
    if section is None:
        return None
    component = desk.component(_part(section), findings)
    if component is not None:
        desk.claim(component, section, findings)
    links = find_channels(desk, section, "channels", channels, findings)
    if component is not None:
        check_batch_size(desk, section, component, [channels[n] for n in links.usable], findings)
    selector = _selector(desk, section, links.named, findings)
    interceptors = _interceptors(desk, section, findings)
    if component is None or selector is None or findings.failed:
        return None
    return SourcePlan(component, links.usable, selector, interceptors)


def _part(section: Section) -> Part:
    def own(properties: Mapping[str, Property]) -> dict[str, Property]:
        return {
            key: prop
            for key, prop in properties.items()
            if key not in ("channels", "interceptors")
            and not key.startswith(("selector.", "interceptors."))
        }

    return Part(
        "source",
        section.name,
        section.path,
        own(section.properties),
        own(section.empty),
        section.first,
        reserved=_OWN_KEYS,
    )


def _selector(
    desk: Desk, section: Section, channels: tuple[str, ...], findings: Findings
) -> ComponentPlan | None:
    part = Part(
        "channel_selector",
        section.name,
        f"{section.path}.selector",
        below(section.properties, "selector."),
        below(section.empty, "selector."),
        section.first,
        default_type="replicating",
    )
    plan = desk.component(part, findings)
    if plan is not None and channels:
        desk.check(part, lambda: _selector_verdict(desk, plan, channels), findings)
    return plan


def _selector_verdict(
    desk: Desk, plan: ComponentPlan, channels: tuple[str, ...]
) -> tuple[str, ...]:
    context = desk.context(plan.name)
    selector = plan.cls(plan.config, SelectorContext(**vars(context), channels=channels))
    return tuple(selector.check()) if isinstance(selector, ChannelSelector) else ()


def _interceptors(desk: Desk, section: Section, findings: Findings) -> tuple[ComponentPlan, ...]:
    prop = section.properties.get("interceptors")
    names = tuple(dict.fromkeys(prop.value.split())) if prop else ()
    path = f"{section.path}.interceptors"
    written, empty = _by_name(section.properties), _by_name(section.empty)
    for name, properties in written.items():
        bare = properties.pop("", None)
        if bare is not None:
            findings.repaired(
                "the key names an interceptor but none of its properties",
                at=bare,
                effect="it is ignored",
                cure=f"write {path}.{name}.type = {as_written(bare)}",
            )
    written = {name: properties for name, properties in written.items() if properties}
    _report_unlisted(names, written, path, findings)
    plans: list[ComponentPlan | None] = []
    for name in names:
        properties, without_value = written.get(name, {}), empty.get(name, {})
        part = Part("interceptor", name, f"{path}.{name}", properties, without_value, prop)
        plans.append(desk.component(part, findings))
    return tuple(plan for plan in plans if plan is not None)


def _report_unlisted(
    names: tuple[str, ...],
    written: dict[str, dict[str, Property]],
    path: str,
    findings: Findings,
) -> None:
    """Report the interceptors that have properties but are not listed; assume the likely ones."""
    unlisted = [name for name in written if name not in names]
    if not names and path in findings.suggested and findings.strict:
        return
    for name in unlisted if names else unlisted[:1]:
        without = [listed for listed in names if listed not in written]
        near = nearest(name, without, similarity=0.5, alone=True)
        listed = " ".join([*names, name] if names else unlisted)
        findings.repaired(
            f"interceptor {name} is not in the list {path}",
            key=f"{path}.{name}",
            at=next(iter(written[name].values())),
            effect="it is ignored",
            cure=f"did you mean {path}.{near}?" if near else f"write {path} = {listed}",
        )
        if near and findings.strict:
            written[near] = written[name]


def _by_name(properties: Mapping[str, Property]) -> dict[str, dict[str, Property]]:
    """Return the properties of each interceptor."""
    found: dict[str, dict[str, Property]] = {}
    for key, prop in below(properties, "interceptors.").items():
        name, _, rest = key.partition(".")
        found.setdefault(name, {})[rest] = prop
    return found
