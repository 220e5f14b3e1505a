"""How the classroom benchmark counts results, "busy" and errors."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from attnviz.backends.scheduler import Scheduler
from attnviz.errors import BusyError
from attnviz.ui.widgets import plain

pytestmark = pytest.mark.slow  # the browser's driver is imported


@pytest.fixture
def classroom(monkeypatch: pytest.MonkeyPatch):
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    before = set(sys.modules)
    yield importlib.import_module("classroom")
    for name in {"classroom", "page", "report", "student"} - before:
        sys.modules.pop(name, None)


def busy() -> str:
    """Return the message of a page when the queue is full."""
    scheduler = Scheduler(1, 1, 1)
    scheduler.acquire("a", lambda: None)
    scheduler.acquire("b", lambda: None)
    with pytest.raises(BusyError) as error:
        scheduler.acquire("c", lambda: None)
    return plain(str(error.value))


def test_busy_is_recognised_by_its_message_and_a_page_without_weights_is_an_error(classroom):
    def outcome(weights: tuple[str, ...], *alerts: str) -> str:
        return classroom.Submission("minilm", "It was busy.", classroom.Answer(0.1, weights, alerts, 100)).outcome

    assert outcome(("c0ffee",)) == "result"
    assert outcome(()) == "error"
    assert outcome((), busy()) == "busy"
    assert outcome((), busy(), busy()) == "busy"
    assert outcome((), "No answer to: it was busy.") == "error"
    assert outcome((), busy(), "exception: KeyError") == "error"


def test_a_class_is_within_its_bounds_only_if_all_of_them_hold(classroom):
    good = {"students": 30, "results": 300, "p95_s": 1.0, "p99_s": 2.0, "busy": 0, "errors": 0, "grown_MB": 606.0}
    assert classroom.within_bounds(good)  # 512 MB of results, 64 around them and 0.75 for each page of the thirty
    for worse in ({"p95_s": 1.01}, {"p99_s": 2.01}, {"busy": 1}, {"errors": 1}, {"results": 0}, {"grown_MB": 606.1}):
        assert not classroom.within_bounds(good | worse), worse
    assert classroom.within_bounds(good | {"students": 120, "busy": 1, "p95_s": 60.0})
