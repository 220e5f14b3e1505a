"""What a reader predicts before an experiment is shown, and what the live numbers say of it: right or not, and why."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import streamlit as st

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.figures import encoding
from attnviz.lessons.template import filled
from attnviz.pages.whatif import settings
from attnviz.pages.whatif.lesson import Experiment
from attnviz.ui import state, token_picker, widgets
from attnviz.ui.lesson_text import VERDICT, linked


def ask(chosen: Experiment, after: InterventionResult, at: int, numbers: Mapping[str, str], right: int) -> bool:
    """The question with its answers, and under it the verdict; returns whether what comes of it is to be shown."""
    named = options(chosen, after, at)
    with st.container(key="whatif-guess"):
        st.markdown(f"**Predict:** {filled(chosen.text('question'), numbers)}")
        key = _key(chosen, at)
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            chosen_answer = st.selectbox(
                "Your guess", list(named), index=None, format_func=lambda n: named[n], placeholder="Guess, or simply look",
                key=key, on_change=settings.reveal, width=280,
            )  # fmt: skip
            if not settings.seen():
                st.button("Show it", key="whatif-show", type="primary", on_click=settings.reveal)
            if chosen_answer is not None:
                st.markdown(linked(verdict(chosen, named, chosen_answer, right, numbers)), width=VERDICT)
    return settings.seen()


def verdict(chosen: Experiment, named: Mapping[int, str], chosen_answer: int, right: int, numbers: Mapping[str, str]) -> str:
    """Right or wrong, by sign and word, with the right answer and the reason from the live numbers, as Markdown."""
    if chosen_answer == right:
        head = f"**{encoding.mark(True)} Right.**"
    else:
        instead = f" The answer is: {widgets.plain(named[right])}." if isinstance(chosen.options, tuple) else ""
        head = f"**{encoding.mark(False)} Not this time.**{instead}"
    return f"{head} {filled(chosen.text('answer'), numbers)}"


def options(chosen: Experiment, after: InterventionResult, at: int) -> dict[int, str]:
    """What may be guessed, by number."""
    if chosen.options == "head":
        return {n: f"Head {n}" for n in range(after.adds.shape[0])}
    if isinstance(chosen.options, str):
        seen = {int(n): token_picker.name(after.keys, int(n)) for n in np.flatnonzero(after.seen[at])}
        return seen if chosen.options == "key" else {**seen, len(after.keys): "No token"}
    return dict(enumerate(chosen.options))


def _key(chosen: Experiment, at: int) -> str:
    """A guess belongs to one experiment as it is set, on one text, head and token: with another, the field is empty again."""
    selection = state.current()
    set_ = [state.page_parameter(setting.id) for setting in chosen.settings]
    request = selection.request
    text = zlib.crc32(f"{request.model}\n{request.text}\n{request.text_b}\n{set_}".encode("utf-8", "replace"))
    return f"whatif-guess-{chosen.id}-{selection.head.layer}-{selection.head.head}-{at}-{text}"
