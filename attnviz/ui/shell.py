"""What a page begins with, before anything slow is imported: the window, its look, the navigation, and waking the engine."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import streamlit as st

from attnviz.figures import encoding

ENGINE = "attnviz.engine.capture"  # brings torch and transformers
_AWAKE = threading.Event()  # the same for all readers: set once the engine is imported whole
_STYLE = Path(__file__).with_name("frame.css")
_ICON = Path(__file__).with_name("icon.png")


def theme() -> str:
    """`light` or `dark`, as the reader's browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def page() -> Any:
    """Set up the window and the navigation; returns the page to run.

    A browser asks for a page by its path at once, so the pages are named before the engine is awake.
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
    st.html(f'<h1 class="page-name">{found.title}</h1>')  # heard, not seen: the navigation shows where one is
    return found


def wake() -> None:
    """Import the engine: the first reader of a server waits some seconds for it, all others not at all.

    A second reader who comes meanwhile waits too: a library that is half imported cannot be used.
    """
    if not _AWAKE.is_set():
        with st.spinner("The server has just started and loads the model library: some seconds, once.", show_time=True):
            importlib.import_module(ENGINE)
            _AWAKE.set()
