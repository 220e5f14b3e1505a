"""Measuring on the page: a button, progress, a button that ends it, two pictures that grow, and what became of it."""

from __future__ import annotations

import streamlit as st

from attnviz.errors import BadInputError
from attnviz.figures import encoding, units
from attnviz.pages.cost import current_run, lesson
from attnviz.pages.cost import figure as costs
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.plan import HELD, REACHES, Plan
from attnviz.pages.cost.bench.report import DONE, Report
from attnviz.pages.cost.sizes import Sizes
from attnviz.pages.cost.slopes import slopes
from attnviz.types import joined
from attnviz.ui import glossary_links, widgets

EVERY = 0.5  # seconds between two looks at a run
TITLES = {"seconds": "Time", "held": "Memory"}
PART = "measure"


def measure(own: Sizes) -> Report | None:
    """The whole part; returns the run that this reader follows."""
    report = current_run.looked()[0]
    watching = _watching()
    st.fragment(_live, run_every=EVERY if watching else None)(own, watching)
    return report


def _watching() -> bool:
    """Whether something is going on that this reader sees."""
    report, other = current_run.looked()
    return any(one is not None and one.running for one in (report, other))


def _live(own: Sizes, watching: bool) -> None:
    """What changes while one watches. It runs by itself as long as there is something to see, and then no more."""
    report, other = current_run.looked()
    if watching != _watching():
        st.rerun()
    try:
        _fields(own, report, other)
    except BadInputError as error:
        st.info(widgets.plain(str(error)))
    if report is not None:
        _told(report, own)
        _pictures(report)
    slopes(report)
    st.caption(glossary_links.linked(lesson.text(PART, "how", {"runs": str(algorithms.RUNS)})))


def _fields(own: Sizes, report: Report | None, other: Report | None) -> None:
    """How far, and the button that begins; while one's own run goes on, the one that ends it; and what others do."""
    said = {2048: lesson.text(PART, "quick"), 8192: lesson.text(PART, "long")}
    mine = report is not None and report.running and current_run.mine(report)
    busy = any(one is not None and one.running for one in (report, other))
    with st.container(horizontal=True, gap="small", key="cost-fields", vertical_alignment="bottom"):
        if mine:
            st.button(lesson.text(PART, "stop"), key="cost-stop", type="primary", on_click=current_run.stop)
        elif busy:
            st.button(lesson.text(PART, "button"), key="cost-start", disabled=True)
        else:
            reach = st.selectbox(
                lesson.text(PART, "reach"),
                REACHES,
                format_func=lambda one: said[one],
                key="cost-reach",
                width=300,
                index=REACHES.index(report.plan.longest) if report is not None and current_run.mine(report) else 0,
            )
            plan = Plan(own.layer.heads, own.layer.dim, reach)
            st.button(lesson.text(PART, "button"), key="cost-start", type="primary", on_click=current_run.start, args=(plan,))
    if other is not None:
        part = "busy" if other.running else "newer"
        st.info(lesson.text(PART, part, _numbers(other) if other.running else {}))
        st.button(lesson.text(PART, "watch"), key="cost-watch", on_click=current_run.follow)
    elif busy and not mine:
        st.info(lesson.text(PART, "others"))


def _told(report: Report, own: Sizes) -> None:
    """How far it is, or how it ended, and what is missing."""
    numbers = _numbers(report)
    if report.running:
        st.progress(report.share, text=lesson.text(PART, "now" if report.now else "begins", numbers))
    elif report.state == DONE:
        st.markdown(lesson.text(PART, "done", numbers))
    else:
        st.info(lesson.text(PART, report.state, numbers | {"why": widgets.plain(report.why)}))
    if report.crowded:
        st.caption(lesson.text(PART, "crowded"))
    if not report.running and not current_run.mine(report):
        st.caption(lesson.text(PART, "taken"))
    plan = report.plan
    if (plan.heads, plan.dim) != (own.layer.heads, own.layer.dim):
        ours = {"heads": str(plan.heads), "dim": str(plan.dim), "model": widgets.plain(own.model)}
        st.info(lesson.text(PART, "sizes", ours | {"ownheads": str(own.layer.heads), "owndim": str(own.layer.dim)}))
    if report.failed:
        st.info(lesson.text(PART, "failed", {"cells": joined([_cell(*one) for one in report.failed])}))


def _numbers(report: Report) -> dict[str, str]:
    """What sentences about a run may want."""
    way, tokens = report.now or ("", 0)
    made, seconds = len(report.found), units.lasting(max(report.seconds, 1.0))
    return {
        "made": str(made), "all": str(len(report.plan.cells)), "seconds": seconds,
        "way": lesson.names().get(way, ""), "tokens": encoding.thousands(tokens),
        "now": _cell(way, tokens) if way else lesson.text(PART, "start"),
    }  # fmt: skip


def _cell(way: str, tokens: int) -> str:
    """One measurement by name."""
    return lesson.text(PART, "cell", {"way": lesson.names()[way], "tokens": encoding.thousands(tokens)})


def _pictures(report: Report) -> None:
    """Time and memory, side by side where there is room, as soon as there is a point to show."""
    if not report.found:
        return
    names, lengths, theme = lesson.names(), report.plan.lengths, widgets.theme()
    with st.container(key="cost-pictures"):
        columns = st.columns(2, gap="medium")
    for column, what in zip(columns, TITLES, strict=True):
        with column:
            st.subheader(TITLES[what], anchor=False)
            st.plotly_chart(
                costs.figure(report.found, what, lengths, theme, names), theme=None, config=costs.CONFIG, key=f"cost-{what}",
                alt=costs.description(report.found, what, names),
            )  # fmt: skip
    st.caption(lesson.text(PART, "blue"))
    for way, tokens, held in report.plan.left_out:
        numbers = {"way": names[way], "tokens": encoding.thousands(tokens), "held": units.stored(held)}
        st.caption(lesson.text(PART, "left_out", numbers | {"most": units.stored(HELD)}))
