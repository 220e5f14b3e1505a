"""One mechanism, many places, on the page: across two texts, in other media, beside other mechanisms, and four myths."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.lessons import places
from attnviz.ui import terms
from attnviz.ui.places.across import across
from attnviz.ui.places.compared import compared
from attnviz.ui.places.elsewhere import elsewhere
from attnviz.ui.places.myths import myths

__all__ = ["show"]


def show(trace: Trace) -> None:
    """The whole tour, with the numbers of the reader's own sentence."""
    with st.container(key="places"):
        st.header(places.text("page", "title"), anchor=False)
        st.markdown(terms.linked(places.text("page", "lead")))
        target = across(trace)
        elsewhere(trace)
        compared(trace, target)
        myths(trace)
