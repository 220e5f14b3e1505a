"""What the picture of one sentence does not show."""

from __future__ import annotations

import streamlit as st

from attnviz.pages.coreference.question import HeadAnswers, PronounQuestion
from attnviz.ui import caution, glossary_links, widgets


def cautions(answers: HeadAnswers) -> None:
    """Show that one sentence is not evidence, that attention is not an explanation, and what a causal model cannot use."""
    caution.show(
        "One sentence is one example: with so many heads, some prefer the right word by luck. "
        "All ready sentences and all counted texts are English."
    )
    if answers.trace.causal:
        st.info(glossary_links.linked(_causal(answers.question, late=bool(answers.shares.late))))


def _causal(question: PronounQuestion, *, late: bool) -> str:
    """Return what reading from left to right means for this question. `late`: some candidates come after the pronoun."""
    pronoun = widgets.plain(question.word(question.pronoun))
    start = (
        f"This model reads from left to right. What comes after “{pronoun}” cannot change where “{pronoun}” looks. "
        "So a last word such as “tired” or “wide” does not change this row: "
        "both sentences of such a pair give the same numbers, up to rounding. "
    )
    cue = () if question.example is None else question.example.cue
    if cue and max(cue) <= question.pronoun and not late:
        return f"{start}Here the deciding word does not come after “{pronoun}”, so this model can use it."
    return f"{start}Choose an encoder such as all\\-MiniLM\\-L6\\-v2, or a sentence whose deciding word comes first."
