"""The start of a page, before slow imports: the window, its look, the navigation, and loading the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from attnviz.figures import encoding
from attnviz.ui import start_up

_STYLE = Path(__file__).with_name("frame.css")
_ICON = Path(__file__).with_name("icon.png")


def theme() -> str:
    """`light` or `dark`: the theme of the page in the reader's browser."""
    return "dark" if st.context.theme.type == "dark" else "light"


def page() -> Any:
    """Set up the window and the navigation; returns the page to run.

    A browser asks for a page by its path at once, so the pages are named before the engine is loaded.
    """
    st.set_page_config(page_title="attnviz", page_icon=str(_ICON), layout="wide")
    st.html(f"<style>:root{{{encoding.css(theme())}}}\n{_STYLE.read_text()}</style>")
    found = st.navigation(
        [
            st.Page("pages/explore/attention.py", title="Attention", url_path="attention", default=True),
            st.Page("pages/explore/compare.py", title="Compare", url_path="compare"),
            st.Page("pages/explore/heads.py", title="Find heads", url_path="heads"),
            st.Page("pages/learn/coreference.py", title="Coreference", url_path="coreference"),
            st.Page("pages/learn/syntax.py", title="Syntax", url_path="syntax"),
            st.Page("pages/learn/inside.py", title="Inside attention", url_path="inside"),
            st.Page("pages/learn/whatif.py", title="Experiments", url_path="whatif"),
            st.Page("pages/learn/cost.py", title="Cost", url_path="cost"),
            st.Page("pages/learn/places.py", title="Beyond text", url_path="places"),
            st.Page("pages/learn/glossary.py", title="Glossary", url_path="glossary"),
        ],
        position="top",
    )
    st.html(f'<h1 class="page-name">{found.title}</h1>')  # for screen readers: the navigation shows the page to others
    return found


def load_engine() -> None:
    """Import the engine: only the first readers of a server wait for it, some seconds."""
    if not start_up.is_loaded():
        with st.spinner(
            "The server has just started and is loading the model library. This takes some seconds, once.", show_time=True
        ):
            start_up.load_engine()
