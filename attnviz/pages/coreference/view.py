"""The Coreference page below the input: the verdict, the minimal pair, how often heads are right, and all heads."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import legibility_text
from attnviz.engine.trace import Trace
from attnviz.pages.coreference import downloads
from attnviz.pages.coreference.evidence import evidence
from attnviz.pages.coreference.minimal_pair import draw_sentences
from attnviz.pages.coreference.question import HeadAnswers, PronounQuestion, partner, ready_question
from attnviz.pages.coreference.ranking import ranking
from attnviz.pages.coreference.sentence_picker import title
from attnviz.pages.coreference.verdict import beside, verdict
from attnviz.pages.coreference.word_picker import reader_question
from attnviz.types import AttentionRequest, Link
from attnviz.ui import caution, figure_and_data, glossary_links, state, widgets
from attnviz.ui.single_text import chosen

__all__ = ["question", "show", "title"]


def question(request: AttentionRequest, trace: Trace) -> PronounQuestion | None:
    """Return the question of the text on screen: of a ready sentence, or as the reader chooses it; None after a message."""
    if state.current().request.text_b:
        st.caption("This page reads only the first sentence; the second one is left out here.")
    known = ready_question(request.text)
    if known is None or known.example is None:
        return reader_question(request.text, trace)
    return known


def _unknown_words(answers: HeadAnswers) -> None:
    """Say so where the model cannot read the pronoun or a candidate: then it cannot tell them apart."""
    links = tuple(Link(answers.question.pronoun, span) for span in answers.question.candidates)
    if unread := legibility_text.of_links(answers.trace, links, state.card().name):
        st.info(widgets.plain(unread), icon=":material/visibility_off:")


def show(question: PronounQuestion, trace: Trace) -> None:
    """Draw the verdict, the sentences, the evidence with its limits, and all heads."""
    answers = HeadAnswers(question, trace)
    other = partner(answers)
    with st.container(key="verdict"):
        st.markdown(glossary_links.linked(verdict(answers, other, chosen())))
    if line := beside(answers, chosen()):
        st.markdown(glossary_links.linked(line))
    if question.example is not None:
        with st.container(key="off-stage-note"):  # not shown while the page is presented (attnviz/web/index_page/panels.css)
            st.markdown(glossary_links.linked(widgets.plain(question.example.note)))
    _unknown_words(answers)
    draw_sentences(answers, other)
    with st.container(key="evidence"):
        evidence(answers)
        caution.show(
            "With so many heads, some prefer the right word of one sentence by luck. "
            "All ready sentences and all counted texts are English."
        )
    ranking(answers, other)
    figure_and_data.fold("coreference", lambda: downloads.figures(figure_and_data.source(trace, chosen()), answers, other))
