"""Components that other components make for themselves, at run time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flume_core._plugins.catalog import Catalog
from flume_core.component import Component, ComponentContext
from flume_core.config.findings import Findings, Mode
from flume_core.config.model import ComponentConfig
from flume_core.config.properties import Property
from flume_core.config.settings import Given, read_settings
from flume_core.errors import ConfigurationError, Origin

__all__ = ["create_nested"]


def create_nested(
    catalog: Catalog,
    kind: str,
    type_: str,
    settings: Mapping[str, str],
    context: ComponentContext,
) -> Component[ComponentConfig]:
    """Return a component that another one uses, checked and constructed with ``context``.

    What `flume_core.component.Factory` does. Raises `PluginError` if nothing provides the type,
    `ConfigurationError` for bad settings.
    """
    cls = catalog.resolve(kind, type_)
    nowhere = Origin("", 0)
    given = Given(
        context.name,
        f"{kind.replace('_', ' ')} of type {type_}",
        None,
        {
            # Without a text, since a value may have been filled in: it is not to be shown.
            key: Property(f"{context.name}.{key}", value, nowhere, "")
            for key, value in settings.items()
        },
    )
    findings = Findings(Mode.STRICT, context.agent)
    settled = read_settings(cls.config_model, given, findings, catalog.resolve)
    if settled is None or findings.failed:
        problems = [replace(problem, origin=None) for problem in findings.problems]
        raise ConfigurationError(problems=problems)
    return cls(settled.config, context)
