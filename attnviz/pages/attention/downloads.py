"""One head as it is shown in, a quiet row of files to keep out; each is made when somebody asks for it, and not before."""

from __future__ import annotations

from functools import partial

import streamlit as st

from attnviz import export
from attnviz.analysis import view
from attnviz.engine.trace import Trace
from attnviz.figures import provenance as provenances
from attnviz.types import HeadRef
from attnviz.ui import state

FILES = {
    "HTML": ("html", "text/html", "The board with every head, in one file that opens offline"),
    "SVG": ("svg", "image/svg+xml", "This head as a drawing; every cell carries its exact value"),
    "PDF": ("pdf", "application/pdf", "The same drawing, 170 mm wide, with its fonts"),
    "PNG": ("png", "image/png", "The same drawing as pixels, two to each of a screen's"),
    "CSV": ("csv", "text/csv", "The weights as a table"),
    "NPZ": ("npz", "application/zip", "The weights as arrays for numpy"),
    "JSON": ("json", "application/json", "The weights, tokens and where they stand"),
}


def downloads(trace: Trace, head: HeadRef, held: tuple[int, ...]) -> None:
    """The head as files, as it is shown, `held` the rows of the held words."""
    selection, card = state.current(), state.card()
    options = selection.options
    source = provenances.provenance(card, trace, head, options, selection.focus)
    exhibit = export.Exhibit(trace, view.pattern(trace, head, options), source, held)
    st.markdown(
        f"{head}, {'by words' if options.words else 'by tokens'}, as it is shown. "
        "Each file names model, weights, versions, text and options, and no date."
    )
    with st.container(horizontal=True, gap="small", key="downloads"):
        for label, (kind, mime, what) in FILES.items():
            st.download_button(
                label,
                partial(export.exported, kind, exhibit),
                file_name=f"attnviz-{trace.request.model}-L{head.layer}H{head.head}.{kind}",
                mime=mime,
                help=what,
                on_click="ignore",
                key=f"download-{kind}",
            )
