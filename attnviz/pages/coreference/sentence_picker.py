"""The ready sentences, in one list ordered by what they teach."""

from __future__ import annotations

import streamlit as st

from attnviz.lessons import examples
from attnviz.lessons.examples import Example
from attnviz.ui import state, widget_values, widgets

OWN = ""  # the choice for a sentence that is not a ready one


def title() -> None:
    """Draw the question of this page, and the ready sentences."""
    with st.container(key="off-stage-title"):
        st.header("What does the pronoun refer to?", anchor=False)
    text = state.current().request.text
    now = next((one for one in examples.sentences() if one.text == text), None)
    with st.container(horizontal=True, gap="small", key="ready", vertical_alignment="bottom"):
        _list(now)
        _step(now)


def _list(now: Example | None) -> None:
    """Draw the list; a choice opens its sentence at once."""
    known = {one.id: one for one in examples.sentences()}
    key = widget_values.fill("ready_sentence", OWN if now is None else now.id)

    def choose(name: str) -> None:
        if name != OWN:
            widgets.choose_example(known[name])

    st.selectbox(
        f"Ready sentences ({len(known)})", [OWN, *known] if now is None else list(known), key=key, width=420,
        on_change=widget_values.answer(key, choose),
        format_func=lambda name: _label(known[name]) if name else "Your own sentence",
    )  # fmt: skip


def _label(one: Example) -> str:
    """Return what a sentence teaches, and its title."""
    return f"{one.teaches.capitalize()} · {one.title}"


def _step(now: Example | None) -> None:
    """Draw a button for the next ready sentence, through the whole list and back to its start."""
    every = examples.sentences()
    at = -1 if now is None else every.index(now)
    st.button("Next sentence", key="next_sentence", on_click=lambda: widgets.choose_example(every[(at + 1) % len(every)]))
