"""One head of a trace on the page: its fields, its heatmap beside a second one, its links, BertViz's views, downloads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from attnviz.analysis import head_roles, link_ranking, view
from attnviz.engine import verify
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import bertviz, encoding, heatmap
from attnviz.pages.attention.downloads import downloads
from attnviz.types import HeadRef, Pattern, Unit
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.backend import backend
from attnviz.view_state import TokenSelection

_BESIDE = "attnviz_beside"
CAUTION = "Attention is a signal, not an explanation: a head that looks at a word need not use it."
STRONGEST = 20
DRAWN = 262_144  # cells of a heatmap: 512 words a side; the board's matrix shows more, and zooms
SAID = 3  # held words that get a sentence each


def fields(trace: Trace) -> None:
    """Layer and head as fields for the keyboard, the block where there are several, and a second head beside the first."""
    head = state.current().head
    block = trace.block(head.block)
    beside = state.beside()
    with st.container(horizontal=True, gap="small", key="fields"):
        if len(trace.blocks) > 1:
            key = state.fill("block", head.block)
            st.segmented_control(
                "Block",
                trace.blocks,
                key=key,
                on_change=state.answer(key, lambda block: state.choose_block(block or head.block)),
                required=True,
            )
        _number("Layer", "layer", head.layer, block.layers, lambda n: state.choose_head(n, state.current().head.head))
        _number("Head", "head", head.head, block.heads, lambda n: state.choose_head(state.current().head.layer, n))
        st.toggle(
            "A second head beside it", key=state.fill(_BESIDE, beside is not None), on_change=state.answer(_BESIDE, _switched)
        )
        if beside is not None:
            _number(
                "Second layer",
                "layer_2",
                beside.layer,
                block.layers,
                lambda n: state.keep_beside(HeadRef(n, beside.head, head.block)),
            )
            _number(
                "Second head",
                "head_2",
                beside.head,
                block.heads,
                lambda n: state.keep_beside(HeadRef(beside.layer, n, head.block)),
            )


def _number(label: str, key: str, value: int, count: int, choose: Callable[[int], None]) -> None:
    """One field for a number from 0."""
    state.fill(key, value)
    explained = glossary_links.help(label.split()[-1].casefold())
    st.number_input(label, 0, count - 1, key=key, on_change=state.answer(key, choose), width=120, help=explained)


def _switched(on: bool) -> None:
    """A second head: the next one of the same layer to begin with."""
    head, heads = state.current().head, state.card().heads
    state.keep_beside(HeadRef(head.layer, (head.head + 1) % heads, head.block) if on else None)


def heatmaps(trace: Trace) -> None:
    """The head's heatmap with exact values, and beside it the second head's, or what the first one does in numbers."""
    first, second = state.current().head, state.beside()
    left, right = st.columns(2, gap="large")
    with left:
        _heatmap(trace, first, named=second is not None)
    with right:
        if second is None:
            _in_words(trace, first)
            _links(trace, first)
        else:
            _heatmap(trace, second, named=True)
    if second is not None:
        for column, head in zip(st.columns(2, gap="large"), (first, second), strict=True):
            with column:
                _in_words(trace, head)
    st.caption(glossary_links.linked(CAUTION))
    _badge(trace, [first, *([second] if second else [])])


def _heatmap(trace: Trace, head: HeadRef, *, named: bool) -> None:
    """One head's heatmap, under its name where two stand side by side."""
    pattern = view.pattern(trace, head, state.current().options)
    if named:
        st.subheader(encoding.head_name(head), anchor=False)
    if pattern.weights.size > DRAWN:
        st.caption(
            f"A heatmap is drawn up to {DRAWN:,} cells; this one would have {pattern.weights.size:,}. "
            "The matrix on the board shows them all and zooms."
        )
        return
    room = f"heatmap-room-{head.layer}-{head.head}"
    with st.container(key=room):
        st.html(f"<style>.st-key-{room} {{ --tall: {heatmap.height(pattern)} }}</style>")
        st.plotly_chart(
            heatmap.figure(pattern, widgets.theme(), held=held_rows(pattern), told=False), theme=None, height="stretch",
            config=heatmap.CONFIG,
            key=f"heatmap-{head}",
            alt=heatmap.description(pattern, str(head)),
        )  # fmt: skip
    st.caption(f"{' '.join(heatmap.reading(pattern))} Point at a cell for its exact value.")


def _in_words(trace: Trace, head: HeadRef) -> None:
    """The held words' rows as sentences, what the head does on the whole text, and what was hidden, merged or left out.

    Sentences speak of all the head's weights, whatever is filtered out of the picture; only the note is about that.
    """
    options = state.current().options
    pattern = view.pattern(trace, head, options.unfiltered)
    rows = held_rows(pattern)
    if pattern.queries:
        for row in rows[:SAID] or (strongest_row(pattern),):
            st.markdown(f"**{encoding.head_name(head)}:** {widgets.plain(head_roles.in_words(pattern, row))}")
        if len(rows) > SAID:
            st.caption(f"{len(rows) - SAID} more words are held.")
    st.markdown(glossary_links.linked(widgets.plain(head_roles.role(pattern, options.words).sentence)))
    if note := view.pattern(trace, head, options).note:
        st.caption(glossary_links.linked(widgets.plain(note)))


