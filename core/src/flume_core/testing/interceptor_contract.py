"""The suite that proves an interceptor right.

::

    class TestMyInterceptor(InterceptorContract):
        @pytest.fixture
        def interceptor(self):
            return InterceptorUnderTest(
                MyInterceptor,
                {"header": "dc"},
                expected=lambda event: event.with_headers(dc="eu"),
                type="mine",
            )
"""

# ruff: noqa: D102 - the names of the tests are their sentences

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import pytest

from flume_core.batch import EventBatch
from flume_core.event import Event
from flume_core.interceptor import EventInterceptor, Interceptor
from flume_core.testing.building import make_component
from flume_core.testing.component_contract import ComponentContract, ComponentUnderTest, need
from flume_core.testing.events import assert_exactly, numbered, odd_events
from flume_core.testing.fakes import ManualClock
from flume_core.testing.waiting import Background

__all__ = ["InterceptorContract", "InterceptorUnderTest", "Intercept"]

Intercept = Callable[[EventBatch], EventBatch]


@dataclass(frozen=True)
class InterceptorUnderTest(ComponentUnderTest):
    """An interceptor, and what the suite needs to know. Tests whose hook is missing are skipped."""

    cls: type[Interceptor[Any] | EventInterceptor[Any]]
    expected: Callable[[Event], Event | None] | None = None
    """Returns what an event should become; None if it should be dropped."""
    _: KW_ONLY
    examples: EventBatch | None = None
    """Events that the interceptor has something to do with, tried beside those of the suite."""
    deterministic: bool = True
    """Whether equal events become equal events at the same moment (no random identifiers)."""


class InterceptorContract(ComponentContract):
    """Subclass it with a fixture ``interceptor`` that returns an `InterceptorUnderTest`.

    As many events or fewer, in their order, whatever form the batch has; and what holds for every
    component. Time stands still: ``context.clock`` is a `ManualClock` at 1700000000 seconds.
    """

    @pytest.fixture
    def interceptor(self) -> InterceptorUnderTest:
        """Return what is tested; override this."""
        raise NotImplementedError(
            "write a fixture `interceptor` that returns an InterceptorUnderTest"
        )

    @pytest.fixture
    def component(self, interceptor: InterceptorUnderTest) -> ComponentUnderTest:
        """Return the interceptor, for the tests that hold for every component."""
        return interceptor

    @pytest.fixture
    def intercept(self, interceptor: InterceptorUnderTest) -> Iterator[Intercept]:
        """Return the function of a started interceptor that takes batches."""
        made = make_component(interceptor.cls, interceptor.config, "i1", clock=ManualClock())
        made.start()
        yield made.intercept_batch if isinstance(made, EventInterceptor) else made.intercept
        made.stop()

    @pytest.fixture
    def examples(self, interceptor: InterceptorUnderTest) -> EventBatch:
        """Return events to intercept."""
        return EventBatch.concat([interceptor.examples or numbered(0), numbered(20), odd_events()])

    def test_it_returns_a_batch_that_is_not_larger(
        self, intercept: Intercept, examples: EventBatch
    ) -> None:
        for batch in (examples, examples[:1], numbered(1000)):
            result = intercept(batch)
            assert isinstance(result, EventBatch)
            assert len(result) <= len(batch)

    def test_each_event_becomes_what_it_should(
        self, intercept: Intercept, examples: EventBatch, interceptor: InterceptorUnderTest
    ) -> None:
        expected = need(interceptor.expected, "expected")
        wanted = [made for event in examples if (made := expected(event)) is not None]
        assert_exactly(intercept(examples), wanted)

    def test_the_events_of_a_batch_stay_in_order(
        self, intercept: Intercept, interceptor: InterceptorUnderTest
    ) -> None:
        if not interceptor.deterministic:
            pytest.skip("not deterministic")
        together = intercept(numbered(30))
        singly = [intercept(numbered(1, number)) for number in range(30)]
        assert_exactly(together, singly)

    def test_the_batch_given_stays_as_it_was(
        self, intercept: Intercept, examples: EventBatch
    ) -> None:
        before = [(event.body, dict(event.headers)) for event in examples]
        intercept(examples)
        assert [(event.body, dict(event.headers)) for event in examples] == before

    def test_the_form_of_the_batch_makes_no_difference(
        self, intercept: Intercept, interceptor: InterceptorUnderTest
    ) -> None:
        if not interceptor.deterministic:
            pytest.skip("not deterministic")
        plain = numbered(20)
        block = b"".join(body + b"\n" for body in plain.bodies())
        headers, columns = plain.headers, plain.columns
        forms = [
            EventBatch.from_block(block, 20, headers, columns),
            EventBatch.from_packed(plain.packed(), 20, headers, columns),
            EventBatch.from_events(plain),
            EventBatch.concat([plain[:7], plain[7:8], plain[8:]]),
            numbered(40)[:20],
        ]
        wanted = intercept(plain)
        for form in forms:
            assert_exactly(intercept(form), wanted)

    def test_it_may_be_called_by_one_thread_after_another(
        self, intercept: Intercept, interceptor: InterceptorUnderTest
    ) -> None:
        results: list[EventBatch] = []
        for number in range(3):
            with Background() as background:
                background.run(lambda n=number: results.append(intercept(numbered(5, n * 5))))
        if interceptor.deterministic:
            assert_exactly(results, intercept(numbered(15)))
        assert len(results) == 3
