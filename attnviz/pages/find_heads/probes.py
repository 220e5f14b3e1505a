"""Probes of heads: what each one does on repeated random tokens, and the names that heads earn."""

from __future__ import annotations

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.figures import encoding, headmap
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probe_report import ENCODER, ProbeResult, method, results
from attnviz.types import HeadRef, quoted
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.single_text import chosen

PROBE = "probe"  # in the address
BEST = 6  # heads of the list


def probes(known: Atlas) -> None:
    """Draw one probe over all heads: a map, the best heads, and the chosen one; a message where there are no probes."""
    st.header("Probes: what heads do on repeated random tokens", anchor=False)
    try:
        found = {one.key: one for one in results(known)}
        wanted = state.page_parameter(PROBE)
        now = found.get(wanted) or next(iter(found.values()))
        if wanted not in ("", now.key):
            widgets.show_notices([f"There is no probe {quoted(wanted)} here: showing {now.name}."])
        key = state.fill("heads-probe", now.key)
        st.selectbox(
            "Probe", list(found), format_func=lambda name: found[name].name.capitalize(), key=key, width=280,
            on_change=state.answer(key, lambda name: state.set_page_parameter(PROBE, name)),
        )  # fmt: skip
        left, right = st.columns(2, gap="large")
        with left:
            _map(now)
        with right:
            _best(now)
        st.caption(glossary_links.linked(widgets.plain(" ".join(_notes(known, now)))))
    except AttnvizError as error:  # an atlas without probes, or a damaged one: the rest of the page stands
        st.info(widgets.plain(str(error)))


def _map(one: ProbeResult) -> None:
    """Layers by heads, the chosen one with a ring."""
    st.plotly_chart(
        headmap.figure(one.scores, widgets.theme(), chosen()), theme=None, config=headmap.CONFIG, key="heads-probe-map",
        alt=f"Layers by heads: {one.name} probe; best is {one.head}, {encoding.three(one.at(one.head))}",
    )  # fmt: skip


def _best(one: ProbeResult) -> None:
    """What the score means, the best heads, and the chosen one among them."""
    st.markdown(widgets.plain(f"{one.says} {one.source}."))
    st.markdown("\n".join(f"- {line}" for line in _facts(one, chosen())))
    with st.container(horizontal=True, gap="small", key="probe-best"):
        for head in one.order[:BEST]:
            st.button(
                f"{head}  {encoding.three(one.at(head))}", key=f"probe-{head}", on_click=_show, args=(head,),
                disabled=(head.layer, head.head) == (chosen().layer, chosen().head), help="Choose this head",
            )  # fmt: skip


def _facts(one: ProbeResult, mine: HeadRef) -> list[str]:
    """Scores in Markdown: the best head, an even look, the chosen head, and who earns the name."""
    heads = one.scores.values.size
    low, high = (encoding.three(end) for end in one.interval(one.head))
    lines = [
        f"**{one.head}** scores most: **{encoding.three(one.at(one.head))}** ({low} to {high})",
        f"A head that looks evenly at everything it can see: {encoding.three(one.even_look)}",
        f"The chosen head, {encoding.head_name(mine)}: {encoding.three(one.at(mine))}, rank {one.rank(mine)} of {heads}",
    ]
    if one.role:
        earned = ", ".join(map(str, one.earned)) or "none"
        lines.append(f"Called **{one.role}**, because over half of their attention goes there: {earned}")
    return lines


def _notes(known: Atlas, one: ProbeResult) -> list[str]:
    """How it was measured, and what it does not show."""
    return [
        method(known),
        *([] if one.role else [ENCODER]),
        "Random tokens show what a head can do, not how often it does so in real text.",
    ]


def _show(head: HeadRef) -> None:
    """Choose this head."""
    state.change(head=head)
