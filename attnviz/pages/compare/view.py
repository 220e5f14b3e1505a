"""The panels of the Compare page, the selected link through all of them as a table, and downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from attnviz.board import digest
from attnviz.board.tray import listed
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.models import catalog
from attnviz.pages.compare import analysis, data_export, figures, print_export
from attnviz.pages.compare.analysis import ComparePanel
from attnviz.pages.compare.data_export import panel_title
from attnviz.pages.compare.exact_weights import panel_data
from attnviz.selection import Selection
from attnviz.types import AttentionRequest, Token
from attnviz.ui import caution, figure_and_data, legibility_note, pinned_heads, retry, state, widgets
from attnviz.ui.backend import backend
from attnviz.ui.components.board import Choice
from attnviz.ui.components.panels import Source, panels
from attnviz.view_state import Pin

COLUMNS = {
    "weight": st.column_config.TextColumn("weight, or difference", alignment="right"),
}
ATTENTION = "attention"  # the page that opens when the reader wants the board
PICTURES = {
    "SVG": ("svg", "image/svg+xml", "All panels as one drawing; every cell carries its exact value"),
    "PDF": ("pdf", "application/pdf", "The same drawing on one page, with its fonts"),
    "PNG": ("png", "image/png", "The same drawing as pixels, two to each of a screen's"),
}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pins side by side: their panels, and for each text its trace or the error that says why there is none."""

    pins: tuple[Pin, ...]
    panels: tuple[ComparePanel, ...]
    traces: dict[AttentionRequest, Trace | AttnvizError]


def compare(selection: Selection) -> Comparison:
    """Read all texts and build all panels. A panel whose text cannot be read says why; the others stay."""
    widgets.show_notices(state.notices())
    pins = selection.pins or (Pin(selection.request, selection.head),)
    if selection.shown == "layer":
        pins = _layer(selection)
    traces = {request: _read(request) for request in dict.fromkeys((selection.request, *(pin.request for pin in pins)))}
    combined = () if selection.shown == "layer" else selection.panels
    legibility_note.lines([trace for trace in traces.values() if isinstance(trace, Trace)])
    return Comparison(pins, analysis.build_panels(pins, combined, traces, selection.options), traces)


def _layer(selection: Selection) -> tuple[Pin, ...]:
    """Return all heads of the chosen layer, as many as it has."""
    trace = _read(selection.request)
    heads = state.card().heads
    if isinstance(trace, Trace) and selection.head.block in trace.blocks:
        heads = trace.block(selection.head.block).calls[selection.head.layer].heads
    return analysis.layer_pins(selection.request, selection.head, heads)


def _read(request: AttentionRequest) -> Trace | AttnvizError:
    """Return the trace of a request, or the error that says why there is none."""
    try:
        with st.spinner("Reading the texts …", show_time=True):
            return backend().attend(request)
    except AttnvizError as error:
        retry.record(error)
        return error


def draw_panels(found: Comparison) -> None:
    """Draw the panels; the reader's choices there reach the session before the page runs again."""
    selection = state.current()
    block = selection.head.block
    own = Pin(selection.request, selection.head)
    ready = analysis.layer_pins(own.request, own.head, len(found.pins)) if selection.shown else (own,)
    pins = (*(() if selection.shown else selection.pins), *ready)
    parts = panel_data(found.traces, pins, (selection.request, block))
    base = parts.frames.get((selection.request, block)) or next(iter(parts.frames.values()), None)
    if base is None and not selection.request.text.strip():
        widgets.show_examples()
        return
    if base is None:
        for problem in dict.fromkeys(parts.problems.values()):
            st.error(widgets.plain(problem))
        return
    names = _names((*pins, *selection.pins))
    sources = [
        Source(
            one,
            _digest(parts.frames.get((pin.request, pin.head.block))),
            analysis.head_count(pin, found.traces.get(pin.request)),
            parts.problems.get(pin, ""),
            pin in ready,
        )
        for pin, one in zip(pins, listed(pins, selection.request, block, names), strict=True)
    ]
    selected = Choice(selection.head, selection.focus, selection.options, selection.view).as_dict()
    combined = [{"kind": panel.kind, "of": list(panel.of)} for panel in selection.panels]
    choice = panels(
        sources,
        frames=tuple(parts.frames.values()),
        sheets=parts.sheets,
        base=base,
        own=listed((own,), own.request, block, names)[0],
        selection={**selected, "pins": listed(selection.pins, selection.request, block, names), "panels": combined},
        shown=selection.shown,
        on_choice=choose,
    )
    if choice is not None and choice.go == ATTENTION:
        st.switch_page("pages/explore/attention.py")


