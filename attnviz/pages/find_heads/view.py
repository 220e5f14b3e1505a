"""A sentence with the reader's links, and every head ranked by how much it follows them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from attnviz.analysis import legibility_text, link_ranking, link_rows, view
from attnviz.analysis.link_ranking import LinkScore
from attnviz.board import ranking as board_ranking
from attnviz.board.linking import ChosenHead, DrawnLinks, to_json
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.lessons import examples
from attnviz.linguistics import corpus_rank, gold_sentences
from attnviz.pages.find_heads import worksheet as own_sheet
from attnviz.pages.find_heads.parsed_text import parsed
from attnviz.types import HeadRef, Link, Unit
from attnviz.ui import glossary_links, page_url, state, widgets
from attnviz.ui import worksheet as sheets
from attnviz.ui.backend import backend
from attnviz.ui.components.links import choosing, drawing
from attnviz.ui.markdown import plain
from attnviz.ui.single_text import chosen
from attnviz.view_state import TokenSelection, ViewOptions

BY_HAND = 8  # links that are drawn; a relation may fill in more
WORDS = 500  # words on which links are drawn
_DRAWN = ViewOptions()
_OPENED = "attnviz_heads_opened"


def wanted() -> tuple[Link, ...]:
    """Return the links that rank heads: the reader's; before any is drawn, what a ready sentence's pronoun refers to."""
    now = state.current()
    return meant(now.request.text) if now.links is None else now.links


def meant(text: str) -> tuple[Link, ...]:
    """Return the link from the pronoun of a ready sentence to what it refers to; none for other texts."""
    return tuple(Link(one.gold.source, one.gold.target) for one in examples.sentences() if one.text == text and one.gold)[:1]


def sentence(trace: Trace) -> None:
    """Draw the words on which readers draw links. A link that no head of this model can follow stays, and says why."""
    text, block = trace.request.text, chosen().block
    if state.current().request.text_b:
        st.caption("This page reads only the first sentence; the second one is left out here.")
    parts = [unit for unit in view.sides(trace.block(block), _DRAWN)[0] if not unit.special]
    if len(parts) > WORDS:
        st.caption(f"You can draw links on the first {WORDS} of these {len(parts):,} words.")
    now = wanted()
    drawing(
        {
            "text": text,
            "units": _units(text, parts[:WORDS]),
            "links": to_json(now),
            "refused": [link_ranking.why_unfollowable(trace, link, block) for link in now],
            "most": BY_HAND,
        },
        key="heads-drawing", on_links=_store_links,
    )  # fmt: skip


def _units(text: str, parts: list[Unit]) -> list[tuple[str, int, int, bool, str]]:
    """Each word as it is shown, where it stands, whether it touches the one before it, and its mark where it is unknown."""
    before = [None, *(unit.end for unit in parts)]
    return [
        (
            encoding.visible(unit.text),
            unit.start,
            unit.end,
            end is not None and not text[end : unit.start].isspace(),
            encoding.unknown_mark(unit),
        )
        for unit, end in zip(parts, before, strict=False)
    ]


def _store_links(drawn: DrawnLinks) -> None:
    """Store the links as drawn, without those that do not fit the current text."""
    end = len(state.current().request.text)
    state.change(links=tuple(link for link in drawn.links if max(link.source[1], link.target[1]) <= end))


def followed(trace: Trace) -> tuple[Link, ...]:
    """Return the links that a head of this model can follow."""
    return tuple(link for link in wanted() if not link_ranking.why_unfollowable(trace, link, chosen().block))


def ranking(trace: Trace) -> None:
    """Draw the map, the best heads and the chosen one; its own page, with the first link's source selected, on request."""
    block, head, links = trace.block(chosen().block), chosen(), followed(trace)
    if not links:
        if st.session_state.pop(_OPENED, False):  # of the text before this one, which had links
            st.switch_page("pages/explore/attention.py")
        st.caption(glossary_links.linked("Draw a link to rank every head by how much it follows the link."))
        return
    if unread := legibility_text.of_links(trace, links, state.card().name, head.block):
        st.info(plain(unread), icon=":material/visibility_off:")
    order: link_ranking.Order = "difference" if widgets.rank_by_difference("heads", "Weight") else "weight"
    with st.spinner("Ranking every head …"):  # of a long text it takes a few seconds
        best = in_order(trace, links)
    rows = link_rows.link_rows(trace, head, links)
    counts = [call.heads for call in block.calls]
    data = board_ranking.to_json(best, counts, head, rows, len(wanted()), order)
    data["corpus"] = _on_corpus(trace, links, data)
    opened = choosing(data, block=head.block, key="head-ranking", on_head=_store_head)
    st.session_state.pop(_OPENED, None)
    if opened:
        state.select_word(TokenSelection(links[0].source[0]))
        st.switch_page("pages/explore/attention.py")
    _cautions(trace, len(best), len(links))


def worksheet(trace: Trace) -> None:
    """Draw the worksheet on the links, or say that it needs one."""
    block = chosen().block
    followed = tuple(link for link in wanted() if not link_ranking.why_unfollowable(trace, link, block))
    if not followed:
        st.info("A worksheet needs a link: go back to the page and draw one.")
        sheets.close()
        return
    sheets.show(own_sheet.sheet(trace, followed, _ranked(trace, followed), block))


def _on_corpus(trace: Trace, followed: tuple[Link, ...], data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the ranks of the listed heads on annotated texts as JSON; None where the kind of link is not known."""
    try:
        parse = None if gold_sentences.readings(trace.request.text) else parsed(trace)
    except AttnvizError:  # a text that cannot be parsed: the list of relations says why
        parse = None
    known = corpus_rank.of_links(trace, followed, chosen().block, parse)
    if known is None:
        return None
    best = [known.rank(HeadRef(one["layer"], one["head"])) for one in data["best"]]
    return {"on": known.on, "best": best, "sentence": known.sentence(HeadRef(*data["chosen"]))}


def in_order(trace: Trace, links: tuple[Link, ...]) -> tuple[LinkScore, ...]:
    """Return every head in the order on screen, best first."""
    found = _ranked(trace, links)
    return link_ranking.by_difference(found) if page_url.parameter(widgets.SORT) == "difference" else found


def _ranked(trace: Trace, links: tuple[Link, ...]) -> tuple[LinkScore, ...]:
    """Return every head's score on the links, kept beside the trace: the same reader asks again with every click."""
    block = chosen().block
    return backend().derived(trace.request, ("ranked", block, links), lambda one: link_ranking.rank_heads(one, links, block))


def _store_head(picked: ChosenHead) -> None:
    """Store the head chosen on the map or in the list."""
    if picked.head.layer < state.card().layers and picked.head.head < state.card().heads:
        state.change(head=picked.head)
    st.session_state[_OPENED] = picked.go == "board"


def _cautions(trace: Trace, heads: int, drawn: int) -> None:
    """Say what this ranking does not show."""
    one = "One link in one sentence is" if drawn == 1 else f"{drawn} links in one sentence are"
    st.caption(
        f"{one} not evidence: the best of {heads} heads looks good by luck alone. Below, the chosen head is tested on many "
        "texts, all in English and from the sources named there."
    )
    if trace.causal:
        st.caption("This model reads from left to right: a word can look at itself and at earlier words, never at later ones.")
