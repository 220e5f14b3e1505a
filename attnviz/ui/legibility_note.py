"""What the model cannot read of the text on screen, and what it reads otherwise, in a line below the sentence."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import legibility_text
from attnviz.engine.trace import Trace
from attnviz.models import catalog
from attnviz.types import AttentionRequest, ModelCard
from attnviz.ui import markdown, state
from attnviz.ui.backend import backend


def line(trace: Trace, key: str = "legible") -> None:
    """One line, where there is something to say; and a model that can read the text, where one is here."""
    name = catalog.card(trace.request.model).name
    unread = legibility_text.unread(trace, name)
    otherwise = legibility_text.altered_sentence(trace.reading, "It" if unread else name)
    if not unread and not otherwise:
        return
    other = _reader(trace) if unread and trace.request.text == state.current().request.text else None
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=key):
        said = markdown.plain(f"{unread} {otherwise}".strip())
        st.caption(f":material/visibility_off: {said}" if unread else said, width="content")
        if other is not None:
            st.button(
                f"Read it with {other.name}", key=f"{key}-reader", type="tertiary", icon=":material/arrow_forward:",
                on_click=state.choose_model, args=(other.id,),
                help=f"{other.name} knows every token of this text. Text and pins stay.",
            )  # fmt: skip


def _reader(trace: Trace) -> ModelCard | None:
    """A model on this machine that knows every token; kept beside the trace, so that it is looked for once a text."""
    fitting_model = backend().capabilities.fitting_model
    if fitting_model is None:
        return None  # the models are on another machine, and so are their tokenizers
    request = AttentionRequest(trace.request.model, trace.request.text, trace.request.text_b)
    found = backend().derived(trace.request, "fitting_model", lambda _: (fitting_model(request),))
    return found[0]
