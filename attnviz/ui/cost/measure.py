"""Measuring on the page: a button, progress, a button that ends it, two pictures that grow, and what became of it."""

from __future__ import annotations

import streamlit as st

from attnviz.engine import ways
from attnviz.errors import BadInputError
from attnviz.figures import amounts, costs, encoding
from attnviz.lessons import cost
from attnviz.machine.plan import HELD, REACHES, Plan
from attnviz.machine.report import DONE, Report
from attnviz.types import joined
from attnviz.ui import blocks, terms
from attnviz.ui.cost import followed
from attnviz.ui.cost.sizes import Sizes
from attnviz.ui.cost.slopes import slopes

EVERY = 0.5  # seconds between two looks at a run
TITLES = {"seconds": "Time", "held": "Memory"}
PART = "measure"


def measure(own: Sizes) -> Report | None:
    """The whole part; returns the run that this reader follows."""
    report = followed.looked()[0]
    watching = _watching()
    st.fragment(_live, run_every=EVERY if watching else None)(own, watching)
    return report


def _watching() -> bool:
    """Whether something is going on that this reader sees."""
    report, other = followed.looked()
    return any(one is not None and one.running for one in (report, other))


def _live(own: Sizes, watching: bool) -> None:
    """What changes while one watches. It runs by itself as long as there is something to see, and then no more."""
    report, other = followed.looked()
    if watching != _watching():
        st.rerun()
    try:
        _fields(own, report, other)
    except BadInputError as error:
        st.info(blocks.plain(str(error)))
    if report is not None:
        _told(report, own)
        _pictures(report)
    slopes(report)
    st.caption(terms.linked(cost.text(PART, "how", {"runs": str(ways.RUNS)})))


def _fields(own: Sizes, report: Report | None, other: Report | None) -> None:
    """How far, and the button that begins; while one's own run goes on, the one that ends it; and what others do."""
    said = {2048: cost.text(PART, "quick"), 8192: cost.text(PART, "long")}
    mine = report is not None and report.running and followed.mine(report)
    busy = any(one is not None and one.running for one in (report, other))
    with st.container(horizontal=True, gap="small", key="cost-fields", vertical_alignment="bottom"):
        if mine:
            st.button(cost.text(PART, "stop"), key="cost-stop", type="primary", on_click=followed.stop)
        elif busy:
            st.button(cost.text(PART, "button"), key="cost-start", disabled=True)
        else:
            reach = st.selectbox(
                cost.text(PART, "reach"),
                REACHES,
                format_func=lambda one: said[one],
                key="cost-reach",
                width=300,
                index=REACHES.index(report.plan.longest) if report is not None and followed.mine(report) else 0,
            )
            plan = Plan(own.layer.heads, own.layer.dim, reach)
            st.button(cost.text(PART, "button"), key="cost-start", type="primary", on_click=followed.start, args=(plan,))
    if other is not None:
        part = "busy" if other.running else "newer"
        st.info(cost.text(PART, part, _numbers(other) if other.running else {}))
        st.button(cost.text(PART, "watch"), key="cost-watch", on_click=followed.follow)
    elif busy and not mine:
        st.info(cost.text(PART, "others"))


def _told(report: Report, own: Sizes) -> None:
    """How far it is, or how it ended, and what is missing."""
    numbers = _numbers(report)
    if report.running:
        st.progress(report.share, text=cost.text(PART, "now" if report.now else "begins", numbers))
    elif report.state == DONE:
        st.markdown(cost.text(PART, "done", numbers))
    else:
        st.info(cost.text(PART, report.state, numbers | {"why": blocks.plain(report.why)}))
    if report.crowded:
        st.caption(cost.text(PART, "crowded"))
    if not report.running and not followed.mine(report):
        st.caption(cost.text(PART, "taken"))
    plan = report.plan
    if (plan.heads, plan.dim) != (own.layer.heads, own.layer.dim):
        ours = {"heads": str(plan.heads), "dim": str(plan.dim), "model": blocks.plain(own.model)}
        st.info(cost.text(PART, "sizes", ours | {"ownheads": str(own.layer.heads), "owndim": str(own.layer.dim)}))
    if report.failed:
        st.info(cost.text(PART, "failed", {"cells": joined([_cell(*one) for one in report.failed])}))


def _numbers(report: Report) -> dict[str, str]:
    """What sentences about a run may want."""
    way, tokens = report.now or ("", 0)
    made, seconds = len(report.found), amounts.lasting(max(report.seconds, 1.0))
    return {
        "made": str(made), "all": str(len(report.plan.cells)), "seconds": seconds,
        "way": cost.names().get(way, ""), "tokens": encoding.thousands(tokens),
        "now": _cell(way, tokens) if way else cost.text(PART, "start"),
    }  # fmt: skip


def _cell(way: str, tokens: int) -> str:
    """One measurement by name."""
    return cost.text(PART, "cell", {"way": cost.names()[way], "tokens": encoding.thousands(tokens)})


def _pictures(report: Report) -> None:
    """Time and memory, side by side where there is room, as soon as there is a point to show."""
    if not report.found:
        return
    names, lengths, theme = cost.names(), report.plan.lengths, blocks.theme()
    with st.container(key="cost-pictures"):
        columns = st.columns(2, gap="medium")
    for column, what in zip(columns, TITLES, strict=True):
        with column:
            st.subheader(TITLES[what], anchor=False)
            st.plotly_chart(
                costs.figure(report.found, what, lengths, theme, names), theme=None, config=costs.CONFIG, key=f"cost-{what}",
                alt=costs.description(report.found, what, names),
            )  # fmt: skip
    st.caption(cost.text(PART, "blue"))
    for way, tokens, held in report.plan.left_out:
        numbers = {"way": names[way], "tokens": encoding.thousands(tokens), "held": amounts.stored(held)}
        st.caption(cost.text(PART, "left_out", numbers | {"most": amounts.stored(HELD)}))
