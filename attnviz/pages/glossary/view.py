"""The glossary on the page: a search, the term that a link asks for, questions with answers, every term with its anchor."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from attnviz.errors import BadInputError
from attnviz.lessons import glossary
from attnviz.lessons.glossary import Question, Term
from attnviz.ui import glossary_links, state, widgets

TERM = "term"  # in the address
_SEARCH = "glossary-search"
SEARCH = "search"  # the anchor above the field
WIDE = 760  # pixels


def page() -> None:
    """The whole page: lines no longer than one reads with ease."""
    widgets.notices(state.notices())
    first = _asked()
    with st.container(key="glossary", width=WIDE):
        query = _title(first)
        _questions(query)
        _entries(query, first)


def _asked() -> Term | None:
    """The term that the link names; None where it names none, or none of ours, which is said."""
    name = state.own(TERM)
    if not name:
        return None
    try:
        return glossary.term(name)
    except BadInputError as error:
        ways = " · ".join(f"[{one.name}](#{one.id})" for one in glossary.nearest(name))
        st.info(f"{widgets.plain(str(error))}  \nGo to {ways}, or [search the glossary](#{SEARCH}).")
        return None


def _title(first: Term | None) -> str:
    """What the page is, a field to search in, and the term that is asked for; returns what is searched."""
    st.header("Glossary and questions", anchor=SEARCH)
    query = st.text_input(
        "Search the glossary", key=_SEARCH, placeholder="A word or two, e.g. softmax, or why so many heads",
        on_change=_let_go, width=480,
    )  # fmt: skip
    if first is not None:
        _entry(first, {one.id for one in glossary.terms()})
        st.button("Show no term first", on_click=_let_go, type="tertiary", key="glossary-let-go")
    return query


def _let_go() -> None:
    """Whoever searches is done with the term that the link named."""
    state.keep_own(TERM, "")


def _questions(query: str) -> None:
    """What learners ask, those that the search finds: opened where it leaves only a few."""
    found = glossary.matching(query)[1]
    if not found:
        return
    st.header("Questions", anchor="questions")
    for one in found:
        with st.expander(one.question, expanded=bool(query) and len(found) <= 3):
            _answer(one)


def _answer(one: Question) -> None:
    """A short answer, the terms it is about, and who says so."""
    st.markdown(one.answer)
    st.markdown("See " + ", ".join(glossary_links.link(id) for id in one.terms) + ".")
    _cited(one.sources)


def _entries(query: str, first: Term | None) -> None:
    """Every term that the search finds, under its anchor; the one that stands first already is not repeated."""
    found = glossary.matching(query)[0]
    st.header("Terms", anchor="terms")
    if not found:
        st.markdown(f"Nothing here for “{widgets.plain(query)}”. Try a shorter word, or clear the field.")
        return
    with st.container(key="glossary-index"):
        st.markdown(" · ".join(f"[{one.name}](#{one.id})" for one in found))
    for one in found:
        if one != first:
            _entry(one, {shown.id for shown in found} | ({first.id} if first else set()))


def _entry(one: Term, shown: set[str]) -> None:
    """One term: name, sentence, paragraph, formula with its letters, where to go on, and who says so.

    Terms that are on the page are linked within it, others by their address.
    """
    st.subheader(one.name, anchor=one.id)
    st.markdown(f"**{one.short}**")
    st.markdown(one.long)
    if one.formula:
        st.latex(one.formula)
        st.markdown(one.symbols)
    also = [name for name in one.also if name.casefold() not in _plain_forms(one)]
    parts = [f"Also: {', '.join(also)}."] if also else []
    see = (f"[{glossary.term(id).name}](#{id})" if id in shown else glossary_links.link(id) for id in one.see)
    st.markdown(" ".join([*parts, f"See {', '.join(see)}."]))
    _cited(one.sources)


def _plain_forms(one: Term) -> set[str]:
    """Spellings that nobody needs to be told: the name itself, and its plural."""
    name = one.name.casefold()
    return {name, f"{name}s", f"{name}es", f"{name[:-1]}ies"}


def _cited(sources: Sequence[str]) -> None:
    """Who says so."""
    st.caption(widgets.plain("; ".join(sources) + "."))
