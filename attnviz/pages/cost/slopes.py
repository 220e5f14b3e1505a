"""A run in; how each way's time and memory grow, as slopes with their intervals and in words, and every number, out."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.cost import flops as paper
from attnviz.pages.cost import growth, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.report import Report
from attnviz.pages.cost.growth import Fit
from attnviz.ui import glossary_links

PART = "slopes"


def slopes(report: Report | None) -> None:
    """What each way does and, once there are measurements, how it grows beside it; behind a click all numbers."""
    if report is None or not report.found:
        _ways()
        return
    does, grows = st.columns([4, 5], gap="medium")
    with grows:
        st.subheader(lesson.text(PART, "title"), anchor="slopes")
        st.markdown(glossary_links.linked(lesson.text(PART, "lead", {"from": str(growth.FROM)}), "interval"))
        _grown(report)
    with does:
        st.subheader(lesson.text(PART, "ways"), anchor="ways")
        _ways()
    st.caption(lesson.text(PART, "note"))
    with st.expander("All numbers as a table"):
        st.dataframe(_rows(report), hide_index=True, height=360, alt="Every measurement, beside what paper says")


def _ways() -> None:
    """What each way does."""
    lines = ["| Way | What it does |", "|:--|:--|"]
    numbers = {"window": str(algorithms.WINDOW)}
    lines += [f"| **{way.name}** | {template.filled(way.what, numbers)} |" for way in lesson.ways()]
    with st.container(key="cost-ways"):
        st.markdown(glossary_links.linked("\n".join(lines), "flash-attention"))


def _grown(report: Report) -> None:
    """How each way's time and memory grow."""
    lines = ["| Way | Time grows | Memory grows | Fitted on |", "|:--|:--|:--|:--|"]
    for way, name in lesson.names().items():
        time, memory = (growth.fitted(report.found, way, what) for what in ("seconds", "held"))
        lines.append(f"| **{name}** | {told(time)} | {told(memory)} | {_lengths(time)} |")
    with st.container(key="cost-slopes"):
        st.markdown("\n".join(lines))


def told(fit: Fit | None) -> str:
    """A slope with its interval and what that leaves open: `1.98 (1.91 to 2.05), quadratic`."""
    if fit is None:
        return lesson.text(PART, "few")
    low, high = (f"{one:.2f}".replace("-", encoding.MINUS) for one in (fit.low, fit.high))
    return f"{fit.slope:.2f} ({low} to {high}), {growth.named(fit.low, fit.high)}".replace("-", encoding.MINUS)


def _lengths(fit: Fit | None) -> str:
    """On which lengths: `n = 5, 512 to 2,048 tokens`."""
    if fit is None:
        return ""
    low, high = (encoding.thousands(one) for one in (min(fit.lengths), max(fit.lengths)))
    return f"n = {len(fit.lengths)}, {low} to {high} tokens"


def _rows(report: Report) -> list[dict[str, str | int | float]]:
    """Each measurement, beside what it needs on paper."""
    names, layer = lesson.names(), report.plan.layer
    return [
        {
            "way": names[one.way], "tokens": one.tokens, "milliseconds": round(1000 * one.seconds, 3), "bytes held": one.held,
            "bytes held on paper": (on := paper.of(one.way, one.tokens, layer)).held, "operations on paper": on.operations,
            "steps in a row": on.steps,
        }
        for one in report.found
    ]  # fmt: skip
