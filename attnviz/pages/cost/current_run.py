"""The one benchmark runner of the server, and the run that this reader follows."""

from __future__ import annotations

import secrets

import streamlit as st

from attnviz.pages.cost.bench.plan import BenchmarkPlan
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.pages.cost.bench.runner import BenchmarkRunner

_REPORT, _READER, _OWN_RUNS = "cost-report", "cost-reader", "cost-mine"


@st.cache_resource(show_spinner=False)
def runner() -> BenchmarkRunner:
    """Return the runner; all readers of the server share it."""
    return BenchmarkRunner()


def start(plan: BenchmarkPlan) -> None:
    """Start a run, unless one is active."""
    if runner().start(plan, _reader_id()):
        st.session_state.pop(_REPORT, None)


def stop() -> None:
    """Stop the run of this reader."""
    runner().stop(_reader_id())


def current_reports() -> tuple[BenchmarkReport | None, BenchmarkReport | None]:
    """Return the run that this reader follows, and the runner's latest run where that is a different one.

    A reader without a run follows the latest one. A run that another reader starts replaces no numbers on this page.
    """
    now, kept = runner().poll(_reader_id()), st.session_state.get(_REPORT)
    own = runner().owns(_reader_id())
    if now is not None and own:
        st.session_state[_OWN_RUNS] = {*st.session_state.get(_OWN_RUNS, ()), now.number}
    if now is not None and (own or kept is None or kept.running or kept.number == now.number):
        st.session_state[_REPORT] = kept = now
    return kept, now if now != kept else None


def follow() -> None:
    """Follow the latest run from now on."""
    st.session_state.pop(_REPORT, None)


def is_own(report: BenchmarkReport) -> bool:
    """Return whether this reader started that run."""
    return report.number in st.session_state.get(_OWN_RUNS, ())


def _reader_id() -> str:
    """Return a unique id of this reader."""
    return st.session_state.setdefault(_READER, secrets.token_hex(8))
