"""Ask the reader for a prediction before an experiment, and answer it with the live numbers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import streamlit as st

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.figures import encoding
from attnviz.lessons.template import fill
from attnviz.pages.whatif import settings
from attnviz.pages.whatif.lesson import Experiment
from attnviz.ui import page_url, state, token_picker, widgets
from attnviz.ui.lesson_text import VERDICT, linked


def show_question(chosen: Experiment, after: InterventionResult, at: int, numbers: Mapping[str, str], right: int) -> bool:
    """Draw the question with its answers and the verdict; return whether to show the result."""
    named = options(chosen, after, at)
    with st.container(key="whatif-guess"):
        st.markdown(f"**Predict:** {fill(chosen.text('question'), numbers)}")
        key = _key(chosen, at)
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            chosen_answer = st.selectbox(
                "Your guess", list(named), index=None, format_func=lambda n: named[n], placeholder="Guess, or simply look",
                key=key, on_change=settings.reveal, width=280,
            )  # fmt: skip
            if not settings.result_shown():
                st.button("Show it", key="whatif-show", type="primary", on_click=settings.reveal)
            if chosen_answer is not None:
                st.markdown(linked(verdict(chosen, named, chosen_answer, right, numbers)), width=VERDICT)
    return settings.result_shown()


def verdict(chosen: Experiment, named: Mapping[int, str], chosen_answer: int, right: int, numbers: Mapping[str, str]) -> str:
    """Return right or wrong, by sign and word, with the right answer and its reason from the live numbers, as Markdown."""
    if chosen_answer == right:
        head = f"**{encoding.mark(True)} Right.**"
    else:
        instead = f" The answer is: {widgets.plain(named[right])}." if isinstance(chosen.options, tuple) else ""
        head = f"**{encoding.mark(False)} Not this time.**{instead}"
    return f"{head} {fill(chosen.text('answer'), numbers)}"


def options(chosen: Experiment, after: InterventionResult, at: int) -> dict[int, str]:
    """Return the possible guesses by number."""
    if chosen.options == "head":
        return {n: f"Head {n}" for n in range(after.adds.shape[0])}
    if isinstance(chosen.options, str):
        seen = {int(n): token_picker.name(after.keys, int(n)) for n in np.flatnonzero(after.seen[at])}
        return seen if chosen.options == "key" else {**seen, len(after.keys): "No token"}
    return dict(enumerate(chosen.options))


def _key(chosen: Experiment, at: int) -> str:
    """Return the field's key: a guess belongs to one experiment with its settings, one text, head and token."""
    selection = state.current()
    set_ = [page_url.parameter(setting.id) for setting in chosen.settings]
    request = selection.request
    text = zlib.crc32(f"{request.model}\n{request.text}\n{request.text_b}\n{set_}".encode("utf-8", "replace"))
    return f"whatif-guess-{chosen.id}-{selection.head.layer}-{selection.head.head}-{at}-{text}"
