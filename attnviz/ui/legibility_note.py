"""A line below the sentence: which words the model cannot read, and which it reads in another form."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import legibility_text
from attnviz.engine.trace import Trace
from attnviz.models import catalog
from attnviz.types import AttentionRequest, ModelCard
from attnviz.ui import markdown, state
from attnviz.ui.backend import backend


def line(trace: Trace, key: str = "legible") -> None:
    """Show the line if there is something to report, with a button for a model here that can read the text."""
    name = catalog.card(trace.request.model).name
    unread = legibility_text.unread(trace, name)
    altered = legibility_text.altered_sentence(trace.reading, "It" if unread else name)
    if not unread and not altered:
        return
    other = _reader(trace) if unread and trace.request.text == state.current().request.text else None
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=key):
        note = markdown.plain(f"{unread} {altered}".strip())
        st.caption(f":material/visibility_off: {note}" if unread else note, width="content")
        if other is not None:
            st.button(
                f"Read it with {other.name}", key=f"{key}-reader", type="tertiary", icon=":material/arrow_forward:",
                on_click=state.choose_model, args=(other.id,),
                help=f"{other.name} knows every token of this text. Text and pins stay.",
            )  # fmt: skip


def _reader(trace: Trace) -> ModelCard | None:
    """Return a model on this machine that knows every token; cached with the trace, so the search runs once per text."""
    fitting_model = backend().capabilities.fitting_model
    if fitting_model is None:
        return None  # the models are on another machine, and so are their tokenizers
    request = AttentionRequest(trace.request.model, trace.request.text, trace.request.text_b)
    found = backend().derived(trace.request, "fitting_model", lambda _: (fitting_model(request),))
    return found[0]
