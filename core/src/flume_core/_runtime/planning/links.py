"""What ties sources and sinks to channels: names, and the size of a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flume_core._runtime.plan import ComponentPlan
from flume_core._runtime.planning.desk import Desk
from flume_core.config.findings import Findings, Mode, nearest
from flume_core.config.model import spellings
from flume_core.config.properties import Property
from flume_core.config.structure import Section

__all__ = ["Links", "check_batch_size", "find_channels"]


class Links(NamedTuple):
    """The channels of a source or sink."""

    named: tuple[str, ...]
    """What a selector's settings may refer to: in STRICT all names, since a wrong one is reported."""
    usable: tuple[str, ...]


def find_channels(
    desk: Desk,
    section: Section,
    key: str,
    channels: Mapping[str, ComponentPlan | None],
    findings: Findings,
) -> Links:
    """Return the channels that ``key`` (``channels`` or ``channel``) names, reporting what is wrong.

    A channel that is listed but broken is not reported again; without any usable one the component
    fails.
    """
    prop = section.properties.get(key)
    names = _names(section, key)
    if prop is None or not names:
        _report_missing(desk, section, key, channels, findings)
        return Links((), ())
    if key == "channel" and len(names) > 1:
        findings.broken(
            f"a sink takes from one channel, not from {len(names)}",
            at=prop,
            cure=f"write {section.path}.channel = {names[0]}, and a sink for each other channel",
        )
        return Links(names, ())
    if len(names) < len(prop.value.split()):
        findings.repaired(
            "a channel is listed twice", at=prop, effect="it counts once", cure="list it once"
        )
    usable = tuple(name for name in names if channels.get(name) is not None)
    unknown = [name for name in names if name not in channels]
    for name in unknown:
        _report_unknown(desk, prop, name, channels, findings, others=bool(usable))
    if not usable:
        if not unknown and findings.mode is Mode.LENIENT:
            findings.broken(
                f"no channel is left of {section.path}.{key}",
                at=prop,
                cure="correct what is wrong with its channels",
            )
        findings.failed = True
    return Links(names if findings.strict else usable, usable)


def check_batch_size(
    desk: Desk,
    section: Section,
    component: ComponentPlan,
    channels: Iterable[ComponentPlan | None],
    findings: Findings,
) -> None:
    """Report a batch that no transaction of a channel can hold."""
    size = getattr(component.config, "batch_size", None)
    for channel in channels:
        capacity = getattr(channel.config, "transaction_capacity", None) if channel else None
        if channel is None or not (isinstance(size, int) and isinstance(capacity, int)):
            continue
        if size <= capacity:
            continue
        path = f"{desk.agent.name}.channels.{channel.name}"
        doubtful = desk.doubtful[section.path] | desk.doubtful[path]
        if not doubtful.isdisjoint(("batch_size", "transaction_capacity")):
            continue
        keys = _spellings_of("batch_size", component) or ["type"]
        written = next((key for key in keys if key in section.properties), None)
        other = (_spellings_of("transaction_capacity", channel) or ["the capacity"])[0]
        findings.broken(
            f"batches of {size} events do not fit channel {channel.name}, whose transactions hold "
            f"{capacity}",
            key=f"{section.path}.{written or keys[0]}",
            at=section.properties.get(written or "type"),
            cure=f"write {capacity} or less, or raise {other} of channel {channel.name} to {size}",
        )


def _spellings_of(name: str, component: ComponentPlan) -> list[str]:
    return [key for key, of in spellings(type(component.config)).items() if of == name]


def _names(section: Section, key: str) -> tuple[str, ...]:
    prop = section.properties.get(key)
    return tuple(dict.fromkeys(prop.value.split())) if prop else ()


def _report_missing(
    desk: Desk,
    section: Section,
    key: str,
    channels: Iterable[str],
    findings: Findings,
) -> None:
    path = f"{section.path}.{key}"
    if findings.strict and (key in section.empty or path in findings.suggested):
        findings.failed = True
        return
    other = section.properties.get("channels" if key == "channel" else "channel")
    at = other or section.properties.get("type") or section.first
    example = " ".join(channels) if key == "channels" else next(iter(channels), "...")
    what = "the source" if key == "channels" else "the sink"
    cure = f"write {path} = {other.value if other else example}"
    findings.broken(f"{what} has no {key}", key=path, at=at, cure=cure)


def _report_unknown(
    desk: Desk,
    prop: Property,
    name: str,
    channels: Iterable[str],
    findings: Findings,
    *,
    others: bool,
) -> None:
    list_ = f"{desk.agent.name}.channels"
    unlisted = findings.strict and name in desk.agent.unlisted["channels"]
    if unlisted or not desk.agent.names("channels"):
        findings.failed = True  # reported where it belongs, at the list
        desk.meant.add(desk.agent.meant.get(("channels", name), name))
        return
    near = nearest(name, channels)
    cure = f"did you mean {near}?" if near else f"name a channel of {list_}, or add {name} to it"
    if near:
        desk.meant.add(near)
    elif "," in name:
        cure = f"names are separated by blanks: write {name.replace(',', ' ')}"
        desk.meant.update(name.split(","))
    message = f"channel {name} is not in the list {list_}"
    if others:
        findings.repaired(message, at=prop, effect="it is left out", cure=cure)
    else:
        findings.broken(message, at=prop, cure=cure)
