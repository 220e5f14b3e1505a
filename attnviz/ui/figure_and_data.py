"""The fold “Figure and data” of a page: each of its pictures as a file for print, with numbers, caption and BibTeX.

Before it is opened, nothing of it is computed or sent.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import citation, page_figure
from attnviz.figures.page_figure import FigureSource, PageFigure
from attnviz.types import HeadRef
from attnviz.ui import state, widgets
from attnviz.ui.backend import backend

TITLE = "Figure and data"
SHOWN = 400_000  # bytes of the largest picture that is shown here; its files are made all the same
_SHEET = "background:#fff;padding:12px;border-radius:4px;box-sizing:border-box;width:fit-content;max-width:100%"
Make = Callable[[], Sequence[PageFigure]]


def source(trace: Trace | None = None, head: HeadRef | None = None) -> FigureSource:
    """Return where the numbers of the open page come from: its trace and head, by default the text and head on screen."""
    now = state.current()
    trace = trace or backend().attend(now.request)
    return FigureSource(state.card(), trace.request.text, trace.request.text_b, trace.digest, head or now.head)


def fold(page: str, make: Make, now: str = "") -> None:
    """Draw the fold of a page; `make` returns its pictures and is called only while it is open. Only the fold reruns.

    `now` is the end of the id of the picture to begin with, by default the first.
    """
    st.fragment(_fold)(page, make, now)


def panel(page: str, make: Make, now: str = "") -> None:
    """Draw the same without a fold, for a place that is only drawn when it is opened."""
    try:
        figures = {one.id: one for one in make()}
        if figures:
            _choices(page, figures, now)
    except AttnvizError as error:
        widgets.show_error(error)


def _fold(page: str, make: Make, now: str) -> None:
    with st.container(key="figure-and-data"):
        opened = st.expander(TITLE, key=f"figures-{page}", on_change="rerun", icon=":material/download:")
        if opened.open:
            with opened:
                panel(page, make, now)


def _choices(page: str, figures: dict[str, PageFigure], now: str) -> None:
    """Draw which picture and which part, the picture itself, its files, and texts to copy."""
    first = next((at for at, id in enumerate(figures) if now and id.endswith(now)), 0)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        wanted = st.selectbox(
            "Figure", list(figures), index=first, format_func=lambda id: figures[id].name, width=320,
            key=f"figures-{page}-which{'-' * bool(now)}{now}",
        )  # fmt: skip
        figure = figures[wanted]
        names = list(figure.parts)
        part = st.segmented_control(
            "Show", names, format_func=figure.parts.__getitem__, default=names[0], required=True, wrap=True,
            key=f"figures-{page}-part-{'-'.join(names)}",
        )  # fmt: skip
    part = part or names[0]
    _preview(figure, part)
    _files(page, figure, part)
    copied = {"Caption": figure.caption, "BibTeX": citation.bibtex(*figure.source.cards, data_sets=figure.data_sets)}
    for column, (title, text) in zip(st.columns(2, gap="medium"), copied.items(), strict=True):
        column.caption(title)
        column.code(text, language=None, wrap_lines=True)


def _preview(figure: PageFigure, part: str) -> None:
    """Show the picture as it will be on paper: on white, at its own size where there is room."""
    drawn = page_figure.written(figure, "svg", part)
    if len(drawn) > SHOWN:
        st.caption(f"The picture is too large to be shown here ({len(drawn):,} bytes as SVG). The files are complete.")
        return
    source = base64.b64encode(drawn).decode()
    st.html(
        f'<div style="{_SHEET}"><img alt="{html.escape(figure.name)}" style="display:block;max-width:100%;height:auto" '
        f'src="data:image/svg+xml;base64,{source}"></div>'
    )


def _files(page: str, figure: PageFigure, part: str) -> None:
    """Draw a button for each file. A file is made when its button is clicked."""
    with st.container(horizontal=True, gap="small", key=f"figures-{page}-files"):
        for kind, (label, mime, what) in page_figure.KINDS.items():
            st.download_button(
                label, partial(page_figure.written, figure, kind, part), file_name=figure.file_name(kind, part), mime=mime,
                on_click="ignore", key=f"figures-{page}-{kind}", help=what,
            )  # fmt: skip
