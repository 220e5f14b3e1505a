"""Show how time and memory of each algorithm grow: slopes with intervals, in words, and every measurement."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.cost import flops, growth, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.pages.cost.growth import PowerLawFit
from attnviz.ui import glossary_links

PART = "slopes"


def slopes(report: BenchmarkReport) -> None:
    """Draw how each algorithm grows beside what it does; behind a click all numbers."""
    does, grows = st.columns([4, 5], gap="medium")
    with grows:
        st.subheader(lesson.text(PART, "title"), anchor="slopes")
        st.markdown(glossary_links.linked(lesson.text(PART, "lead", {"from": str(growth.MIN_TOKENS)}), "interval"))
        _grown(report)
    with does:
        st.subheader(lesson.text(PART, "algorithms"), anchor="ways")
        show_algorithms()
    st.caption(glossary_links.linked(lesson.text(PART, "note")))
    with st.expander("All numbers as a table"):
        st.dataframe(_rows(report), hide_index=True, height=360, alt="Every measurement beside its computed cost")


def show_algorithms() -> None:
    """Draw the table of what each algorithm does."""
    lines = ["| Algorithm | What it does |", "|:--|:--|"]
    numbers = {"window": str(algorithms.WINDOW)}
    lines += [f"| **{algorithm.name}** | {template.fill(algorithm.what, numbers)} |" for algorithm in lesson.algorithms()]
    with st.container(key="cost-ways"):
        st.markdown(glossary_links.linked("\n".join(lines), "flash-attention"))


def _grown(report: BenchmarkReport) -> None:
    """Draw the table of slopes."""
    lines = ["| Algorithm | Time grows | Memory grows | Fitted on |", "|:--|:--|:--|:--|"]
    for algorithm, name in lesson.names().items():
        time, memory = (growth.fit_algorithm(report.found, algorithm, what) for what in ("seconds", "peak_bytes"))
        lines.append(f"| **{name}** | {slope_text(time)} | {slope_text(memory)} | {_lengths(time)} |")
    with st.container(key="cost-slopes"):
        st.markdown("\n".join(lines))


def slope_text(fit: PowerLawFit | None) -> str:
    """Write a slope with its interval and its name: `1.98 (1.91 to 2.05), quadratic`."""
    if fit is None:
        return lesson.text(PART, "few")
    low, high = (f"{one:.2f}".replace("-", encoding.MINUS) for one in (fit.low, fit.high))
    return f"{fit.slope:.2f} ({low} to {high}), {growth.describe_growth(fit.low, fit.high)}".replace("-", encoding.MINUS)


def _lengths(fit: PowerLawFit | None) -> str:
    """Write the fitted lengths: `n = 5, 512 to 2,048 tokens`."""
    if fit is None:
        return ""
    low, high = (encoding.thousands(one) for one in (min(fit.lengths), max(fit.lengths)))
    return f"n = {len(fit.lengths)}, {low} to {high} tokens"


def _rows(report: BenchmarkReport) -> list[dict[str, str | int | float]]:
    """Return each measurement beside its computed cost."""
    names, layer = lesson.names(), report.plan.layer
    return [
        {
            "algorithm": names[one.algorithm],
            "tokens": one.tokens,
            "milliseconds": round(1000 * one.seconds, 3),
            "peak bytes": one.peak_bytes,
            "peak bytes, computed": (on := flops.estimate(one.algorithm, one.tokens, layer)).peak_bytes,
            "operations": on.operations,
            "steps in a row": on.sequential_steps,
        }
        for one in report.found
    ]
