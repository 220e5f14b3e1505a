"""All of a heatmap except its cells: axes, legend, outline, dots, numbers, guide lines.

Labels are numbers with an alias, because plotly merges two categories with one name, and a word may occur twice. All parts
are collected as plain values and passed to plotly once: it checks every value, and would do so again at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from attnviz.figures import encoding
from attnviz.figures.geometry import LABELLED, Geometry
from attnviz.types import Pattern, Unit

if TYPE_CHECKING:
    import plotly.graph_objects as go

CellText = tuple[int, int, str, str]  # row, column, text, the cell's colour
CLEAR = "rgba(0,0,0,0)"
STANDOFF = 6  # pixels between labels and cells
STRONG = 0.1  # keys that get at least this share of a selected row are set bold
NEXT = "it comes later"


def escaped(text: str) -> str:
    """Return a label escaped for plotly, which reads `<b>`, `<a href>` and entities as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def axis_positions(rows: int, columns: int) -> dict[str, list[str]]:
    """Return rows and columns by number."""
    return {"x": [str(k) for k in range(columns)], "y": [str(q) for q in range(rows)]}


@dataclass
class FigureDraft:
    """An unfinished figure, in plotly's terms: series, and in `layout` axes, shapes and annotations."""

    layout: dict[str, Any]
    data: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)

    def figure(self) -> go.Figure:
        """Return the plotly figure."""
        import plotly.graph_objects as go

        return go.Figure(self.data, {**self.layout, "annotations": self.annotations, "shapes": self.shapes})


