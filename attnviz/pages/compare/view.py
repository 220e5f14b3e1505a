"""Panels side by side on a page: what each shows, the held link through all of them as a table, files to keep."""

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
from attnviz.pages.compare import analysis as panels
from attnviz.pages.compare import data_export as files
from attnviz.pages.compare import print_export
from attnviz.pages.compare.analysis import Shown
from attnviz.pages.compare.exact_weights import carried
from attnviz.selection import Selection
from attnviz.types import AttentionRequest, Token
from attnviz.ui import glossary_links, legibility_note, retry, state, widgets
from attnviz.ui.backend import backend
from attnviz.ui.components.board import Choice
from attnviz.ui.components.panels import Source
from attnviz.ui.components.panels import panels as draw
from attnviz.view_state import Pin

EXACT = {
    "weight": st.column_config.TextColumn("weight, or difference", alignment="right"),
}
CAUTION = "Heads that differ here differ on these texts. Attention is a signal, not an explanation."
ATTENTION = "attention"  # where the panels go when the reader asks for the board
PICTURES = {
    "SVG": ("svg", "image/svg+xml", "All panels as one drawing; every cell carries its exact value"),
    "PDF": ("pdf", "application/pdf", "The same drawing on one page, with its fonts"),
    "PNG": ("png", "image/png", "The same drawing as pixels, two to each of a screen's"),
}


@dataclass(frozen=True, eq=False)
class Gathered:
    """What stands side by side: pins, their panels, and what was read of each text (a sentence where it could not be)."""

    pins: tuple[Pin, ...]
    shown: tuple[Shown, ...]
    traces: dict[AttentionRequest, Trace | str]


def gathered(selection: Selection) -> Gathered:
    """Everything that the panels need. What cannot be read is said in its panel, and the others stay."""
    widgets.notices(state.notices())
    pins = selection.pins or (Pin(selection.request, selection.head),)
    if selection.shown == "layer":
        pins = _layer(selection)
    traces = {request: _read(request) for request in dict.fromkeys((selection.request, *(pin.request for pin in pins)))}
    made = () if selection.shown == "layer" else selection.panels
    for number, trace in enumerate(traces.values()):
        if isinstance(trace, Trace):
            legibility_note.line(trace, f"legible-{number}")
    return Gathered(pins, panels.shown(pins, made, traces, selection.options), traces)


def _layer(selection: Selection) -> tuple[Pin, ...]:
    """All heads of the chosen layer, as many as it has."""
    trace = _read(selection.request)
    heads = state.card().heads
    if isinstance(trace, Trace) and selection.head.block in trace.blocks:
        heads = trace.block(selection.head.block).calls[selection.head.layer].heads
    return panels.of_layer(selection.request, selection.head, heads)


def _read(request: AttentionRequest) -> Trace | str:
    """The trace of a request, or why there is none."""
    try:
        with st.spinner("Reading the texts …", show_time=True):
            return backend().attend(request)
    except AttnvizError as error:
        retry.noted(error)
        return str(error)


def panels_(found: Gathered) -> None:
    """Draw the panels; what is done there reaches the session before the page runs again."""
    selection = state.current()
    block = selection.head.block
    own = Pin(selection.request, selection.head)
    ready = panels.of_layer(own.request, own.head, len(found.pins)) if selection.shown else (own,)
    pins = (*(() if selection.shown else selection.pins), *ready)
    parts = carried(found.traces, pins, (selection.request, block))
    base = parts.frames.get((selection.request, block)) or next(iter(parts.frames.values()), None)
    if base is None and not selection.request.text.strip():
        widgets.invitation()
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
            panels.heads(pin, found.traces.get(pin.request)),
            parts.problems.get(pin, ""),
            pin in ready,
        )
        for pin, one in zip(pins, listed(pins, selection.request, block, names), strict=True)
    ]
    choice = Choice(selection.head, selection.focus, selection.options, selection.view).as_dict()
    made = [{"kind": panel.kind, "of": list(panel.of)} for panel in selection.panels]
    shown = draw(
        sources,
        frames=tuple(parts.frames.values()),
        sheets=parts.sheets,
        base=base,
        own=listed((own,), own.request, block, names)[0],
        selection={**choice, "pins": listed(selection.pins, selection.request, block, names), "panels": made},
        shown=selection.shown,
        on_choice=chosen,
    )
    if shown is not None and shown.go == ATTENTION:
        st.switch_page("pages/explore/attention.py")


