"""Contexts for components that a test makes by hand."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Event as Flag

from flume_core._runtime.load import create_nested
from flume_core.component import Component, ComponentContext, SystemClock
from flume_core.config.model import ComponentConfig
from flume_core.metrics import ComponentMetrics
from tests.core.config.tiny import CATALOG


def context(name: str) -> ComponentContext:
    def create(kind: str, type_: str, settings: Mapping[str, str]) -> Component[ComponentConfig]:
        return create_nested(CATALOG, kind, type_, settings, context(name))

    return ComponentContext(
        agent="a1",
        name=name,
        log=logging.getLogger("test"),
        clock=SystemClock(),
        metrics=ComponentMetrics(f"SINK.{name}"),
        create=create,
        stopping=Flag(),
    )
