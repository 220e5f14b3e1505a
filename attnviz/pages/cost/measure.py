"""Draw the live measurement: start and stop buttons, progress, two charts, and the outcome."""

from __future__ import annotations

import streamlit as st

from attnviz.errors import BadInputError
from attnviz.figures import encoding, units
from attnviz.pages.cost import current_run, figure, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.plan import MAX_PEAK_BYTES, REACHES, BenchmarkPlan
from attnviz.pages.cost.bench.report import DONE, BenchmarkReport
from attnviz.pages.cost.sizes import ModelSizes
from attnviz.pages.cost.slopes import show_algorithms, slopes
from attnviz.types import joined
from attnviz.ui import glossary_links, widgets

REFRESH = 0.5  # seconds between two updates
TITLES = {"seconds": "Time", "peak_bytes": "Memory"}
PART = "measure"


def measure(model_sizes: ModelSizes) -> BenchmarkReport | None:
    """Draw this part; return the run that this reader follows."""
    report = current_run.current_reports()[0]
    watching = _watching()
    st.fragment(_live, run_every=REFRESH if watching else None)(model_sizes, watching)
    return report


def _watching() -> bool:
    """Return whether a run is active that this reader sees."""
    report, other = current_run.current_reports()
    return any(one is not None and one.running for one in (report, other))


def _live(model_sizes: ModelSizes, watching: bool) -> None:
    """Draw what changes during a run. The fragment refreshes itself only while a run is active."""
    report, other = current_run.current_reports()
    if watching != _watching():
        st.rerun()
    first = report is None or not report.found
    start, beside = st.columns(2, gap="large") if first else (st.container(), None)
    with start:
        try:
            _fields(model_sizes, report, other)
        except BadInputError as error:
            st.info(widgets.plain(str(error)))
        if report is not None:
            _status(report, model_sizes)
        if first:
            _method()
    if report is None or beside is not None:
        with beside or start:
            show_algorithms()
        return
    _pictures(report)
    slopes(report)
    _method()


def _method() -> None:
    """Say how it is measured."""
    st.caption(glossary_links.linked(lesson.text(PART, "how", {"runs": str(algorithms.RUNS)})))


def _fields(model_sizes: ModelSizes, report: BenchmarkReport | None, other: BenchmarkReport | None) -> None:
    """Draw the length field and the start button, or the stop button of an own run, and the state of other readers' runs."""
    labels = {2048: lesson.text(PART, "quick"), 8192: lesson.text(PART, "long")}
    is_own = report is not None and report.running and current_run.is_own(report)
    busy = any(one is not None and one.running for one in (report, other))
    with st.container(horizontal=True, gap="small", key="cost-fields", vertical_alignment="bottom"):
        if is_own:
            st.button(lesson.text(PART, "stop"), key="cost-stop", type="primary", on_click=current_run.stop)
        elif busy:
            st.button(lesson.text(PART, "button"), key="cost-start", disabled=True)
        else:
            reach = st.selectbox(
                lesson.text(PART, "reach"),
                REACHES,
                format_func=lambda one: labels[one],
                key="cost-reach",
                width=300,
                index=REACHES.index(report.plan.longest) if report is not None and current_run.is_own(report) else 0,
            )
            plan = BenchmarkPlan(model_sizes.layer.heads, model_sizes.layer.dim, reach)
            st.button(lesson.text(PART, "button"), key="cost-start", type="primary", on_click=current_run.start, args=(plan,))
    if other is not None:
        part = "busy" if other.running else "newer"
        st.info(glossary_links.linked(lesson.text(PART, part, _numbers(other) if other.running else {})))
        st.button(lesson.text(PART, "watch"), key="cost-watch", on_click=current_run.follow)
    elif busy and not is_own:
        st.info(glossary_links.linked(lesson.text(PART, "others")))


def _status(report: BenchmarkReport, model_sizes: ModelSizes) -> None:
    """Draw the progress or the outcome, and what is missing."""
    numbers = _numbers(report)
    if report.running:
        st.progress(report.share, text=lesson.text(PART, "now" if report.now else "begins", numbers))
    elif report.state == DONE:
        st.markdown(glossary_links.linked(lesson.text(PART, "done", numbers)))
    else:
        st.info(glossary_links.linked(lesson.text(PART, report.state, numbers | {"why": widgets.plain(report.why)})))
    if report.overloaded:
        st.caption(glossary_links.linked(lesson.text(PART, "overloaded")))
    if not report.running and not current_run.is_own(report):
        st.caption(glossary_links.linked(lesson.text(PART, "taken")))
    plan = report.plan
    if (plan.heads, plan.dim) != (model_sizes.layer.heads, model_sizes.layer.dim):
        ours = {"heads": str(plan.heads), "dim": str(plan.dim), "model": widgets.plain(model_sizes.model)}
        st.info(
            lesson.text(PART, "sizes", ours | {"ownheads": str(model_sizes.layer.heads), "owndim": str(model_sizes.layer.dim)})
        )
    if report.failed:
        st.info(glossary_links.linked(lesson.text(PART, "failed", {"cells": joined([_cell(*one) for one in report.failed])})))


def _numbers(report: BenchmarkReport) -> dict[str, str]:
    """Return the numbers for sentences about a run."""
    algorithm, tokens = report.now or ("", 0)
    made, seconds = len(report.found), units.duration(max(report.seconds, 1.0))
    return {
        "made": str(made), "all": str(len(report.plan.cells)), "seconds": seconds,
        "algorithm": lesson.names().get(algorithm, ""), "tokens": encoding.thousands(tokens),
        "now": _cell(algorithm, tokens) if algorithm else lesson.text(PART, "start"),
    }  # fmt: skip


def _cell(algorithm: str, tokens: int) -> str:
    """Return the name of one measurement."""
    return lesson.text(PART, "cell", {"algorithm": lesson.names()[algorithm], "tokens": encoding.thousands(tokens)})


def _pictures(report: BenchmarkReport) -> None:
    """Draw time and memory side by side, as soon as there is a point."""
    if not report.found:
        return
    names, lengths, theme = lesson.names(), report.plan.lengths, widgets.theme()
    with st.container(key="cost-pictures"):
        columns = st.columns(2, gap="medium")
    for column, what in zip(columns, TITLES, strict=True):
        with column:
            st.subheader(TITLES[what], anchor=False)
            st.plotly_chart(
                figure.figure(report.found, what, lengths, theme, names), theme=None, config=figure.CONFIG, key=f"cost-{what}",
                alt=figure.description(report.found, what, names),
            )  # fmt: skip
    st.caption(glossary_links.linked(lesson.text(PART, "blue")))
    for algorithm, tokens, peak_bytes in report.plan.left_out:
        numbers = {"algorithm": names[algorithm], "tokens": encoding.thousands(tokens), "size": units.byte_size(peak_bytes)}
        st.caption(glossary_links.linked(lesson.text(PART, "left_out", numbers | {"most": units.byte_size(MAX_PEAK_BYTES)})))
