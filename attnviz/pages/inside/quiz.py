"""Ask the reader for a prediction before a step, and answer it with the live numbers."""

from __future__ import annotations

import zlib

import numpy as np
import streamlit as st

from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.inside import analysis, values
from attnviz.pages.inside.lesson import Step
from attnviz.ui import state, widgets
from attnviz.ui.lesson_text import VERDICT, linked

SHARE_RANGES = ("less than a quarter", "a quarter to a half", "a half to three quarters", "more than three quarters")


def show_question(one: HeadSteps, at: int, step: Step) -> None:
    """Draw the question before `step`, if it has one and there is a choice; answer a guess at once."""
    seen = np.flatnonzero(analysis.visible(one, at)).tolist()
    if not step.question or len(seen) < 2:
        return
    numbers = {name: widgets.plain(value) for name, value in values.sentence(one, at, step.id).items()}
    with st.container(key="inside-guess"):
        st.markdown(f"**Before the next step:** {linked(template.fill(step.question, numbers))}")
        share = step.id == "softmax"
        options = list(range(len(SHARE_RANGES))) if share else seen
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Your guess", options, index=None, placeholder="Guess, or go on", width=280, key=_key(one, at, step),
                format_func=lambda n: SHARE_RANGES[n] if share else f"{n}: {values.name(one, n)}",
            )  # fmt: skip
            if chosen is not None:
                st.markdown(linked(verdict(one, at, step, chosen)), width=VERDICT)


def verdict(one: HeadSteps, at: int, step: Step, chosen: int) -> str:
    """Return right or wrong, by sign and word, and the reason with live numbers, as Markdown."""
    hit = chosen == correct_answer(one, at, step.id)
    texts = values.sentence(one, at, step.id) | (values.guess_values(one, at, chosen) if step.other else {})
    numbers = {name: widgets.plain(value) for name, value in texts.items()}
    answer = template.fill(step.answer + ("" if hit else step.other), numbers)
    return f"**{encoding.mark(hit)} {'Right' if hit else 'Not this time'}.** {answer}"


def correct_answer(one: HeadSteps, at: int, step: str) -> int:
    """Return the right answer: a token, or one of the four ranges."""
    if step == "softmax":
        return min(int(4 * one.weights[at].max()), len(SHARE_RANGES) - 1)
    return analysis.largest_contributor(one, at) if step == "mix" else analysis.best_key(one, at)


def _key(one: HeadSteps, at: int, step: Step) -> str:
    """Return the field's key: a guess belongs to one text, head, token and step, so the field is empty for any other."""
    request = state.current().request
    text = zlib.crc32(f"{request.model}\n{request.text}\n{request.text_b}".encode("utf-8", "replace"))
    return f"inside-guess-{step.id}-{one.head.layer}-{one.head.head}-{at}-{text}"
