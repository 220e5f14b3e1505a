"""What it costs, on the page: measured while one watches, in tiles step by step, on paper, and a myth answered by both."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.lessons import cost
from attnviz.ui import blocks, terms
from attnviz.ui.cost.measure import measure
from attnviz.ui.cost.myth import myth
from attnviz.ui.cost.paper import paper
from attnviz.ui.cost.sizes import sizes
from attnviz.ui.cost.tiles import tiles

__all__ = ["show"]


def show(trace: Trace) -> None:
    """The whole page."""
    own = sizes(trace)
    with st.container(key="cost"):
        st.header(cost.text("page", "title"), anchor=False)
        numbers = {"model": blocks.plain(own.model), "heads": str(own.layer.heads), "dim": str(own.layer.dim)}
        st.markdown(terms.linked(cost.text("page", "lead", numbers), "token", "layer"))
        report = measure(own)
        tiles(trace)
        paper(own, report)
        myth(report)
        st.caption(blocks.plain("; ".join(cost.content()["page"]["sources"]) + "."))
