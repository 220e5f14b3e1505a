"""A line below the sentence: how much of it the model cannot read, and what it reads in another form."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import streamlit as st

from attnviz.analysis import legibility_text
from attnviz.engine.trace import Trace
from attnviz.legibility import combined
from attnviz.models import catalog
from attnviz.types import AttentionRequest, ModelCard
from attnviz.ui import state
from attnviz.ui.backend import backend


def line(trace: Trace) -> None:
    """Show the line if there is something to report, with a button for a model here that can read the text."""
    name = escape(catalog.card(trace.request.model).name)
    unread = legibility_text.unread(trace, name, _marked)
    foreign = "" if unread else _foreign(trace, name)
    subject = "It" if unread or foreign else name
    altered = legibility_text.altered_sentence(trace.reading, subject, "the rest" if unread else "this text", _quoted)
    if foreign:
        other, absent = _multilingual(trace)
        _show(foreign, f"{altered} {absent}".strip(), other, help="was trained on many languages")
    else:
        _show(unread, altered, _reader(trace) if unread else None)


def lines(traces: Sequence[Trace]) -> None:
    """Show a line for each text with unknown words, and one for each model on what it does to the form of all its texts."""
    if len(traces) == 1:
        line(traces[0])
        return
    for number, (model, group) in enumerate(groupby(sorted(traces, key=_model), key=_model)):
        name, found = escape(catalog.card(model).name), list(group)
        unread = dict.fromkeys(legibility_text.unread(trace, name, _marked) or _foreign(trace, name) for trace in found)
        for place, text in enumerate(filter(None, unread)):
            _show(text, "", None, f"legible-{number}-{place}")
        reading = combined([trace.reading for trace in found if trace.reading is not None])
        what = "these texts" if len(found) > 1 else "the text"
        _show("", legibility_text.altered_sentence(reading, name, what, _quoted), None, f"legible-{number}")


def _model(trace: Trace) -> str:
    """Return the model of a trace."""
    return trace.request.model


def _foreign(trace: Trace, name: str) -> str:
    """Return that the text does not look English, which the model was trained on; "" otherwise."""
    return legibility_text.foreign(trace, name, catalog.language(trace.request.model))


def _multilingual(trace: Trace) -> tuple[ModelCard | None, str]:
    """Return a model of many languages if it is here and can be chosen; else a sentence that names it."""
    if (found := catalog.multilingual()) is None or trace.request.text != state.current().request.text:
        return None, ""
    card, count = found
    here = backend().capabilities.has_weights
    if here is not None and here(card.id):
        return card, ""
    return None, f"{escape(card.name)} was trained on {count} languages, but is not on this machine."


def _show(
    unread: str, altered: str, other: ModelCard | None, key: str = "legible", help: str = "knows every token of this text"
) -> None:
    """Show one line of HTML, its first part in bold, and a button for the other model, of which `help` says why."""
    if not unread and not altered:
        return
    count, cut, rest = unread.partition(": ")
    strong = f"<b>{count}{cut.strip()}</b> {rest}" if unread else ""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=key):
        st.html(f'<p class="legible">{strong} {altered}</p>', width="content")
        if other is not None:
            st.button(
                f"Read it with {other.name}", key=f"{key}-reader", type="tertiary", icon=":material/arrow_forward:",
                on_click=state.choose_model, args=(other.id,),
                help=f"{other.name} {help}. Text and pins stay.",
            )  # fmt: skip


def _marked(word: str) -> str:
    """Return an unknown word as HTML, in a dotted frame as the board has it; its own direction of writing stays inside."""
    return f'<bdi class="unknown">{escape(legibility_text.shortened(word))}</bdi>'


def _quoted(word: str) -> str:
    """Return another word of the text as HTML, in quotation marks; its own direction of writing stays inside."""
    return f"“<bdi>{escape(legibility_text.shortened(word))}</bdi>”"


def _reader(trace: Trace) -> ModelCard | None:
    """Return a model on this machine that knows every token; cached with the trace, so the search runs once per text."""
    fitting_model = backend().capabilities.fitting_model
    if fitting_model is None or trace.request.text != state.current().request.text:
        return None  # the models are on another machine, and so are their tokenizers; or another text is read
    request = AttentionRequest(trace.request.model, trace.request.text, trace.request.text_b)
    found = backend().derived(trace.request, "fitting_model", lambda _: (fitting_model(request),))
    return found[0]
