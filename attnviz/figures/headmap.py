"""One number for every head, as a picture: rows are layers, columns are heads, on every page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from attnviz.figures import encoding
from attnviz.types import HeadRef, HeadScores

CELL = 30  # pixels a head, at most
CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}


def figure(
    scores: HeadScores,
    theme: str,
    chosen: HeadRef | None = None,
    *,
    ends: tuple[str, str] = ("", ""),
    marks: Sequence[Sequence[str]] = (),
) -> go.Figure:
    """Return the map of one score. A scale from -1 to 1 diverges, any other is sequential; the chosen head has a ring.

    `ends` names the two ends of the scale, e.g. ("street", "animal"); `marks` are signs on the cells, [layer][head]. A head
    without a number (NaN) is left blank.
    """
    colours = encoding.theme(theme)
    layers, heads = scores.values.shape
    diverging = scores.low < 0
    ramp = encoding.steps(colours.diverging if diverging else colours.sequential, 33)
    number = encoding.signed if diverging else encoding.three
    facts = [
        [f"{HeadRef(layer, head)}: {number(value)}" for head, value in enumerate(row)]
        for layer, row in enumerate(scores.values.tolist())
    ]
    shown = np.where(np.isfinite(scores.values), scores.values, np.nan).astype(np.float32)
    low, high = (encoding.label(end) for end in ends)
    bar = {
        "thickness": 8, "outlinewidth": 0, "tickfont": {"color": colours.mute, "size": 11}, "len": 0.9, "x": 1.02,
        "tickvals": [scores.low, (scores.low + scores.high) / 2, scores.high],
        "ticktext": [_escaped(low) or encoding.tick(scores.low), "", _escaped(high) or encoding.tick(scores.high)],
    }  # fmt: skip
    picture = go.Heatmap(
        z=shown, zmin=scores.low, zmax=scores.high, customdata=facts, xgap=2, ygap=2, colorbar=bar,
        colorscale=[[i / 32, colour] for i, colour in enumerate(ramp)],
        hovertemplate=f"%{{customdata}} {_escaped(scores.unit)}<extra></extra>", hoverongaps=False,
    )  # fmt: skip
    cell = min(CELL, 420 // layers) if layers > 14 else CELL
    if len(marks):
        picture.update(text=marks, texttemplate="%{text}", textfont={"size": min(cell - 3, 15)})
    axis = {
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"color": colours.mute, "size": 11},
        "ticks": "",
    }
    drawn = go.Figure(picture)
    drawn.update_layout(
        height=cell * layers + 44, margin={"l": 34, "r": 8, "t": 28, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        xaxis={**axis, "side": "top", "tickangle": 0, "tickvals": list(range(heads)),
               "ticktext": [f"H{head}" for head in range(heads)]},
        yaxis={**axis, "autorange": "reversed", "tickvals": _every(layers),
               "ticktext": [f"L{layer}" for layer in _every(layers)]},
        font={"family": encoding.FONT},
    )  # fmt: skip
    if chosen is not None:
        box = {"x0": chosen.head - 0.5, "x1": chosen.head + 0.5, "y0": chosen.layer - 0.5, "y1": chosen.layer + 0.5}
        drawn.add_shape(type="rect", **box, line={"color": colours.page, "width": 5})
        drawn.add_shape(type="rect", **box, line={"color": colours.accent, "width": 2.5})
    return drawn


def _every(layers: int) -> list[int]:
    """Return the layers that get a label: all of a few, every fifth of many."""
    return list(range(0, layers, 1 if layers <= 14 else 5))


def _escaped(text: str) -> str:
    """Return text escaped for plotly, which interprets some markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
