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
    contents.PagePart("Two texts", "across"),
    contents.PagePart("Other media", "media"),
    contents.PagePart("Other mechanisms", "compared"),
)


def show(trace: Trace) -> None:
    """Draw the whole page with the numbers of the reader's sentence."""
    known = tuple((myth.name, myth.id) for myth in lesson.myths())
    with st.container(key="places"), contents.beside([*CONTENTS, contents.PagePart("Four myths", "myths", known)]):
        st.header(lesson.text("page", "title"), anchor=False)
        st.markdown(glossary_links.linked(lesson.text("page", "lead")))
        target = cross_attention(trace)
        media(trace)
        comparison(trace, target)
        myths(trace)
