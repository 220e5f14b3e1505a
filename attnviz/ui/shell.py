"""The start of a page, before slow imports: the window, its look, the navigation, and loading the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from attnviz.ui import start_up
from attnviz.web import navigation

_ICON = Path(__file__).with_name("icon.png")
_PAGES = "attnviz_pages"  # in the session


def theme() -> str:
    """Return `light` or `dark`: the theme of the page in the reader's browser."""
    return "dark" if st.context.theme.type == "dark" else "light"


def page() -> Any:
    """Set up the window and its pages; returns the page to run. The row of pages is part of the index page.

    A browser asks for a page by its path at once, so the pages are named before the engine is loaded.
    """
    st.set_page_config(page_title="attnviz", page_icon=str(_ICON), layout="wide")
    if _PAGES not in st.session_state:  # made once for each reader: each looks for its script on the disk
        st.session_state[_PAGES] = [
            st.Page(entry.script, title=entry.title, url_path=entry.name, default=entry.name == navigation.DEFAULT)
            for entry in navigation.PAGES
        ]
    found = st.navigation(st.session_state[_PAGES], position="hidden")
    st.button("Theme", key="theme-switched")  # not shown; a run in the other theme: attnviz/web/index_page/theme.js
    st.html(f'<h1 class="page-name">{found.title}</h1>')  # for screen readers: the navigation shows the page to others
    return found


def load_engine() -> None:
    """Import the engine: only the first readers of a server wait for it, some seconds."""
    if not start_up.is_loaded():
        with st.spinner(
            "The server has just started and is loading the model library. This takes some seconds, once.", show_time=True
        ):
            start_up.load_engine()
