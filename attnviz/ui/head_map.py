"""The map of all heads on a page: layers by heads, with rings around the chosen and the best head."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from attnviz.figures import headmap
from attnviz.types import HeadRef, HeadScores


def head_map(
    key: str,
    scores: HeadScores,
    alt: str,
    chosen: HeadRef,
    best: HeadRef | None = None,
    *,
    ends: tuple[str, str] = ("", ""),
    marks: Sequence[Sequence[str]] = (),
) -> None:
    """Draw the map and its key; `key` names the element on the page, the rest is that of `headmap.drawn` and `headmap.key`."""
    with st.container(key=key, gap=None):
        st.html(headmap.drawn(scores, alt, marks=marks))
        st.html(headmap.key(scores, f".st-key-{key}", chosen, best, ends=ends))
