"""Habits of heads: where each one looks, whatever the words say, as a map with the strongest heads."""

from __future__ import annotations

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.habit_report import HabitResult, missing, results
from attnviz.linguistics.probes.habits import RENAMED
from attnviz.pages.find_heads import measure_view
from attnviz.types import HeadRef
from attnviz.ui import glossary_links, widgets
from attnviz.ui.head_map import head_map
from attnviz.ui.single_text import chosen

ANCHOR = "habits"  # of the heading, for links


def habits(known: Atlas) -> None:
    """Draw one habit over all heads: a map, the strongest heads, and the chosen one."""
    st.header("Habits: where heads look whatever the words say", anchor=ANCHOR)
    try:
        found = {one.key: one for one in results(known)}
        now = found[measure_view.pick("habit", {key: one.name for key, one in found.items()}, RENAMED)]
        left, right = st.columns(2, gap="large")
        with left:
            _map(now)
        with right:
            _best(now)
        _cautions(known, now)
    except AttnvizError as error:  # a damaged atlas: the rest of the page stands
        st.error(widgets.plain(str(error)))


def _map(one: HabitResult) -> None:
    """Draw a map of layers by heads, with rings around the chosen and the best head."""
    alt = f"Layers by heads: {one.name}; most in {one.head}, {_number(one, one.value)}"
    head_map("heads-habit-map", one.scores, alt, chosen(), one.head)


def _best(one: HabitResult) -> None:
    """Draw what the number means, the strongest heads, and the chosen one among them."""
    st.markdown(glossary_links.linked(widgets.plain(one.says)))
    head, n = chosen(), encoding.thousands(one.n)
    st.markdown(glossary_links.linked("\n".join(f"- {line}" for line in _facts(one, head, n))))
    measure_view.best_heads("habit", one.order, one.at, lambda value: _number(one, value), least=one.least)


def _facts(one: HabitResult, head: HeadRef, n: str) -> list[str]:
    """Return numbers in Markdown: the best head (for similarity of meaning with its baseline), all heads, the chosen one."""
    heads = one.scores.values.size
    held_out, beside, of = one.held_out, "", ""
    if held_out is not None:
        low, high = (_number(one, end) for end in held_out.interval)
        beside = f" ({low} to {high}); with the words shuffled {_number(one, held_out.shuffled)}, its baseline"
        of = f" of {encoding.thousands(held_out.texts)} held-out texts; the head was chosen on the others"
    return [
        f"**{one.head}** has {'least' if one.least else 'most'}: **{_number(one, one.value)}**{beside}",
        f"All {heads} heads on average: {_number(one, one.mean)}",
        f"The chosen head, {encoding.head_name(head)}: {_number(one, one.at(head))}, rank {one.rank(head)} of {heads}",
        f"n = {n} {one.counted}{of}",
    ]


def _number(one: HabitResult, value: float) -> str:
    """Return a mean as it is written: shares to three digits, correlations with their sign, entropy with its unit."""
    if one.scores.low < 0:
        return encoding.signed(value)
    return f"{encoding.three(value)}{' bits' if one.scores.unit == 'bits' else ''}"


def _cautions(known: Atlas, now: HabitResult) -> None:
    """Say what these numbers do not show, and which habits this model cannot have."""
    sources = ", ".join(corpus.name for corpus in known.header.corpora if corpus.kind == "conllu")
    absent = missing(known)
    parts = [
        f"Means over many texts ({sources}, English only), by tokens; the page Attention counts one text, by words, so its "
        f"percentages differ. Here {_halves(now)}.",
        *([f"Not measured, because this model cannot have it: {', '.join(absent)}."] if absent else []),
        "Repeats and habits of position say nothing about what a word means to the model.",
    ]
    st.caption(glossary_links.linked(widgets.plain(" ".join(parts))))


def _halves(one: HabitResult) -> str:
    """Return on which texts the best head was chosen and on which it was measured."""
    if one.held_out is None:
        return "the best head is chosen and measured on the same texts"
    return "heads are ranked on one half of the texts and measured on the other; the 95 % interval is over texts"