def chosen(choice: Choice) -> None:
    """The word, the view, the pins and the panels that the reader chose."""
    state.change(focus=choice.focus, options=choice.options, view=choice.view)
    if choice.tray is not None:
        state.take(choice.tray)


def _names(pins: Sequence[Pin]) -> dict[str, str]:
    """What the models of pins are called."""
    return {pin.request.model: catalog.card(pin.request.model).name for pin in pins}


def _digest(frame: bytes | None) -> str | None:
    """The name of a frame."""
    return None if frame is None else digest(frame)


def table(found: Gathered) -> None:
    """The held word's strongest link as every panel has it, with exact values."""
    selection = state.current()
    base = _base(found)
    if base is None:
        return
    links = panels.followed(found.shown, selection.focus, base, Pin(selection.request, selection.head))
    if not any(links):
        st.caption("Hold a word, and its strongest link is followed through every panel, with exact values.")
        return
    rows = [
        {
            "panel": files.titled(panel),
            "model": _models(panel),
            "text": _texts(panel),
            "link": encoding.link(link.query, link.key),
            "weight": encoding.exact(link.weight, sign=panel.kind == "difference"),
        }
        if link
        else {
            "panel": files.titled(panel),
            "model": _models(panel),
            "text": _texts(panel),
            "link": panel.problem or "not in this text",
            "weight": "",
        }
        for panel, link in zip(found.shown, links, strict=True)
    ]
    st.dataframe(
        rows, hide_index=True, column_config=EXACT,
        alt=f"The same link in {len(rows)} panels",
    )  # fmt: skip
    st.caption(glossary_links.linked(CAUTION))


def _models(panel: Shown) -> str:
    """The models of a panel, each once."""
    return ", ".join(dict.fromkeys(catalog.card(pin.request.model).name for pin in panel.pins))


def _texts(panel: Shown) -> str:
    """The texts of a panel, each once."""
    texts = (pin.request.text + (f" / {pin.request.text_b}" if pin.request.text_b else "") for pin in panel.pins)
    return " | ".join(dict.fromkeys(texts))


def downloads(found: Gathered) -> None:
    """All panels as files, made when somebody asks for them."""
    selection, cards = state.current(), {card.id: card for card in catalog.cards()}
    parts = found.shown, found.traces, cards, selection.options, selection.focus
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="downloads"):
        st.caption("All panels as files, as they are shown", width="content")
        st.download_button(
            "CSV", partial(files.as_csv, found.shown, cards, selection.options), file_name="attnviz-panels.csv",
            mime="text/csv", on_click="ignore", key="download-panels-csv", help="A row for each weight of each panel",
        )  # fmt: skip
        st.download_button(
            "JSON", partial(files.as_json, *parts), file_name="attnviz-panels.json", mime="application/json",
            on_click="ignore", key="download-panels-json", help="Weights, words, and where each panel's numbers come from",
        )  # fmt: skip
        base = _base(found)
        if base is None:
            return
        held = panels.held_rows(found.shown, selection.focus, base)
        for label, (kind, mime, what) in PICTURES.items():
            st.download_button(
                label, partial(print_export.drawn, kind, *parts, held), file_name=f"attnviz-panels.{kind}", mime=mime,
                on_click="ignore", key=f"download-panels-{kind}", help=what,
            )  # fmt: skip


def _base(found: Gathered) -> tuple[tuple[Token, ...], tuple[Token, ...]] | None:
    """The queries and keys that the held word counts: of the text on screen, or of the first that could be read."""
    selection = state.current()
    own = found.traces[selection.request]
    base = next((trace for trace in (own, *found.traces.values()) if isinstance(trace, Trace)), None)
    if base is None:
        return None
    block = base.block(selection.head.block if selection.head.block in base.blocks else base.blocks[0])
    return block.queries, block.keys
