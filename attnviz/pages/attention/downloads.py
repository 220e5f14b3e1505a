"""Downloads of one head."""

from __future__ import annotations

from functools import partial

import streamlit as st

from attnviz import export
from attnviz.figures import encoding
from attnviz.figures.head_figure import head_figure
from attnviz.figures.page_figure import FigureSource, PageFigure
from attnviz.figures.provenance import provenance
from attnviz.pages.attention.head_view import HeadView
from attnviz.ui import figure_and_data, state

FILES = {
    "HTML": ("html", "text/html", "The board with every head, in one file that opens offline"),
    "SVG": ("svg", "image/svg+xml", "This head as a drawing; every cell carries its exact value"),
    "PDF": ("pdf", "application/pdf", "The same drawing, 170 mm wide, with its fonts"),
    "PNG": ("png", "image/png", "The same drawing as pixels, two to each of a screen's"),
    "CSV": ("csv", "text/csv", "The weights as a table"),
    "NPZ": ("npz", "application/zip", "The weights as arrays for numpy"),
    "JSON": ("json", "application/json", "The weights, tokens and where they stand"),
}


def downloads(head_view: HeadView) -> None:
    """Draw buttons for the head's files. A file is made when its button is clicked."""
    trace, head = head_view.trace, head_view.head
    source = provenance(state.card(), trace, head, head_view.options, head_view.focus)
    item = export.ExportItem(trace, head_view.pattern, source, head_view.selected_rows, head_view.unfiltered)
    st.markdown(
        f"{head}, {'by words' if head_view.options.words else 'by tokens'}, as it is shown. "
        "Each file names model, weights, versions, text and options, and no date."
    )
    with st.container(horizontal=True, gap="small", key="downloads"):
        for label, (kind, mime, what) in FILES.items():
            st.download_button(
                label,
                partial(export.exported, kind, item),
                file_name=f"attnviz-{trace.request.model}-L{head.layer}H{head.head}.{kind}",
                mime=mime,
                help=what,
                on_click="ignore",
                key=f"download-{kind}",
            )
    figure_and_data.fold("attention", lambda: [_figure(head_view)])


def _figure(head_view: HeadView) -> PageFigure:
    """Return the head as it is shown, as a figure: matrix and curves, or one of them alone."""
    head, request = head_view.head, head_view.trace.request
    source = FigureSource(state.card(), request.text, request.text_b, head_view.trace.digest, head)
    pattern = head_view.pattern
    says = " ".join(part for part in (f"Attention of head {encoding.head_name(head)}.", pattern.note) if part)
    rows = head_view.selected_rows
    facts = {"note": pattern.note, "words": head_view.options.words, "special": head_view.options.special}
    return head_figure("head", encoding.head_name(head), says, source, pattern, rows=rows, facts=facts)
