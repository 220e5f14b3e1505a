"""A text in, links to rank heads by out: those of its gold, or of the parser, one relation at a time."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.linguistics import gold_sentences, parse
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.relations import CORPUS, PARSER, UNCOUNTED, relation
from attnviz.pages.find_heads import claim_tester
from attnviz.pages.find_heads.view import meant, wanted
from attnviz.types import Link
from attnviz.ui import parser_note, state, widgets
from attnviz.ui.backend import backend
from attnviz.url_codec import LINKS

_KEY = "heads-fill"
NONE = ""  # no relation's links are drawn


@dataclass(frozen=True)
class Fill:
    """All links of one relation: what the reader calls it, and under which name it is counted ("" where it is not).

    `silver` says that a parser drew them and nobody has checked it.
    """

    label: str
    links: tuple[Link, ...]
    counted: str
    silver: bool = False


def fill(trace: Trace) -> None:
    """A choice of relations; choosing one draws all its links."""
    try:
        found = _fills(trace)
    except AttnvizError as error:
        st.caption(widgets.plain(str(error)))
        return
    if not found:
        return
    names = {one.label: one for one in found}
    now = next((one.label for one in found if set(one.links) == set(wanted())), NONE)
    key = state.fill(_KEY, now)

    def choose(name: str) -> None:
        if name != NONE:
            state.change(links=names[name].links)
            if names[name].counted:
                claim_tester.ask(names[name].counted)

    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="fill"):
        st.caption("Or draw all links of", width="content")
        st.selectbox(
            "Relation to draw", [NONE, *names], format_func=lambda name: name or "a relation …", key=key,
            label_visibility="collapsed", on_change=state.answer(key, choose), width=400,
        )  # fmt: skip
        if wanted():
            st.button("Turn all round", on_click=_turn, help="What was looked at looks, and what looked is looked at")
        if now != NONE and names[now].silver:
            st.caption(parser_note.drawn(trace.request.text), width="content")


def _turn() -> None:
    """Every link the other way."""
    state.change(links=tuple(Link(link.target, link.source) for link in wanted()))


def _fills(trace: Trace) -> tuple[Fill, ...]:
    """What can be drawn on a text: gold where there is some, else what the parser says."""
    text = trace.request.text
    found = [Fill("what the pronoun means (gold)", meant(text), claim_tester.BEGIN)] if meant(text) else []
    readings = gold_sentences.readings(text)
    for one in readings:
        which = f"gold, “{one.topic}”" if len(readings) > 1 else "gold"
        found += _by_relation(one.parsed, CORPUS, which)
    if not readings and parse.available() and len(text) <= parse.LONGEST:
        found += _by_relation(
            backend().derived(trace.request, "parse", lambda one: parse.parsed(one.request.text)), PARSER, "parsed"
        )
    return tuple(found)


def _by_relation(parsed: ParsedSentence, scheme: str, which: str) -> list[Fill]:
    """The links of a parse, by relation, the commonest first; roots and punctuation left out."""
    groups: dict[str, list[Link]] = {}
    for link in parsed.links:
        if link.kind.partition(":")[0] not in UNCOUNTED:
            groups.setdefault(link.kind, []).append(Link(link.source, link.target))
    found = []
    for name, links in sorted(groups.items(), key=lambda one: -len(one[1])):
        known = relation(name, scheme)
        twin = f", {known.twin}" if scheme == PARSER and known.twin != f"UD {name}" else ""
        found.append(
            Fill(f"{known.plain}: {name}{twin} ({len(links)}, {which})", tuple(links[:LINKS]), known.counted, scheme == PARSER)
        )
    return found