def held_rows(pattern: Pattern) -> tuple[int, ...]:
    """The rows of the held words, as far as the pattern has them, where we ask at whom they look."""
    focus = state.current().focus
    if focus is None or focus.side != "query":
        return ()
    found = (_held_row(pattern, one) for one in (focus, *focus.also))
    return tuple(dict.fromkeys(row for row in found if row is not None))


def _held_row(pattern: Pattern, focus: TokenSelection) -> int | None:
    """The row of one held word, if it is one of the pattern's."""
    for row, unit in enumerate(pattern.query_units):
        if unit.special == focus.special and unit.segment == focus.segment:
            inside = (
                unit.tokens[0] == focus.start if unit.special else unit.start <= focus.start < max(unit.end, unit.start + 1)
            )
            if inside:
                return row
    return None


def strongest_row(pattern: Pattern) -> int:
    """The row of the strongest link between two words, to have something to say while no word is held."""
    weights = pattern.weights.copy()
    weights[[unit.special for unit in pattern.query_units]] = 0.0
    weights[:, [unit.special for unit in pattern.key_units]] = 0.0
    if pattern.query_units == pattern.key_units:
        np.fill_diagonal(weights, 0.0)
    return int(np.argmax(weights if weights.any() else pattern.weights)) // max(len(pattern.keys), 1)


def _badge(trace: Trace, heads: list[HeadRef]) -> None:
    """Whether the numbers on screen are the model's own, and how closely; against the eager model when asked."""
    request, card = state.current().request, state.card()
    check = verify.against_kernel(trace, heads)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="badge"):
        st.badge("Verified" if check.ok else "Not verified", color="gray" if check.ok else "orange")
        st.markdown(glossary_links.linked(widgets.plain(check.note)))
    if card.quantised:
        st.caption(widgets.plain(f"{card.name} here is {card.quantised}."))
    if not backend().checks:
        return
    if len(trace.tokens) > verify.EAGER_TOKENS:
        st.caption(
            f"A check against the library's eager model keeps every weight of every head, so it is offered up to "
            f"{verify.EAGER_TOKENS} tokens; this text has {len(trace.tokens):,}."
        )
        return
    sizes = [(call.heads, len(part.queries) * len(part.keys)) for part in trace.parts for call in part.calls]
    weights = sum(heads * cells for heads, cells in sizes)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="eager"):
        asked = st.button(f"Check all {sum(heads for heads, _ in sizes)} heads against the library's eager model")
        st.caption(f"Reads the text twice more and holds {weights:,} weights meanwhile.")
    if asked:
        try:
            with st.spinner("Comparing with the eager model …", show_time=True):
                st.markdown(widgets.plain(backend().check(request).note))
        except AttnvizError as error:
            widgets.problem(error)


def more(trace: Trace) -> None:
    """Links as a table, the head and the model in BertViz, files to keep. Only the open tab is computed."""
    selection = state.current()
    parts = {"Download": _downloads, "BertViz: this head": _bertviz_head, "BertViz: whole model": _bertviz_model}
    if state.beside() is not None:
        parts = {"Strongest links": _links, **parts}
    for tab, show in zip(st.tabs(list(parts), key="head_tabs", on_change="rerun"), parts.values(), strict=True):
        if tab.open:
            with tab:
                try:
                    show(trace, selection.head)
                except AttnvizError as error:
                    widgets.problem(error)


def _links(trace: Trace, head: HeadRef) -> None:
    """The strongest links of the head as a table."""
    pattern = view.pattern(trace, head, state.current().options)
    rows = [
        {
            "who looks": _label(pattern.queries, pattern.query_units, found.query),
            "at whom": _label(pattern.keys, pattern.key_units, found.key),
            "weight": found.weight,
        }
        for found in link_ranking.strongest(pattern, STRONGEST)
    ]
    st.dataframe(
        rows, hide_index=True, height=320, column_config={"weight": st.column_config.NumberColumn(format="%.3f")},
        alt=f"The {len(rows)} strongest links of {head}",
    )  # fmt: skip


def _label(labels: Sequence[str], units: Sequence[Unit], at: int) -> str:
    """A word as a table has it, with its mark where the model cannot read it."""
    short = encoding.label(labels[at])
    return encoding.marked(short, units[at]) if units else short


def _bertviz_head(trace: Trace, head: HeadRef) -> None:
    """The head in BertViz's head view."""
    theme = widgets.theme()
    page = backend().derived(trace.request, ("bertviz head", head, theme), lambda t: bertviz.head_view(t, head, theme=theme))
    st.iframe(page, height=min(1200, 160 + 24 * len(trace.tokens)), alt=f"{head} in BertViz's head view")


def _bertviz_model(trace: Trace, head: HeadRef) -> None:
    """The model in BertViz's model view."""
    theme = widgets.theme()
    page = backend().derived(trace.request, ("bertviz model", head, theme), lambda t: bertviz.model_view(t, head, theme=theme))
    st.iframe(page, height=900, alt="The whole model in BertViz's model view")


def _downloads(trace: Trace, head: HeadRef) -> None:
    """The head as files."""
    downloads(trace, head, held_rows(view.pattern(trace, head, state.current().options)))
