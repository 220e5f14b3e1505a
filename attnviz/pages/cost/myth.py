"""Answer the myth “Faster always means cheaper” with measurements of this machine."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import encoding, units
from attnviz.pages.cost import flops, lesson
from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.ui import glossary_links

PART = "myth"
COMPARED = ("matrix", "fused", "recurrent")


def myth(report: BenchmarkReport | None) -> None:
    """Draw the answer at the longest text on which all three algorithms were measured."""
    st.header(lesson.text(PART, "title"), anchor="faster")
    tokens = 0 if report is None else report.longest(*COMPARED)
    if report is None or not tokens:
        st.markdown(glossary_links.linked(lesson.text(PART, "none")))
    else:
        found = {algorithm: one for algorithm in COMPARED if (one := report.at(algorithm, tokens)) is not None}
        numbers = answer_values(found, report)
        st.markdown(glossary_links.linked(lesson.text(PART, "fused", numbers)))
        st.markdown(glossary_links.linked(lesson.text(PART, "recurrent" if _fewer(tokens, report) > 1 else "short", numbers)))
    st.markdown(glossary_links.linked(lesson.text(PART, "link")))


def _fewer(tokens: int, report: BenchmarkReport) -> float:
    """Return how many times as many operations the whole matrix needs as a recurrent network; below 1 in short texts."""
    whole, recurrent = (
        flops.estimate(algorithm, tokens, report.plan.layer).operations for algorithm in ("matrix", "recurrent")
    )
    return whole / recurrent


def answer_values(found: dict[str, Measurement], report: BenchmarkReport) -> dict[str, str]:
    """Return the numbers of the answer."""
    matrix, fused, recurrent = (found[algorithm] for algorithm in COMPARED)
    on = {algorithm: flops.estimate(algorithm, one.tokens, report.plan.layer) for algorithm, one in found.items()}
    each = {algorithm: one.seconds / on[algorithm].operations for algorithm, one in found.items()}
    return {
        "tokens": encoding.thousands(matrix.tokens), "fused": units.duration(fused.seconds),
        "matrix": units.duration(matrix.seconds), "times": units.ratio_text(matrix.seconds / fused.seconds),
        "products": encoding.thousands(on["matrix"].products), "fusedheld": units.byte_size(fused.peak_bytes),
        "matrixheld": units.byte_size(matrix.peak_bytes), "recurrent": units.duration(recurrent.seconds),
        "fewer": units.ratio_text(fewer := _fewer(matrix.tokens, report)), "more": units.ratio_text(1 / fewer),
        "each": units.ratio_text(each["recurrent"] / each["fused"]),
    }  # fmt: skip
