"""Panels side by side on a page: what each shows, the held link through all of them as a table, files to keep."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from attnviz.analysis import panels
from attnviz.analysis.panels import Shown
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.models import catalog
from attnviz.selection import Selection
from attnviz.types import AttentionRequest, Pin
from attnviz.ui import blocks, state
from attnviz.ui.backend import backend


@dataclass(frozen=True, eq=False)
class Gathered:
    """What stands side by side: pins, their panels, and what was read of each text (a sentence where it could not be)."""

    pins: tuple[Pin, ...]
    shown: tuple[Shown, ...]
    traces: dict[AttentionRequest, Trace | str]


def gathered(selection: Selection) -> Gathered:
    """Everything that the panels need. What cannot be read is said in its panel, and the others stay."""
    blocks.notices(state.notices())
    pins = selection.pins or (Pin(selection.request, selection.head),)
    if selection.shown == "layer":
        pins = _layer(selection)
    traces = {request: _read(request) for request in dict.fromkeys((selection.request, *(pin.request for pin in pins)))}
    made = () if selection.shown == "layer" else selection.panels
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
        return str(error)


def table(found: Gathered) -> None:
    """The held word's strongest link as every panel has it, with exact values."""
    selection = state.current()
    own = found.traces[selection.request]
    base = next((trace for trace in (own, *found.traces.values()) if isinstance(trace, Trace)), None)
    if base is None:
        return
    block = base.block(selection.head.block if selection.head.block in base.blocks else base.blocks[0])
    links = panels.followed(found.shown, selection.focus, (block.queries, block.keys))
    if not any(links):
        st.caption("Hold a word, and its strongest link is followed through every panel, with exact values.")
        return
    rows = [
        {
            "panel": titled(panel),
            "model": _models(panel),
            "text": _texts(panel),
            "link": encoding.link(link.query, link.key),
            "weight": link.weight,
        }
        if link
        else {
            "panel": titled(panel),
            "model": _models(panel),
            "text": _texts(panel),
            "link": panel.problem or "not in this text",
            "weight": None,
        }
        for panel, link in zip(found.shown, links, strict=True)
    ]
    st.dataframe(
        rows, hide_index=True, column_config={"weight": st.column_config.NumberColumn(format="%.6f")},
        alt=f"The same link in {len(rows)} panels",
    )  # fmt: skip


def titled(panel: Shown) -> str:
    """A panel's number and name: `1 L3·H1`, `1 − 2`, `mean of 1, 2`."""
    if panel.kind == "difference":
        return f" {encoding.MINUS} ".join(map(str, panel.numbers))
    if panel.kind:
        return f"{panel.kind} of {', '.join(map(str, panel.numbers))}"
    pin = panel.pins[0]
    head = f"L{pin.head.layer} {pin.over}" if pin.over else encoding.head_name(pin.head)
    return f"{panel.numbers[0]} {pin.name + ', ' if pin.name else ''}{head}"


def _models(panel: Shown) -> str:
    """The models of a panel, each once."""
    return ", ".join(dict.fromkeys(catalog.card(pin.request.model).name for pin in panel.pins))


def _texts(panel: Shown) -> str:
    """The texts of a panel, each once."""
    texts = (pin.request.text + (f" / {pin.request.text_b}" if pin.request.text_b else "") for pin in panel.pins)
    return " | ".join(dict.fromkeys(texts))
