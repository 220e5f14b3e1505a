"""What the picture of one sentence does not show, said where it is seen."""

from __future__ import annotations

import streamlit as st

from attnviz.pages.coreference.question import Asked, Question
from attnviz.ui import glossary_links, widgets


def cautions(asked: Asked) -> None:
    """One sentence is no evidence, attention no explanation; and what a causal model cannot have used."""
    said = (
        "One sentence is one example: among many heads some will prefer the right word by luck. "
        "The ready sentences are English, and so are the texts on which heads were counted. "
        "A head that looks at a word need not use it: "
        "attention is a signal, not an explanation."
    )
    st.caption(glossary_links.linked(said))
    if asked.trace.causal:
        st.info(glossary_links.linked(_causal(asked.question, late=bool(asked.division.late))))


def _causal(question: Question, *, late: bool) -> str:
    """What reading from left to right means for this question, and where candidates come too late to be seen."""
    pronoun = widgets.plain(question.word(question.pronoun))
    said = (
        f"This model reads from left to right. What comes after “{pronoun}” cannot change where “{pronoun}” looks"
        ", so a cue at the end of a sentence, such as “tired” or “wide”, leaves this row as it is: "
        "the two sentences of such a pair give the same numbers up to rounding. "
    )
    cue = () if question.example is None else question.example.cue
    if cue and max(cue) <= question.pronoun and not late:
        return f"{said}Here the cue does not come later than “{pronoun}”, so this model can use it."
    return f"{said}Choose an encoder such as all\\-MiniLM\\-L6\\-v2, or a sentence whose cue comes first."
