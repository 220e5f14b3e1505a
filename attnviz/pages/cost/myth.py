"""“Faster always means cheaper”, answered with what was measured on this machine."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import encoding, units
from attnviz.pages.cost import flops as paper
from attnviz.pages.cost import lesson
from attnviz.pages.cost.bench.algorithms import Measured
from attnviz.pages.cost.bench.report import Report
from attnviz.ui import glossary_links

PART = "myth"
ASKED = ("matrix", "fused", "recurrent")


def myth(report: Report | None) -> None:
    """The answer at the longest text on which the three ways were measured that it is about."""
    st.header(lesson.text(PART, "title"), anchor="faster")
    tokens = 0 if report is None else report.longest(*ASKED)
    if report is None or not tokens:
        st.markdown(lesson.text(PART, "none"))
    else:
        found = {way: one for way in ASKED if (one := report.at(way, tokens)) is not None}
        numbers = answered(found, report)
        st.markdown(glossary_links.linked(lesson.text(PART, "fused", numbers)))
        st.markdown(glossary_links.linked(lesson.text(PART, "recurrent" if _fewer(tokens, report) > 1 else "short", numbers)))
    st.markdown(lesson.text(PART, "link"))


def _fewer(tokens: int, report: Report) -> float:
    """How many times as many operations the whole matrix needs as a recurrent network; less than 1 in short texts."""
    whole, recurrent = (paper.of(way, tokens, report.plan.layer).operations for way in ("matrix", "recurrent"))
    return whole / recurrent


def answered(found: dict[str, Measured], report: Report) -> dict[str, str]:
    """The numbers that the answer wants."""
    matrix, fused, recurrent = (found[way] for way in ASKED)
    on = {way: paper.of(way, one.tokens, report.plan.layer) for way, one in found.items()}
    each = {way: one.seconds / on[way].operations for way, one in found.items()}
    return {
        "tokens": encoding.thousands(matrix.tokens), "fused": units.lasting(fused.seconds),
        "matrix": units.lasting(matrix.seconds), "times": units.times(matrix.seconds / fused.seconds),
        "products": encoding.thousands(on["matrix"].products), "fusedheld": units.stored(fused.held),
        "matrixheld": units.stored(matrix.held), "recurrent": units.lasting(recurrent.seconds),
        "fewer": units.times(fewer := _fewer(matrix.tokens, report)), "more": units.times(1 / fewer),
        "each": units.times(each["recurrent"] / each["fused"]),
    }  # fmt: skip
