"""A run in; how each way's time and memory grow, as slopes with their intervals and in words, and every number, out."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import cost as paper
from attnviz.analysis import growth
from attnviz.analysis.growth import Fit
from attnviz.engine import ways
from attnviz.figures import encoding
from attnviz.lessons import cost, walk
from attnviz.machine.report import Report
from attnviz.ui import terms

PART = "slopes"


def slopes(report: Report | None) -> None:
    """What each way does and, once there are measurements, how it grows beside it; behind a click all numbers."""
    if report is None or not report.found:
        _ways()
        return
    does, grows = st.columns([4, 5], gap="medium")
    with grows:
        st.subheader(cost.text(PART, "title"), anchor="slopes")
        st.markdown(terms.linked(cost.text(PART, "lead", {"from": str(growth.FROM)}), "interval"))
        _grown(report)
    with does:
        st.subheader(cost.text(PART, "ways"), anchor="ways")
        _ways()
    st.caption(cost.text(PART, "note"))
    with st.expander("All numbers as a table"):
        st.dataframe(_rows(report), hide_index=True, height=360, alt="Every measurement, beside what paper says")


def _ways() -> None:
    """What each way does."""
    lines = ["| Way | What it does |", "|:--|:--|"]
    numbers = {"window": str(ways.WINDOW)}
    lines += [f"| **{way.name}** | {walk.filled(way.what, numbers)} |" for way in cost.ways()]
    with st.container(key="cost-ways"):
        st.markdown(terms.linked("\n".join(lines), "flash-attention"))


def _grown(report: Report) -> None:
    """How each way's time and memory grow."""
    lines = ["| Way | Time grows | Memory grows | Fitted on |", "|:--|:--|:--|:--|"]
    for way, name in cost.names().items():
        time, memory = (growth.fitted(report.found, way, what) for what in ("seconds", "held"))
        lines.append(f"| **{name}** | {told(time)} | {told(memory)} | {_lengths(time)} |")
    with st.container(key="cost-slopes"):
        st.markdown("\n".join(lines))


def told(fit: Fit | None) -> str:
    """A slope with its interval and what that leaves open: `1.98 (1.91 to 2.05), quadratic`."""
    if fit is None:
        return cost.text(PART, "few")
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
    names, layer = cost.names(), report.plan.layer
    return [
        {
            "way": names[one.way], "tokens": one.tokens, "milliseconds": round(1000 * one.seconds, 3), "bytes held": one.held,
            "bytes held on paper": (on := paper.of(one.way, one.tokens, layer)).held, "operations on paper": on.operations,
            "steps in a row": on.steps,
        }
        for one in report.found
    ]  # fmt: skip
