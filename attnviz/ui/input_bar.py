"""The input row on every page: sentence, model, examples and more."""

from __future__ import annotations

import streamlit as st

from attnviz import text as texts
from attnviz.lessons import examples
from attnviz.lessons.long import long_texts
from attnviz.models import catalog
from attnviz.types import ModelCard
from attnviz.ui import page_url, state, widget_values, widgets
from attnviz.ui.backend import backend

NONE = ""  # no ready sentence is on screen
OWN_LISTS = ("coreference", "syntax")  # addresses of pages with a list of sentences of their own
_LARGE = "attnviz_large"
_SECOND = "attnviz_second"


def show(page: str = "", visible: bool = True, examples: bool = True) -> None:
    """Read the address and show the input row. Enter in the sentence runs it. Start has a field of its own instead.

    `page`: its address. `examples`: whether the row has the list of ready sentences; Coreference and Syntax have lists of
    their own.
    """
    page_url.read(page)
    if not visible:
        return
    with st.container(horizontal=True, gap="small", key="ask", vertical_alignment="bottom"):
        _sentence()
        _model()
        if examples:
            _example()
        _more()
    if st.session_state.get(_SECOND) and state.card().pairs:
        _second()


def _sentence() -> None:
    """Show the text field: one line, which Enter runs, or a large field.

    The limit in it is that of the model's card here; a backend on another machine may have a lower one, and says so.
    """
    request = state.current().request
    limit = f"Type a sentence, at most {state.card().max_tokens:,} tokens"
    if st.session_state.get(_LARGE) or "\n" in request.text:
        st.text_area(
            "Sentence", key=widget_values.fill("sentence_large", request.text), placeholder=limit, height=160,
            on_change=widget_values.answer("sentence_large", _typed), label_visibility="collapsed",
        )  # fmt: skip
    else:
        # only what is drawn is filled: a field that is gone may still report
        key = widget_values.fill("sentence", request.text)
        st.text_input(
            "Sentence", key=key, on_change=widget_values.answer(key, _typed), placeholder=limit, label_visibility="collapsed"
        )  # fmt: skip


def _typed(text: str) -> None:
    """Choose the typed text.

    The URL has it before the page runs: if the run is cut short because another page was opened, a step back in the browser
    still shows the typed text.
    """
    state.choose_text(text, state.current().request.text_b)
    page_url.write()


def _model() -> None:
    """Show the list of models; the name of a model that is not on this machine says so."""
    key = widget_values.fill("model", state.current().request.model)
    st.selectbox(
        "Model", [card.id for card in catalog.cards()], format_func=_model_label, key=key,
        on_change=widget_values.answer(key, state.choose_model), label_visibility="collapsed", width=256,
    )  # fmt: skip


def _model_label(name: str) -> str:
    """Return the model's name, after a note if its weights have to be fetched: the end of a name is cut on a phone."""
    card = catalog.card(name)
    return card.name if available(card) else f"not here: {card.name}"


def available(card: ModelCard) -> bool:
    """Return whether the backend has the model's weights."""
    return backend().has_weights(card.id)


def _example() -> None:
    """Show the list of ready sentences; a chosen one is read at once."""
    chosen = {example.id: example for example in (*examples.examples(), *long_texts())}
    text = state.current().request.text
    now = next((name for name, example in chosen.items() if example.text == text), None)
    key = widget_values.fill("example", now or NONE)

    def choose(name: str) -> None:
        if name != NONE:
            widgets.choose_example(chosen[name])

    st.selectbox(
        "Example", [NONE, *chosen], format_func=lambda name: chosen[name].title if name in chosen else "Examples", key=key,
        on_change=widget_values.answer(key, choose), label_visibility="collapsed", width=176,
    )  # fmt: skip


def _more() -> None:
    """Show what is needed less often: the large field, a second sentence, a masked word."""
    card = state.card()
    if state.current().request.text_b:
        widget_values.fill(_SECOND, True)
    with st.popover("More", width=92, key="more"):
        lines = "\n" in state.current().request.text
        st.toggle(
            "Large field, for several lines", key=widget_values.fill(_LARGE, True) if lines else _LARGE, disabled=lines,
            help="This text has several lines." if lines else "Ctrl + Enter runs the text.",
        )  # fmt: skip
        if card.pairs:
            label = "Target text" if card.kind == "encoder-decoder" else "Second sentence"
            st.toggle(label, key=_SECOND, on_change=_second_switched)
        else:
            st.caption(f"{card.name} reads one text from left to right; it takes no second sentence.")
        st.button(
            "Insert a mask", on_click=_mask, help="Replaces the selected word; with no word selected, it is added at the end."
        )


def _second_switched() -> None:
    """Drop the second text when its field is hidden: it would be read unseen."""
    if not st.session_state[_SECOND]:
        state.choose_text(state.current().request.text)


def _second() -> None:
    """Show the field for the second text of a pair, or the target of an encoder-decoder."""
    target = state.card().kind == "encoder-decoder"
    key = widget_values.fill("second", state.current().request.text_b or "")
    st.text_input(
        "Target text" if target else "Second sentence", key=key,
        on_change=widget_values.answer(key, lambda text: state.choose_text(state.current().request.text, text or None)),
        placeholder="Target text (if empty, the model writes one)"
        if target
        else "A second sentence, read as a pair with the first",
        label_visibility="collapsed",
    )  # fmt: skip


def _mask() -> None:
    """Put the sign for the model's mask token in place of the selected word, or at the end."""
    selection = state.current()
    text, focus = selection.request.text, selection.focus
    if focus is None or focus.special or focus.segment:
        state.choose_text(f"{text.rstrip()} {texts.MASK}".strip(), selection.request.text_b)
        return
    for start, end in texts.words(text):
        if start <= focus.start < end:
            state.choose_text(text[:start] + texts.MASK + text[end:], selection.request.text_b)
            return
