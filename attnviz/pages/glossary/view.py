"""Draw the glossary: a search, the linked term, questions with answers, and every term with its anchor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from attnviz.errors import BadInputError
from attnviz.lessons import glossary
from attnviz.lessons.glossary import FaqEntry, Term
from attnviz.ui import contents, glossary_links, page_url, state, widgets

TERM_PARAM = "term"  # URL parameter
_SEARCH = "glossary-search"
SEARCH = "search"  # the anchor above the field


def page() -> None:
    """Draw the whole page."""
    widgets.show_notices(state.notices())
    first = _linked_term()
    with st.container(key="glossary"):
        query = _title(first)
        found, asked = glossary.matching(query)
        with contents.beside(_contents(found, asked)) if found else st.container():
            _questions(query, asked)
            _entries(query, found, first)


def _contents(found: Sequence[Term], asked: Sequence[FaqEntry]) -> list[contents.PagePart]:
    """Return what is on the page: questions, and terms by their first letter."""
    letters = groupby(found, key=lambda one: one.name[0].upper())
    terms = [(letter, tuple((one.name, one.id) for one in group)) for letter, group in letters]
    questions = [contents.PagePart("Questions", "questions")] if asked else []
    return [*questions, *(contents.PagePart(letter, names[0][1], names) for letter, names in terms)]


def _linked_term() -> Term | None:
    """Return the term of the link; None without one, or after a message if there is no such term."""
    name = page_url.parameter(TERM_PARAM)
    if not name:
        return None
    try:
        return glossary.term(name)
    except BadInputError as error:
        links = " · ".join(f"[{one.name}](#{one.id})" for one in glossary.nearest(name))
        st.info(f"{widgets.plain(str(error))}  \nGo to {links}, or [search the glossary](#{SEARCH}).")
        return None


def _title(first: Term | None) -> str:
    """Draw title, search field and the linked term; return the search."""
    st.header("Glossary and questions", anchor=SEARCH)
    query = st.text_input(
        "Search the glossary", key=_SEARCH, placeholder="A word or two, e.g. softmax, or why so many heads",
        on_change=_clear_term, width=480,
    )  # fmt: skip
    if first is not None:
        _entry(first, {one.id for one in glossary.terms()})
        st.button("Back to all terms", on_click=_clear_term, type="tertiary", key="glossary-clear")
    return query


def _clear_term() -> None:
    """Remove the linked term from the URL."""
    page_url.set_parameter(TERM_PARAM, "")


def _questions(query: str, asked: Sequence[FaqEntry]) -> None:
    """Draw the questions that match the search; opened if there are only a few."""
    if not asked:
        return
    st.header("Questions", anchor="questions")
    for one in asked:
        with st.expander(one.question, expanded=bool(query) and len(asked) <= 3):
            _answer(one)


def _answer(one: FaqEntry) -> None:
    """Draw an answer, its terms and its sources."""
    st.markdown(one.answer)
    st.markdown("See " + ", ".join(glossary_links.link(id) for id in one.terms) + ".")
    _sources(one.sources)


def _entries(query: str, found: Sequence[Term], first: Term | None) -> None:
    """Draw every term that matches the search, without the linked one above."""
    st.header("Terms", anchor="terms")
    if not found:
        st.markdown(f"Nothing here for “{widgets.plain(query)}”. Try a shorter word, or clear the field.")
        return
    for one in found:
        if one != first:
            _entry(one, {one.id for one in found} | ({first.id} if first else set()))


def _entry(one: Term, shown_ids: set[str]) -> None:
    """Draw one term: name, sentence, paragraph, related terms and sources; the formula beside them if there is room.

    Links to terms on this page use its anchors, others their URL.
    """
    st.subheader(one.name, anchor=one.id)
    if not one.formula:
        _words(one, shown_ids)
        return
    words, formula = st.columns([3, 2], gap="large")
    with words:
        _words(one, shown_ids)
    with formula:
        st.latex(one.formula)
        st.caption(one.symbols)


def _words(one: Term, shown_ids: set[str]) -> None:
    """Draw what a term means, what to read next, and who says so."""
    also = [name for name in one.also if name.casefold() not in _plain_forms(one)]
    parts = [f"Also: {', '.join(also)}."] if also else []
    see = (f"[{glossary.term(id).name}](#{id})" if id in shown_ids else glossary_links.link(id) for id in one.see)
    more = " ".join([*parts, f"See {', '.join(see)}."])
    st.markdown(f"**{one.short}**\n\n{one.long}\n\n{more}")
    _sources(one.sources)


def _plain_forms(one: Term) -> set[str]:
    """Return spellings that need no mention: the name itself and its plural."""
    name = one.name.casefold()
    return {name, f"{name}s", f"{name}es", f"{name[:-1]}ies"}


def _sources(sources: Sequence[str]) -> None:
    """Draw the sources."""
    st.caption(widgets.plain("; ".join(sources) + "."))