def choose(choice: Choice) -> None:
    """Store the word, the view, the pins and the panels that the reader chose."""
    state.change(focus=choice.focus, options=choice.options, view=choice.view)
    if choice.tray is not None:
        pinned_heads.take_pins(choice.tray)


def _names(pins: Sequence[Pin]) -> dict[str, str]:
    """Return the names of the pins' models, by model id."""
    return {pin.request.model: catalog.card(pin.request.model).name for pin in pins}


def _digest(frame: bytes | None) -> str | None:
    """Return the digest of a frame."""
    return None if frame is None else digest(frame)


def table(found: Comparison) -> None:
    """Draw the selected word's strongest link in every panel, with exact values."""
    selection = state.current()
    base = _base(found)
    if base is None:
        return
    links = analysis.follow_selection(found.panels, selection.focus, base, Pin(selection.request, selection.head))
    if not any(links):
        st.caption("Select a word to see its strongest link in every panel.")
        return
    rows = [
        {
            "panel": panel_title(panel),
            "model": _models(panel),
            "text": _texts(panel),
            "link": encoding.link(link.query, link.key),
            "weight": (encoding.signed if panel.kind == "difference" else encoding.three)(link.weight),
        }
        if link
        else {
            "panel": panel_title(panel),
            "model": _models(panel),
            "text": _texts(panel),
            "link": panel.problem or "not in this text",
            "weight": "",
        }
        for panel, link in zip(found.panels, links, strict=True)
    ]
    st.dataframe(
        rows, hide_index=True, column_config=COLUMNS,
        alt=f"The same link in {len(rows)} panels",
    )  # fmt: skip
    caution.show("Heads that differ here differ on these texts.")


def _models(panel: ComparePanel) -> str:
    """Return the models of a panel, each once."""
    return ", ".join(dict.fromkeys(catalog.card(pin.request.model).name for pin in panel.pins))


def _texts(panel: ComparePanel) -> str:
    """Return the texts of a panel, each once."""
    texts = (pin.request.text + (f" / {pin.request.text_b}" if pin.request.text_b else "") for pin in panel.pins)
    return " | ".join(dict.fromkeys(texts))


def downloads(found: Comparison) -> None:
    """Draw buttons for files of all panels. A file is made when its button is clicked."""
    selection, cards = state.current(), {card.id: card for card in catalog.cards()}
    parts = found.panels, found.traces, cards, selection.options, selection.focus
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="downloads"):
        st.caption("Download all panels as they are shown", width="content")
        st.download_button(
            "CSV", partial(data_export.as_csv, found.panels, cards, selection.options), file_name="attnviz-panels.csv",
            mime="text/csv", on_click="ignore", key="download-panels-csv", help="A row for each weight of each panel",
        )  # fmt: skip
        st.download_button(
            "JSON", partial(data_export.as_json, *parts), file_name="attnviz-panels.json", mime="application/json",
            on_click="ignore", key="download-panels-json", help="Weights, words, and where each panel's numbers come from",
        )  # fmt: skip
        base = _base(found)
        if base is None:
            return
        rows = analysis.selected_rows(found.panels, selection.focus, base)
        for label, (kind, mime, what) in PICTURES.items():
            st.download_button(
                label, partial(print_export.as_picture, kind, *parts, rows), file_name=f"attnviz-panels.{kind}", mime=mime,
                on_click="ignore", key=f"download-panels-{kind}", help=what,
            )  # fmt: skip


def selected_rows(found: Comparison) -> tuple[tuple[int, ...], ...]:
    """Return the rows of the selected words in every panel."""
    base = _base(found)
    return ((),) * len(found.panels) if base is None else analysis.selected_rows(found.panels, state.current().focus, base)


def figure_fold(found: Comparison) -> None:
    """Draw the fold with a figure for each panel."""
    cards, rows = {card.id: card for card in catalog.cards()}, selected_rows(found)
    figure_and_data.fold("compare", lambda: figures.figures(found.panels, found.traces, cards, rows))


def _base(found: Comparison) -> tuple[tuple[Token, ...], tuple[Token, ...]] | None:
    """Return the queries and keys that the selection refers to: of the text on screen, or of the first that could be read."""
    selection = state.current()
    own = found.traces[selection.request]
    base = next((trace for trace in (own, *found.traces.values()) if isinstance(trace, Trace)), None)
    if base is None:
        return None
    block = base.block(selection.head.block if selection.head.block in base.blocks else base.blocks[0])
    return block.queries, block.keys
