"""Probes of heads: what each one does on repeated random tokens, and the names that heads earn."""

from __future__ import annotations

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probe_report import ENCODER, ProbeResult, method, results
from attnviz.pages.find_heads import measure_view
from attnviz.types import HeadRef
from attnviz.ui import glossary_links, widgets
from attnviz.ui.head_map import head_map
from attnviz.ui.single_text import chosen


def probes(known: Atlas) -> None:
    """Draw one probe over all heads: a map, the best heads, and the chosen one; a message where there are no probes."""
    st.header("Probes: what heads do on repeated random tokens", anchor=False)
    try:
        found = {one.key: one for one in results(known)}
        now = found[measure_view.pick("probe", {key: one.name for key, one in found.items()})]
        left, right = st.columns(2, gap="large")
        with left:
            _map(now)
        with right:
            _best(now)
        st.caption(glossary_links.linked(widgets.plain(" ".join(_notes(known, now)))))
    except AttnvizError as error:  # an atlas without probes, or a damaged one: the rest of the page stands
        st.info(widgets.plain(str(error)))


def _map(one: ProbeResult) -> None:
    """Draw a map of layers by heads, with rings around the chosen and the best head."""
    alt = f"Layers by heads: {one.name} probe; best is {one.head}, {encoding.three(one.at(one.head))}"
    head_map("heads-probe-map", one.scores, alt, chosen(), one.head)


def _best(one: ProbeResult) -> None:
    """Draw what the score means, the best heads, and the chosen one among them."""
    st.markdown(glossary_links.linked(widgets.plain(f"{one.says} {one.source}.")))
    st.markdown(glossary_links.linked("\n".join(f"- {line}" for line in _facts(one, chosen()))))
    measure_view.best_heads("probe", one.order, one.at, encoding.three)


def _facts(one: ProbeResult, head: HeadRef) -> list[str]:
    """Return scores in Markdown: the best head, uniform attention, the chosen head, and the heads that get the name."""
    heads = one.scores.values.size
    low, high = (encoding.three(end) for end in one.interval(one.head))
    lines = [
        f"**{one.head}** scores most: **{encoding.three(one.at(one.head))}** ({low} to {high})",
        f"A head that looks evenly at everything it can see: {encoding.three(one.uniform)}",
        f"The chosen head, {encoding.head_name(head)}: {encoding.three(one.at(head))}, rank {one.rank(head)} of {heads}",
    ]
    if one.role:
        earned = ", ".join(map(str, one.earned)) or "none"
        lines.append(f"Called **{one.role}**, because over half of their attention goes there: {earned}")
    return lines


def _notes(known: Atlas, one: ProbeResult) -> list[str]:
    """Return how it was measured, and what it does not show."""
    return [
        method(known),
        *([] if one.role else [ENCODER]),
        "Random tokens show what a head can do, not how often it does so in real text.",
    ]
