"""The ready sentences, as two lists: what they teach, and the sentences that teach it."""

from __future__ import annotations

import streamlit as st

from attnviz.lessons import examples
from attnviz.lessons.examples import KINDS, Example
from attnviz.ui import state, widget_values, widgets

OWN = ""  # the choice for a sentence that is not a ready one


def title() -> None:
    """Draw the question of this page, and the ready sentences."""
    st.header("What does the pronoun refer to?", anchor=False)
    text = state.current().request.text
    now = next((one for one in examples.sentences() if one.text == text), None)
    with st.container(horizontal=True, gap="small", key="ready", vertical_alignment="bottom"):
        kind = _kind(now)
        if kind != OWN:
            _sentence(now, [one for one in examples.sentences() if one.teaches == kind])
            _step(now)
    if now is None:
        st.caption("This is your own sentence. The list has ready ones, grouped by what they teach.")


def _kind(now: Example | None) -> str:
    """Return a list of what the sentences teach; a choice opens the first of them at once. Returns the choice."""
    key = widget_values.fill("kind", OWN if now is None else now.teaches)

    def choose(kind: str) -> None:
        if kind != OWN:
            widgets.choose_example(next(one for one in examples.sentences() if one.teaches == kind))

    kinds = [OWN, *KINDS] if now is None else list(KINDS)
    return st.selectbox(
        "What it teaches", kinds, format_func=_label, key=key, on_change=widget_values.answer(key, choose), width=280
    )


def _label(kind: str) -> str:
    """Return a kind with the number of its sentences."""
    if kind == OWN:
        return "Your own sentence"
    return f"{kind.capitalize()} ({sum(one.teaches == kind for one in examples.sentences())})"


def _sentence(now: Example | None, sentences: list[Example]) -> None:
    """Draw the sentences of one kind."""
    titles = {one.id: one.title for one in sentences}
    key = widget_values.fill("ready_sentence", now.id if now else sentences[0].id)
    st.selectbox(
        "Ready sentence", list(titles), format_func=titles.__getitem__, key=key, width=240,
        on_change=widget_values.answer(key, lambda name: widgets.choose_example(examples.example(name))),
    )  # fmt: skip


def _step(now: Example | None) -> None:
    """Draw a button for the next ready sentence, through all kinds and back to the first."""
    every = examples.sentences()
    at = -1 if now is None else every.index(now)
    st.button("Next sentence", key="next_sentence", on_click=lambda: widgets.choose_example(every[(at + 1) % len(every)]))
