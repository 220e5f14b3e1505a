"""One mechanism, many places, on the page: across two texts, in other media, beside other mechanisms, and four myths."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.pages.places import lesson
from attnviz.pages.places.cross_attention import across
from attnviz.pages.places.modalities import compared, elsewhere
from attnviz.pages.places.myths import myths
from attnviz.ui import glossary_links

__all__ = ["show"]


def show(trace: Trace) -> None:
    """The whole tour, with the numbers of the reader's own sentence."""
    with st.container(key="places"):
        st.header(lesson.text("page", "title"), anchor=False)
        st.markdown(glossary_links.linked(lesson.text("page", "lead")))
        target = across(trace)
        elsewhere(trace)
        compared(trace, target)
        myths(trace)
