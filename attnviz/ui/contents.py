"""The contents of a long page: beside it on a laptop, always in view; above it in one row where there is less room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape

import streamlit as st


@dataclass(frozen=True)
class Entry:
    """One line: the anchor of a heading of the page, its short title, and whether it belongs to the line before."""

    anchor: str
    title: str
    sub: bool = False


@contextmanager
def beside(page: str, entries: Sequence[Entry]) -> Iterator[None]:
    """Draw the contents, and the page in a container with the key `page` beside them."""
    with st.container(key=f"contents-{page}"):
        st.html(html(entries))
        with st.container(key=page):
            yield


def html(entries: Sequence[Entry]) -> str:
    """Return the contents as HTML; titles are escaped."""
    rows = "".join(
        f'<li{" class=sub" if one.sub else ""}><a href="#{escape(one.anchor)}">{escape(one.title)}</a></li>' for one in entries
    )
    return f'<nav class="contents" aria-label="On this page"><ul tabindex="0">{rows}</ul></nav>'
