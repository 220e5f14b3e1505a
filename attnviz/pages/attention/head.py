"""One head on the Attention page: its fields, its heatmap beside a second one, its links, BertViz's views, downloads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from attnviz.analysis import head_roles, link_ranking
from attnviz.engine import verify
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import bertviz, encoding, heatmap
from attnviz.pages.attention.downloads import downloads
from attnviz.pages.attention.head_view import HeadView, selected_rows, strongest_row
from attnviz.types import HeadRef, Unit
from attnviz.ui import caution, glossary_links, heatmap_chart, pinned_heads, state, token_picker, widget_values, widgets
from attnviz.ui.backend import backend

_BESIDE = "attnviz_beside"
STRONGEST = 20
DRAWN = 262_144  # cells of a heatmap: 512 words a side; the board's matrix shows more, and zooms
DESCRIBED = 3  # selected words that get a sentence each


def fields(trace: Trace) -> None:
    """Draw the fields: layer, head, the block where there are several, and a second head beside the first."""
    head = state.current().head
    block = trace.block(head.block)
    beside = pinned_heads.second_head()
    with st.container(horizontal=True, gap="small", key="fields"):
        token_picker.block_field(trace.blocks)
        _number("Layer", "layer", head.layer, block.layers, lambda n: state.choose_head(n, state.current().head.head))
        _number("Head", "head", head.head, block.heads, lambda n: state.choose_head(state.current().head.layer, n))
        st.toggle(
            "A second head beside it",
            key=widget_values.fill(_BESIDE, beside is not None),
            on_change=widget_values.answer(_BESIDE, _switch_second_head),
        )
        if beside is not None:
            _number(
                "Second layer",
                "layer_2",
                beside.layer,
                block.layers,
                lambda n: pinned_heads.pin_second_head(HeadRef(n, beside.head, head.block)),
            )
            _number(
                "Second head",
                "head_2",
                beside.head,
                block.heads,
                lambda n: pinned_heads.pin_second_head(HeadRef(beside.layer, n, head.block)),
            )


def _number(label: str, key: str, value: int, count: int, choose: Callable[[int], None]) -> None:
    """Draw a field for a number from 0."""
    widget_values.fill(key, value)
    explained = glossary_links.help(label.split()[-1].casefold())
    st.number_input(label, 0, count - 1, key=key, on_change=widget_values.answer(key, choose), width=120, help=explained)


def _switch_second_head(on: bool) -> None:
    """Switch the second head on (first the next one of the same layer) or off."""
    head, heads = state.current().head, state.card().heads
    pinned_heads.pin_second_head(HeadRef(head.layer, (head.head + 1) % heads, head.block) if on else None)


def heatmaps(first: HeadView, second: HeadView | None) -> None:
    """Draw the head's heatmap with exact values, and the second head's, or what the first head does in words."""
    left, right = st.columns(2, gap="large")
    with left:
        _heatmap(first, named=second is not None)
    with right:
        if second is None:
            _in_words(first)
            _links(first)
        else:
            _heatmap(second, named=True)
    if second is not None:
        for column, head_view in zip(st.columns(2, gap="large"), (first, second), strict=True):
            with column:
                _in_words(head_view)
    caution.show()
    _badge(first.trace, [first.head, *([second.head] if second else [])])


def _heatmap(head_view: HeadView, *, named: bool) -> None:
    """Draw one head's heatmap, under its name if two are side by side."""
    head, pattern = head_view.head, head_view.pattern
    if named:
        st.subheader(encoding.head_name(head), anchor=False)
    if pattern.weights.size > DRAWN:
        st.caption(
            f"A heatmap is drawn up to {DRAWN:,} cells; this one would have {pattern.weights.size:,}. "
            "The matrix on the board shows them all and zooms."
        )
        return
    heatmap_chart.show(pattern, f"{head.layer}-{head.head}", str(head), selected_rows=head_view.selected_rows)
    st.caption(f"{' '.join(heatmap.reading(pattern))} Point at a cell for its exact value.")


