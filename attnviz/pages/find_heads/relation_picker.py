"""Links of one relation, or from each word to its neighbour, to rank heads by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import streamlit as st

from attnviz.analysis import link_ranking, view
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.linguistics import gold_sentences
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.relations import CORPUS, PARSER, UNCOUNTED, relation
from attnviz.pages.find_heads import claim_tester
from attnviz.pages.find_heads.habits import ANCHOR
from attnviz.pages.find_heads.parsed_text import parsed
from attnviz.pages.find_heads.view import meant, wanted
from attnviz.types import Link
from attnviz.ui import glossary_links, page_url, parser_note, state, widget_values, widgets
from attnviz.ui.single_text import chosen
from attnviz.url_codec import LINKS
from attnviz.view_state import ViewOptions

_KEY = "heads-fill"
NONE = ""  # the choice without a relation


@dataclass(frozen=True)
class RelationLinks:
    """All links of one relation: its label on the page, and the name under which an atlas counts it ("" if none does).

    `silver`: drawn by a parser and not checked. `habit` is what measures the same on many texts, "" if none does.
    """

    label: str
    links: tuple[Link, ...]
    counted: str
    silver: bool = False
    habit: str = ""


def relation_picker(trace: Trace) -> None:
    """Draw a list of relations, neighbours first; a choice draws all links of that relation."""
    found = _neighbours(trace)
    try:
        found += _relation_links(trace)
    except AttnvizError as error:
        st.caption(widgets.plain(str(error)))
    if not found:
        return
    names = {one.label: one for one in found}
    now = next((one.label for one in found if set(one.links) == set(wanted())), NONE)
    key = widget_values.fill(_KEY, now)

    def choose(name: str) -> None:
        if name != NONE:
            state.change(links=names[name].links)
            if names[name].habit:
                page_url.set_parameter("habit", names[name].habit)
            if names[name].counted:
                claim_tester.select_relation(names[name].counted)

    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="fill"):
        st.caption("Or draw all links of", width="content")
        st.selectbox(
            "Relation to draw", [NONE, *names], format_func=lambda name: name or "a relation …", key=key,
            label_visibility="collapsed", on_change=widget_values.answer(key, choose), width=400,
        )  # fmt: skip
        if wanted():
            st.button("Reverse all links", on_click=_reverse, help="Each link then goes the other way")
        if now != NONE and names[now].silver:
            st.caption(glossary_links.linked(parser_note.drawn(trace.request.text)), width="content")
    if now != NONE and names[now].habit and _counted(trace):
        st.caption(f"One sentence, by words. On many texts, by tokens: [Habits](#{ANCHOR}), further down.")


def _reverse() -> None:
    """Reverse every link."""
    state.change(links=tuple(Link(link.target, link.source) for link in wanted()))


def _counted(trace: Trace) -> bool:
    """Return whether this model has habits on the page."""
    try:
        return reader.shipped(trace.request.model) is not None
    except AttnvizError:  # the section on claims says so
        return False


def _neighbours(trace: Trace) -> tuple[RelationLinks, ...]:
    """Return the links from each word to the one before it, and to the one after it where the model can see that."""
    block = chosen().block
    units = [one for one in view.sides(trace.block(block), ViewOptions())[0] if not one.special][: LINKS + 1]
    spans = [(one.start, one.end) for one in units]
    if len(spans) < 2:
        return ()
    pairs = list(pairwise(spans))
    before = tuple(Link(later, earlier) for earlier, later in pairs)
    found = [RelationLinks(f"the word before ({len(before)}, from each word)", before, "", habit="previous")]
    after = tuple(Link(earlier, later) for earlier, later in pairs)
    if not link_ranking.why_unfollowable(trace, after[0], block):
        found.append(RelationLinks(f"the word after ({len(after)}, from each word)", after, "", habit="next"))
    return tuple(found)


def _relation_links(trace: Trace) -> tuple[RelationLinks, ...]:
    """Return the relations of a text: gold where there is an annotation, else from the parser."""
    text = trace.request.text
    found = [RelationLinks("what the pronoun refers to (gold)", meant(text), claim_tester.BEGIN)] if meant(text) else []
    readings = gold_sentences.readings(text)
    for one in readings:
        which = f"gold, “{one.topic}”" if len(readings) > 1 else "gold"
        found += _by_relation(one.parsed, CORPUS, which)
    if not readings and (parse := parsed(trace)):
        found += _by_relation(parse, PARSER, "parsed")
    return tuple(found)


def _by_relation(sentence: ParsedSentence, scheme: str, which: str) -> list[RelationLinks]:
    """Return the links of a parse by relation, most frequent first, without roots and punctuation."""
    groups: dict[str, list[Link]] = {}
    for link in sentence.links:
        if link.kind.partition(":")[0] not in UNCOUNTED:
            groups.setdefault(link.kind, []).append(Link(link.source, link.target))
    found = []
    for name, links in sorted(groups.items(), key=lambda one: -len(one[1])):
        known = relation(name, scheme)
        counterpart = f", {known.corpus_name}" if scheme == PARSER and known.corpus_name != f"UD {name}" else ""
        found.append(
            RelationLinks(
                f"{known.plain}: {name}{counterpart} ({len(links)}, {which})",
                tuple(links[:LINKS]),
                known.counted,
                scheme == PARSER,
            )
        )
    return found
