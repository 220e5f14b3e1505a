"""Draw the page Beyond text: two texts, other media, other mechanisms, and four myths."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.pages.places import lesson
from attnviz.pages.places.cross_attention import cross_attention
from attnviz.pages.places.modalities import comparison, media
from attnviz.pages.places.myths import myths
from attnviz.ui import contents, glossary_links

__all__ = ["show"]

CONTENTS = (
    contents.Entry("across", "Two texts"),
    contents.Entry("media", "Other media"),
    contents.Entry("compared", "Other mechanisms"),
    contents.Entry("myths", "Four myths"),
)


def show(trace: Trace) -> None:
    """Draw the whole page with the numbers of the reader's sentence."""
    with contents.beside("places", CONTENTS + tuple(contents.Entry(myth.id, myth.name, sub=True) for myth in lesson.myths())):
        st.header(lesson.text("page", "title"), anchor=False)
        st.markdown(glossary_links.linked(lesson.text("page", "lead")))
        target = cross_attention(trace)
        media(trace)
        comparison(trace, target)
        myths(trace)
