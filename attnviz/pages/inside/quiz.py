"""What a reader predicts before a step is shown, and what the live numbers say of it: right or wrong, and why."""

from __future__ import annotations

import zlib

import numpy as np
import streamlit as st

from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.inside import analysis as walked
from attnviz.pages.inside import values
from attnviz.pages.inside.lesson import Step
from attnviz.ui import state, widgets
from attnviz.ui.lesson_text import VERDICT, linked

SHARES = ("less than a quarter", "a quarter to a half", "a half to three quarters", "more than three quarters")


def guess(one: HeadSteps, at: int, step: Step) -> None:
    """The question that comes before `step`, where it has one and there is a choice; a guess is answered at once."""
    seen = np.flatnonzero(walked.visible(one, at)).tolist()
    if not step.guess or len(seen) < 2:
        return
    numbers = {name: widgets.plain(value) for name, value in values.sentence(one, at, step.id).items()}
    with st.container(key="inside-guess"):
        st.markdown(f"**Before the next step:** {linked(template.filled(step.guess, numbers))}")
        share = step.id == "softmax"
        options = list(range(len(SHARES))) if share else seen
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Your guess", options, index=None, placeholder="Guess, or simply go on", width=280, key=_key(one, at, step),
                format_func=lambda n: SHARES[n] if share else f"{n}: {values.name(one, n)}",
            )  # fmt: skip
            if chosen is not None:
                st.markdown(linked(verdict(one, at, step, chosen)), width=VERDICT)


def verdict(one: HeadSteps, at: int, step: Step, chosen: int) -> str:
    """Right or wrong, by sign and word, and the reason from the live numbers, as Markdown."""
    hit = chosen == right(one, at, step.id)
    said = values.sentence(one, at, step.id) | (values.guessed(one, at, chosen) if step.other else {})
    numbers = {name: widgets.plain(value) for name, value in said.items()}
    answer = template.filled(step.answer + ("" if hit else step.other), numbers)
    return f"**{encoding.mark(hit)} {'Right' if hit else 'Not this time'}.** {answer}"


def right(one: HeadSteps, at: int, step: str) -> int:
    """The right answer: a token, or which of the four shares."""
    if step == "softmax":
        return min(int(4 * one.weights[at].max()), len(SHARES) - 1)
    return walked.most(one, at) if step == "mix" else walked.best(one, at)


def _key(one: HeadSteps, at: int, step: Step) -> str:
    """A guess belongs to one text, head, token and step: with another, the field is empty again."""
    request = state.current().request
    text = zlib.crc32(f"{request.model}\n{request.text}\n{request.text_b}".encode("utf-8", "replace"))
    return f"inside-guess-{step.id}-{one.head.layer}-{one.head.head}-{at}-{text}"
