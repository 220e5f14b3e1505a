"""A text with a pronoun and its candidates on the page: whom each head chooses, the minimal pair, how often that is right."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import legibility_text
from attnviz.engine.trace import Trace
from attnviz.pages.coreference.cautions import cautions
from attnviz.pages.coreference.evidence import evidence
from attnviz.pages.coreference.minimal_pair import sentences
from attnviz.pages.coreference.question import Asked, Question, partner, ready
from attnviz.pages.coreference.ranking import ranking
from attnviz.pages.coreference.sentence_picker import title
from attnviz.pages.coreference.word_picker import own
from attnviz.types import AttentionRequest, Link
from attnviz.ui import state, widgets

__all__ = ["question", "show", "title"]


def question(request: AttentionRequest, trace: Trace) -> Question | None:
    """The question of the text on screen: a ready sentence's own, or what the reader says of theirs; None after a message."""
    if state.current().request.text_b:
        st.caption("This page reads the first sentence alone; the second one is left out here.")
    known = ready(request.text)
    if known is None or known.example is None:
        return own(request.text, trace)
    st.markdown(widgets.plain(known.example.note))
    return known


def _unread(asked: Asked) -> None:
    """That the model cannot read the pronoun or a candidate, where it is so: then it cannot tell one from another."""
    links = tuple(Link(asked.question.pronoun, span) for span in asked.question.candidates)
    if unread := legibility_text.of_links(asked.trace, links, state.card().name):
        st.info(widgets.plain(unread), icon=":material/visibility_off:")


def show(question: Question, trace: Trace) -> None:
    """The sentences, the evidence beside them, every head, and what none of it shows."""
    asked = Asked(question, trace)
    other = partner(asked)
    _unread(asked)
    sentences(asked, other)
    with st.container(key="evidence"):
        evidence(asked)
    ranking(asked, other)
    cautions(asked)
