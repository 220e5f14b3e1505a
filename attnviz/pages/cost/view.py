"""Draw the cost page: live measurements, tiles step by step, the arithmetic for a long text, and one myth."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.pages.cost import downloads, lesson
from attnviz.pages.cost.estimate import estimate
from attnviz.pages.cost.measure import measure
from attnviz.pages.cost.myth import myth
from attnviz.pages.cost.sizes import sizes
from attnviz.pages.cost.tiles import tiles
from attnviz.ui import contents, figure_and_data, glossary_links, widgets

__all__ = ["show"]


def show(trace: Trace) -> None:
    """Draw the whole page."""
    own = sizes(trace)
    with st.container(key="cost"), contents.beside(_contents()):
        st.header(lesson.text("page", "title"), anchor="measured")
        numbers = {"model": widgets.plain(own.model), "heads": str(own.layer.heads), "dim": str(own.layer.dim)}
        st.markdown(glossary_links.linked(lesson.text("page", "lead", numbers), "token", "layer"))
        report = measure(own)
        tiles(trace)
        estimate(own, report)
        myth(report)
        figure_and_data.fold("cost", lambda: downloads.figures(figure_and_data.source(trace), trace))
        st.caption(widgets.plain("; ".join(lesson.content()["page"]["sources"]) + "."))


def _contents() -> list[contents.PagePart]:
    """Return the parts of the page."""
    computed = (("Beside this machine", "beyond"),)
    return [
        contents.PagePart("Measured here", "measured"),
        contents.PagePart("In tiles", "tiles"),
        contents.PagePart("A long text, computed", "paper", computed),
        contents.PagePart("A myth", "faster"),
    ]
