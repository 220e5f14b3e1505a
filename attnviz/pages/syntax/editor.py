"""Let the reader edit the parser's links: change a head or a relation, add or delete an arc."""

from __future__ import annotations

import streamlit as st

from attnviz.errors import BadInputError
from attnviz.linguistics import parse_edits
from attnviz.linguistics.corpora.types import ParsedSentence, Span
from attnviz.linguistics.relations import PARSER, UNCOUNTED, relations
from attnviz.pages.syntax.parsed_links import SentenceLinks
from attnviz.types import Link
from attnviz.ui import page_url, state, widget_values, widgets
from attnviz.view_state import TokenSelection

TEXTS = 8  # texts whose edits a session keeps
ARCS = "arcs"  # URL parameter
_EDITS, _REFUSED, _CARRIED = "attnviz_syntax_edits", "attnviz_syntax_refused", "attnviz_syntax_carried"


def applied(parsed: ParsedSentence) -> tuple[ParsedSentence, frozenset[Span], int]:
    """Return the parse with the reader's edits, the words whose arcs the reader set, and the number of edited words."""
    _linked(parsed)
    edits = _edits(parsed.text)
    return (
        parse_edits.apply_edits(parsed, edits),
        frozenset(word for word, link in edits.items() if link is not None),
        len(edits),
    )


def _edits(text: str) -> dict[Span, Link | None]:
    """Return the reader's edits of a text."""
    return st.session_state.get(_EDITS, {}).get(text, {})


def _linked(parsed: ParsedSentence) -> None:
    """Synchronise edits and URL: read the edits of a link that was just opened, and write those of the text into it."""
    raw = page_url.parameter(ARCS)
    if raw and raw != st.session_state.get(_CARRIED, ""):
        try:
            _keep(parsed.text, parse_edits.edits_from_url(raw, parsed, relations(PARSER)))
        except BadInputError as error:
            widgets.show_notices([f"The arcs in this link are left out. {error}"])
    st.session_state[_CARRIED] = parse_edits.edits_to_url(_edits(parsed.text)) if _fits(parsed.text) else ""
    if st.session_state[_CARRIED] != raw:
        page_url.set_parameter(ARCS, st.session_state[_CARRIED])


def _fits(text: str) -> bool:
    """Return whether the URL can hold the edits together with the text."""
    return state.current().fits and len(_edits(text)) <= parse_edits.MAX_ARCS


def editor(sentence_links: SentenceLinks) -> None:
    """Draw the editor: choose a word, its head and the relation; set or delete the arc. Gold sentences have none."""
    if sentence_links.sentence is not None:
        return
    with st.expander("Correct the parser: set or delete an arc", expanded=bool(_edits(sentence_links.parsed.text))):
        words, labels = sentence_links.parsed.words, _numbered(sentence_links)
        word = _word(sentence_links)
        now = next((link for link in sentence_links.parsed.links if link.source == word), None)
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="syntax-edit"):
            key = widget_values.fill("syntax-word", word)
            st.selectbox(
                "Word", words, format_func=labels.__getitem__, key=key, width=180,
                on_change=widget_values.answer(key, lambda place: state.select_word(TokenSelection(place[0]))),
            )  # fmt: skip
            others = [place for place in words if place != word]
            head = st.selectbox(
                "Its head", others, index=others.index(now.target) if now else 0, format_func=labels.__getitem__,
                key=f"syntax-target-{word}-{now}", width=180,
            )  # fmt: skip
            known = [name for name in relations(PARSER) if name.lower() not in UNCOUNTED]
            kind = st.selectbox(
                "Relation", known, index=known.index(now.kind) if now and now.kind in known else 0,
                format_func=_named, key=f"syntax-kind-{word}-{now}", width=300,
            )  # fmt: skip
            made = Link(word, head, kind) if head else None
            st.button("Set this arc", on_click=_change, args=(sentence_links.parsed, word, made), disabled=made in (None, now))
            st.button("Delete its arc", on_click=_change, args=(sentence_links.parsed, word, None), disabled=now is None)
            if _edits(sentence_links.parsed.text):
                st.button("Back to the parser’s", on_click=_forget, args=(sentence_links.parsed.text,))
        if not _fits(sentence_links.parsed.text):
            st.caption("The link cannot hold your arcs. They stay as long as this page is open.")
        if refused := st.session_state.pop(_REFUSED, ""):
            st.info(widgets.plain(refused))


def _word(sentence_links: SentenceLinks) -> Span:
    """Return the selected word, else the first."""
    focus = state.current().focus
    selected = (place for place in sentence_links.parsed.words if focus and place[0] <= focus.start < place[1])
    return next(selected, sentence_links.parsed.words[0])


def _numbered(sentence_links: SentenceLinks) -> dict[Span, str]:
    """Return every word by its span, with a number if the text has it more than once."""
    words = sentence_links.words
    return {
        place: f"{word} ({words[: at + 1].count(word)})" if words.count(word) > 1 else word
        for at, (place, word) in enumerate(zip(sentence_links.parsed.words, words, strict=True))
    }


def _named(label: str) -> str:
    """Return a label with its meaning."""
    return f"{label}: {relations(PARSER)[label].plain} ({relations(PARSER)[label].corpus_name})"


def _change(parsed: ParsedSentence, word: Span, link: Link | None) -> None:
    """Keep one edit if the links stay a tree; else keep the reason for the next run."""
    kept = {**_edits(parsed.text), word: link}
    try:
        parse_edits.apply_edits(parsed, {word: link})
    except BadInputError as error:
        st.session_state[_REFUSED] = str(error)
        return
    _keep(parsed.text, kept)


def _keep(text: str, edits: dict[Span, Link | None]) -> None:
    """Store the edits of a text and of the last few texts before it."""
    others = [(other, theirs) for other, theirs in st.session_state.get(_EDITS, {}).items() if other != text]
    st.session_state[_EDITS] = dict(others[1 - TEXTS :]) | {text: edits}


def _forget(text: str) -> None:
    """Remove the edits of a text."""
    st.session_state[_EDITS] = {other: edits for other, edits in st.session_state.get(_EDITS, {}).items() if other != text}