def frame(pattern: Pattern, geometry: Geometry, theme: str, *, title: str, selected_rows: Sequence[int]) -> FigureDraft:
    """Return the figure without its cells: labelled axes, a title at the top left; a line below if nothing is left to show."""
    colours = encoding.theme(theme)
    strong = (pattern.weights[list(selected_rows)].max(0) >= STRONG).tolist() if selected_rows else []
    queries = _aliases(pattern.queries, pattern.query_units, colours.mute)
    keys = _aliases(pattern.keys, pattern.key_units, colours.mute, strong)
    hover = {"family": encoding.FONT, "size": 14, "color": colours.ink}
    across = {
        **_axis(geometry, colours.ink),
        "labelalias": keys,
        "range": [-0.5, len(keys) - 0.5],
        "side": "top",
        "tickangle": -45 if geometry.slanted else 0,
        "constraintoward": "left",
    }
    down = {
        **_axis(geometry, colours.ink),
        "labelalias": queries,
        "range": [len(queries) - 0.5, -0.5],
        "ticklabelstandoff": STANDOFF + geometry.column,
        "scaleanchor": "x" if geometry.labelled else None,
        "constraintoward": "bottom",
    }
    drawn = FigureDraft(
        {
            "template": "none",
            "width": geometry.width,
            "height": geometry.height,
            "margin": {"l": geometry.left, "r": geometry.right, "t": geometry.top, "b": geometry.bottom},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "font": {"family": encoding.FONT, "size": 13, "color": colours.ink},
            "hoverlabel": {"bgcolor": colours.page, "bordercolor": colours.mute, "font": hover},
            "hovermode": "closest",
            "dragmode": False if geometry.labelled else "zoom",
            "showlegend": False,
            "xaxis": across,
            "yaxis": down,
        }
    )
    line = {"showarrow": False, "xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "yanchor": "top", "align": "left"}
    if title:
        font = {"size": 16, "color": colours.ink}
        text = f"<b>{escaped(title)}</b>"
        place = {"y": 1, "yshift": geometry.top, "xshift": -geometry.left}
        drawn.annotations.append({**line, **place, "text": text, "font": font})
    if not pattern.weights.size:
        font = {"size": 12, "color": colours.mute}
        text = "No words are left to show: all are hidden."
        drawn.annotations.append({**line, "y": 0, "yshift": -36, "text": text, "font": font})
    return drawn


def add_blank(drawn: FigureDraft, blank: Bool[np.ndarray, "query key"], theme: str) -> None:
    """Add the cells that a causal head cannot see: a dot each, and words instead of a number on hover."""
    if not blank.any():
        return
    drawn.data.append(
        {
            "type": "heatmap",
            **axis_positions(*blank.shape),
            "z": np.where(blank, np.float32(0.0), np.float32(np.nan)),
            "colorscale": [(0.0, CLEAR), (1.0, CLEAR)],
            "showscale": False,
            "hoverongaps": False,
            "hovertemplate": f"\u2068%{{y}}\u2069 cannot look at \u2068%{{x}}\u2069: {NEXT}<extra></extra>",
        }
    )
    if max(blank.shape) <= LABELLED:
        rows, columns = np.nonzero(blank)
        dot = {"size": 2.5, "color": encoding.theme(theme).line}
        at = {"x": columns.astype(str).tolist(), "y": rows.astype(str).tolist()}
        drawn.data.append({"type": "scatter", **at, "mode": "markers", "marker": dot, "hoverinfo": "skip"})


def add_legend(drawn: FigureDraft, ramp: tuple[str, ...], ticks: Sequence[float], theme: str) -> None:
    """Add a thin legend with even colours and uneven ticks.

    It belongs to a series without points: the colour bar of the cells themselves would be even in weight.
    """
    low = -1.0 if ticks[0] < 0 else 0.0
    bar = {
        "orientation": "h",
        "thickness": 8,
        "len": 132,
        "lenmode": "pixels",
        "x": 0,
        "xanchor": "left",
        "xpad": 0,
        "y": 0,
        "yanchor": "top",
        "ypad": 10,
        "outlinewidth": 0,
        "ticks": "",
        "ticklabelposition": "outside bottom",
        "tickvals": [encoding.ramp_position(value) for value in ticks],
        "ticktext": [encoding.tick(value) for value in ticks],
        "tickfont": {"size": 11, "color": encoding.theme(theme).mute},
    }
    scale = [
        (i / (len(ramp) - 1), colour) for i, colour in enumerate(ramp)
    ]  # between them plotly draws straight lines, as we do
    marker = {"color": [low], "cmin": low, "cmax": 1.0, "showscale": True, "colorbar": bar, "colorscale": scale}
    drawn.data.append({"type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip", "marker": marker})


def add_column(drawn: FigureDraft, head: str, texts: Sequence[str], theme: str) -> None:
    """Add a column of short texts between the labels and the cells."""
    shared = {"showarrow": False, "xref": "x domain", "x": 0, "xanchor": "right", "xshift": -STANDOFF}
    font = {"size": 11, "color": encoding.theme(theme).mute}
    above = {"yref": "y domain", "y": 1, "yanchor": "bottom"}
    drawn.annotations.append({**shared, **above, "text": head, "font": font})
    drawn.annotations += [{**shared, "yref": "y", "y": row, "text": text, "font": font} for row, text in enumerate(texts)]


def add_texts(drawn: FigureDraft, texts: Sequence[CellText], size: float) -> None:
    """Add texts on cells, black or white by the cell's colour; `size` in pixels."""
    if not texts:
        return
    rows, columns, words, colours = zip(*texts, strict=True)
    at = {"x": [str(k) for k in columns], "y": [str(q) for q in rows]}
    font = {"size": size, "color": [encoding.text_on(colour) for colour in colours]}
    drawn.data.append({"type": "scatter", **at, "text": words, "mode": "text", "textfont": font, "hoverinfo": "skip"})


def outline_row(drawn: FigureDraft, pattern: Pattern, selected_rows: int, geometry: Geometry, theme: str) -> None:
    """Add the selected row: an outline in the accent with a halo of the page, and its label as a chip."""
    colours = encoding.theme(theme)
    rows = len(pattern.queries)
    if geometry.labelled:  # in parts of the picture: plotly clips shapes placed by axis, and the outline is wider than its row
        edge = {"yref": "y domain", "y0": 1 - selected_rows / rows, "y1": 1 - (selected_rows + 1) / rows}
        lines = [(5, colours.page), (2, colours.accent)]
    else:  # by axis, so that it follows the zoom; a halo would cover such thin rows
        edge = {"yref": "y", "y0": selected_rows - 0.5, "y1": selected_rows + 0.5}
        lines = [(1, colours.accent)]
    for width, colour in lines:
        line = {"width": width, "color": colour}
        drawn.shapes.append({"type": "rect", "xref": "x domain", "x0": 0, "x1": 1, **edge, "line": line})
    drawn.annotations.append(
        {
            "showarrow": False,
            "xref": "x domain",
            "x": 0,
            "xanchor": "right",
            "xshift": 3 - STANDOFF - geometry.column,
            "yref": "y",
            "y": selected_rows,
            "text": f"<b>{escaped(encoding.labels(pattern.queries, pattern.query_units)[selected_rows])}</b>",
            "font": {"size": geometry.font, "color": colours.on_accent},
            "bgcolor": colours.accent,
            "borderpad": 3,
        }
    )


def _axis(geometry: Geometry, ink: str) -> dict[str, Any]:
    """Return the settings of both axes: no lines, and a label for each row or column if they are few."""
    return {
        "type": "category",
        "tickmode": "linear" if geometry.labelled else "auto",
        "dtick": 1 if geometry.labelled else None,
        "tickfont": {"size": geometry.font, "color": ink},
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "automargin": False,
        "fixedrange": geometry.labelled,
        "constrain": "domain",
    }


def _aliases(labels: Sequence[str], units: Sequence[Unit], mute: str, strong: Sequence[bool] = ()) -> dict[str, str]:
    """Return the label at each place: strong keys bold, special tokens muted, what the model cannot read with its mark."""
    names, shown = {}, encoding.labels(labels, units)
    for place in range(len(labels)):
        name = escaped(shown[place])
        if place < len(strong) and strong[place]:
            name = f"<b>{name}</b>"
        elif place < len(units) and units[place].special:
            name = f'<span style="color:{mute}">{name}</span>'
        names[str(place)] = name
    return names
