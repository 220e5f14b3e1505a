"""More on the chosen head, below the board: exact heatmap, BertViz, table, or files. Only what is open is computed and sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from attnviz.analysis import link_ranking, specificity
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import bertviz, encoding, heatmap
from attnviz.pages.attention.downloads import downloads
from attnviz.pages.attention.head_view import HeadView
from attnviz.types import Unit
from attnviz.ui import glossary_links, heatmap_chart, page_url, widget_values, widgets
from attnviz.ui.backend import backend

PARAMETER = "open"  # of the URL
HEATMAP, BERTVIZ, MODEL, TABLE, DOWNLOAD = "heatmap", "bertviz", "bertviz-model", "table", "download"
CHOICES = {HEATMAP: "Exact heatmap", BERTVIZ: "BertViz", TABLE: "Table", DOWNLOAD: "Download"}
VIEWS = {BERTVIZ: "This head", MODEL: "Whole model"}
STRONGEST = 20
EVERYWHERE = "∗"
DRAWN = 262_144  # cells of a heatmap: 512 words a side; the board's matrix shows more, and zooms


def more(first: HeadView, second: HeadView | None) -> None:
    """Draw the choice, at first with nothing open, and below it what is chosen; a second head stands beside the first."""
    now = page_url.parameter(PARAMETER)
    _choice("more", "More on this head", CHOICES, BERTVIZ if now == MODEL else now)
    shown = [one for one in (first, second) if one is not None]
    parts: dict[str, Callable[[], None]] = {
        HEATMAP: lambda: _beside(_heatmap, shown),
        BERTVIZ: lambda: _bertviz(first, now),
        MODEL: lambda: _bertviz(first, now),
        TABLE: lambda: _beside(_table, shown),
        DOWNLOAD: lambda: downloads(first),
    }
    if now in parts:
        with st.container(key="opened"):
            try:
                parts[now]()
            except AttnvizError as error:
                widgets.show_error(error)


def _choice(key: str, label: str, choices: dict[str, str], now: str) -> None:
    """Draw buttons of which at most one is on; the chosen one stands in the URL, so that a link opens it."""
    name = widget_values.fill(f"attnviz_{key}", now if now in choices else None)
    st.segmented_control(
        label, list(choices), format_func=choices.__getitem__, key=name, label_visibility="collapsed",
        on_change=widget_values.answer(name, lambda value: page_url.set_parameter(PARAMETER, value or "")),
    )  # fmt: skip


def _beside(draw: Callable[[HeadView, bool], None], shown: Sequence[HeadView]) -> None:
    """Draw the heads in columns, named where there are two."""
    for column, one in zip(st.columns(2, gap="large"), shown, strict=False):
        with column:
            draw(one, len(shown) > 1)


def _named(shown: HeadView, named: bool) -> None:
    if named:
        st.subheader(encoding.head_name(shown.head), anchor=False)


def _heatmap(shown: HeadView, named: bool) -> None:
    """Draw one head's heatmap, with exact values."""
    head, pattern = shown.head, shown.pattern
    _named(shown, named)
    if pattern.weights.size > DRAWN:
        st.caption(
            f"A heatmap is drawn up to {DRAWN:,} cells; this one would have {pattern.weights.size:,}. "
            "The matrix on the board shows them all and zooms."
        )
        return
    heatmap_chart.show(pattern, f"{head.layer}-{head.head}", str(head), selected_rows=shown.selected_rows)
    reading = " ".join((*heatmap.reading(pattern), "Point at a cell for its exact value."))
    st.caption(glossary_links.linked(reading, everyday=("key",)))


def _table(shown: HeadView, named: bool) -> None:
    """Draw the strongest links of one head as a table."""
    pattern = shown.pattern
    _named(shown, named)
    found = [(link, _others(shown, link)) for link in link_ranking.strongest(pattern, STRONGEST)]
    rows = [
        {
            "query": _label(pattern.queries, pattern.query_units, link.query),
            "key": _label(pattern.keys, pattern.key_units, link.key),
            "weight": link.weight,
            "others": float(others.mean) if others.n else None,
            "": EVERYWHERE if others.everywhere else "",
        }
        for link, others in found
    ]
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        rows, hide_index=True, height=320, column_config={"weight": number, "others": number},
        alt=f"The {len(rows)} strongest links of {shown.head}", key=f"links-{shown.head}",
    )  # fmt: skip
    marked = " ∗ Most words look there, not only this one." if any(others.everywhere for _, others in found) else ""
    st.caption(glossary_links.linked(f"Others: the weight that the other words give the same key on average.{marked}"))


def _others(shown: HeadView, link: link_ranking.StrongCell) -> specificity.OtherWords:
    """Return what the other words give the key of a link, with all weights of the head."""
    pattern, whole = shown.pattern, shown.unfiltered
    if not pattern.query_units:
        return specificity.of_cell(whole, link.query, link.key)
    query, key = pattern.query_units[link.query], pattern.key_units[link.key]
    return specificity.of_cell(whole, whole.query_units.index(query), whole.key_units.index(key))


def _label(labels: Sequence[str], units: Sequence[Unit], at: int) -> str:
    """Return a word for a table, with a mark where the model cannot read it."""
    short = encoding.label(labels[at])
    return encoding.marked(short, units[at]) if units else short


def _bertviz(shown: HeadView, now: str) -> None:
    """Draw the head in BertViz's head view, or the model in its model view."""
    _choice("bertviz", "View", VIEWS, now)
    theme, trace, head = widgets.theme(), shown.trace, shown.head
    if now == MODEL:
        page = backend().derived(trace.request, ("bertviz model", head, theme), lambda t: _model_view(t, shown, theme))
        st.iframe(page, height=900, alt="The whole model in BertViz's model view")
        return
    page = backend().derived(trace.request, ("bertviz head", head, theme), lambda t: bertviz.head_view(t, head, theme=theme))
    st.iframe(page, height=min(1200, 160 + 24 * len(trace.tokens)), alt=f"{head} in BertViz's head view")


def _model_view(trace: Trace, shown: HeadView, theme: str) -> str:
    return bertviz.model_view(trace, shown.head, theme=theme)
