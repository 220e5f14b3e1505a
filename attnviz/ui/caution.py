"""The caution that every page which makes a claim about heads ends with, in one place."""

from __future__ import annotations

import streamlit as st

from attnviz.ui import glossary_links

CAUTION = "Attention is a signal, not an explanation: a head that looks at a word need not use it."


def show(*limits: str, terms: tuple[str, ...] = ()) -> None:
    """Draw the caution behind the page's own sentences on the limits of its numbers (Markdown).

    Terms of the glossary become links: those named in `terms`, or all.
    """
    st.caption(glossary_links.linked(" ".join((*limits, CAUTION)), *terms))
