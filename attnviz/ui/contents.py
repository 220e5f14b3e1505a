"""The contents of a long page: links to its parts, at its left side where there is room, else above it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape

import streamlit as st


@dataclass(frozen=True)
class PagePart:
    """A part of a page: its name, its anchor, and the entries in it with theirs; a phone shows parts only."""

    name: str
    anchor: str
    entries: tuple[tuple[str, str], ...] = ()


@contextmanager
def beside(parts: Sequence[PagePart]) -> Iterator[None]:
    """Draw the contents, and beside them what is drawn in this block."""
    with st.container(key="with-contents", horizontal=True, gap="large"):
        with st.container(key="contents"):
            st.html(html(parts))
        with st.container(key="beside-contents"):
            yield


def html(parts: Sequence[PagePart]) -> str:
    """Return the contents as HTML."""
    return f'<nav class="contents" aria-label="On this page"><ul>{"".join(map(_part, parts))}</ul></nav>'


def _part(part: PagePart) -> str:
    """Return one part with its entries."""
    short = ' class="letter"' if len(part.name) == 1 else ""
    entries = "".join(f"<li>{_link(name, anchor)}</li>" for name, anchor in part.entries)
    return f"<li{short}>{_link(part.name, part.anchor)}{f'<ul>{entries}</ul>' if entries else ''}</li>"


def _link(name: str, anchor: str) -> str:
    """Return a link to a place on this page."""
    return f'<a href="#{escape(anchor)}">{escape(name)}</a>'
