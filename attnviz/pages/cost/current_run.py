"""The server's one desk for measurements, and which of its runs this reader follows."""

from __future__ import annotations

import secrets

import streamlit as st

from attnviz.pages.cost.bench.plan import Plan
from attnviz.pages.cost.bench.report import Report
from attnviz.pages.cost.bench.session import Desk

_KEPT, _READER, _MINE = "cost-report", "cost-reader", "cost-mine"


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """One a server, whoever reads."""
    return Desk()


def start(plan: Plan) -> None:
    """Begin to measure, unless somebody does already."""
    if desk().start(plan, _reader()):
        st.session_state.pop(_KEPT, None)


def stop() -> None:
    """End what this reader has begun."""
    desk().stop(_reader())


def looked() -> tuple[Report | None, Report | None]:
    """The run that this reader follows, as it is now, and the desk's own where that is another one.

    Who has seen none yet follows the one that there is. A run that another reader starts takes nobody's numbers away.
    """
    now, kept = desk().look(_reader()), st.session_state.get(_KEPT)
    own = desk().owns(_reader())
    if now is not None and own:
        st.session_state[_MINE] = {*st.session_state.get(_MINE, ()), now.number}
    if now is not None and (own or kept is None or kept.running or kept.number == now.number):
        st.session_state[_KEPT] = kept = now
    return kept, now if now != kept else None


def follow() -> None:
    """Follow the desk's run from now on."""
    st.session_state.pop(_KEPT, None)


def mine(report: Report) -> bool:
    """Whether this reader started that run."""
    return report.number in st.session_state.get(_MINE, ())


def _reader() -> str:
    """A name for this reader that nobody else has."""
    return st.session_state.setdefault(_READER, secrets.token_hex(8))
