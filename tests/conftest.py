"""What all tests share: their scale, hypothesis settings, and what CI does not let pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, settings

from tests.support import ci_skips, scale

# Time limits of hypothesis depend on the machine, and examples saved between runs make two runs of
# the same sources differ. In CI scale the examples are the same each time; in full scale they are new.
settings.register_profile(
    "ci",
    database=None,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("full", settings.get_profile("ci"), derandomize=False, max_examples=500)
settings.load_profile(scale.SCALE)


def pytest_configure(config: pytest.Config) -> None:
    # Registered rather than imported into this file, so that it also judges tests outside this folder.
    if not config.pluginmanager.hasplugin(ci_skips.__name__):
        config.pluginmanager.register(ci_skips, ci_skips.__name__)


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """One Java at a time, and time for Maven to fetch Apache Flume before the first of them."""
    for item in items:
        if "java_flume" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.java)
        if item.get_closest_marker("java") is None:
            continue
        if config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group("java"))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(1000))


@pytest.fixture(scope="session")
def scaled() -> Callable[[int], int]:
    """``scaled(n)``: how often to repeat what a full run repeats n times."""
    return scale.scaled
