"""How many inputs a promise is held against: some in every test run, many in the soak; and what went wrong meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy


def example_count(full: int) -> int:
    """How many examples a property reads that reads `full` of them in long runs; in `make check` a fifth, as all others."""
    return max(1, full * settings.default.max_examples // 100)


def amounts(some: int, many: int) -> pytest.MarkDecorator:
    """The parameter `examples`: `some`, and in the soak `many`."""
    long = pytest.param(many, id="many", marks=[pytest.mark.soak, pytest.mark.timeout(3600)])
    return pytest.mark.parametrize("examples", [pytest.param(some, id="some"), long])


def check_promise(examples: int, inputs: SearchStrategy[Any], promise: Callable[[Any], None]) -> None:
    """Fails with the smallest of so many inputs for which the promise does not hold."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]
    settings(max_examples=examples, deadline=None, suppress_health_check=checks)(given(inputs)(promise))()


class _Kept(logging.Handler):
    """Records of faults."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Kept in words, with what was raised."""
        self.found.append(
            f"{record.name}: {record.getMessage()} {record.exc_info[1]!r}" if record.exc_info else str(record.msg)
        )


@contextmanager
def no_faults() -> Iterator[None]:
    """Fails in the end where anything of this process logged an error: a fault is logged, a refusal is not."""
    kept = _Kept()
    logging.getLogger().addHandler(kept)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(kept)
    assert kept.found == []