def _in_words(head_view: HeadView) -> None:
    """Write the selected words' rows, what the head does on the whole text, and what was hidden, merged or left out.

    Sentences describe all weights of the head; only the note is about filters.
    """
    pattern = head_view.unfiltered
    rows = selected_rows(pattern, head_view.focus)
    if pattern.queries:
        for row in rows[:DESCRIBED] or (strongest_row(pattern),):
            st.markdown(f"**{encoding.head_name(head_view.head)}:** {widgets.plain(head_roles.as_text(pattern, row))}")
        if len(rows) > DESCRIBED:
            st.caption(f"{len(rows) - DESCRIBED} more words are selected.")
    role = glossary_links.linked(widgets.plain(head_roles.role(pattern, head_view.options.words).sentence))
    st.markdown(f"**{encoding.head_name(head_view.head)}:** {role}")
    if head_view.pattern.note:
        st.caption(glossary_links.linked(widgets.plain(head_view.pattern.note)))


def _badge(trace: Trace, heads: list[HeadRef]) -> None:
    """Say whether the weights on screen reproduce the model's output; a button checks all heads with the eager model."""
    request, card = state.current().request, state.card()
    check = verify.against_kernel(trace, heads)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="badge"):
        st.badge("Verified" if check.ok else "Not verified", color="gray" if check.ok else "orange")
        st.markdown(glossary_links.linked(widgets.plain(check.note)))
    if card.quantised:
        st.caption(widgets.plain(f"{card.name} here is {card.quantised}."))
    if backend().capabilities.check is None:
        return
    if len(trace.tokens) > verify.EAGER_TOKENS:
        st.caption(
            f"All heads can be checked against the library's eager model up to {verify.EAGER_TOKENS} tokens; "
            f"this text has {len(trace.tokens):,}."
        )
        return
    sizes = [(call.heads, len(part.queries) * len(part.keys)) for part in trace.parts for call in part.calls]
    weights = sum(heads * cells for heads, cells in sizes)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="eager"):
        count = sum(heads for heads, _ in sizes)
        clicked = st.button(
            f"Check all {count} heads",
            help=f"Against the library's eager model: reads the text twice more and needs {weights:,} weights in memory.",
        )
    if clicked:
        try:
            with st.spinner("Checking all heads against the library's eager model …", show_time=True):
                st.markdown(widgets.plain(backend().check(request).note))
        except AttnvizError as error:
            widgets.show_error(error)


def more(first: HeadView, second: HeadView | None) -> None:
    """Draw links as a table, the head and the model in BertViz, files to keep. Only the open tab is computed."""
    parts = {"Download": downloads, "BertViz: this head": _bertviz_head, "BertViz: whole model": _bertviz_model}
    if second is not None:
        parts = {"Strongest links": _links, **parts}
    for tab, show in zip(st.tabs(list(parts), key="head_tabs", on_change="rerun"), parts.values(), strict=True):
        if tab.open:
            with tab:
                try:
                    show(first)
                except AttnvizError as error:
                    widgets.show_error(error)


def _links(head_view: HeadView) -> None:
    """Draw the strongest links of the head as a table."""
    pattern = head_view.pattern
    rows = [
        {
            "query": _label(pattern.queries, pattern.query_units, found.query),
            "key": _label(pattern.keys, pattern.key_units, found.key),
            "weight": found.weight,
        }
        for found in link_ranking.strongest(pattern, STRONGEST)
    ]
    st.dataframe(
        rows, hide_index=True, height=320, column_config={"weight": st.column_config.NumberColumn(format="%.3f")},
        alt=f"The {len(rows)} strongest links of {head_view.head}",
    )  # fmt: skip


def _label(labels: Sequence[str], units: Sequence[Unit], at: int) -> str:
    """Return a word for a table, with a mark where the model cannot read it."""
    short = encoding.label(labels[at])
    return encoding.marked(short, units[at]) if units else short


def _bertviz_head(head_view: HeadView) -> None:
    """Draw the head in BertViz's head view."""
    theme, trace, head = widgets.theme(), head_view.trace, head_view.head
    page = backend().derived(trace.request, ("bertviz head", head, theme), lambda t: bertviz.head_view(t, head, theme=theme))
    st.iframe(page, height=min(1200, 160 + 24 * len(trace.tokens)), alt=f"{head} in BertViz's head view")


def _bertviz_model(head_view: HeadView) -> None:
    """Draw the model in BertViz's model view."""
    theme, trace, head = widgets.theme(), head_view.trace, head_view.head
    page = backend().derived(trace.request, ("bertviz model", head, theme), lambda t: bertviz.model_view(t, head, theme=theme))
    st.iframe(page, height=900, alt="The whole model in BertViz's model view")
