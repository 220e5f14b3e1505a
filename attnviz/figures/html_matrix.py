"""A matrix of coloured cells with row and column names, as HTML that fills its container."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from attnviz.figures import encoding

CELL = 30  # pixels that a cell has at most
MINUS = 7, 8  # pixels of the picture of minus signs for each cell: its height, its width
LEAST, DARK = 0.1, 0.45  # of a difference: smaller ones have no minus; at larger ones it is white
CROWDED = 24  # rows or columns up to which all are labelled; of more, only some are

CSS = f"""
.matrix {{ display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 4px 6px; font: 12px/1 {encoding.FONT}; }}
.matrix .across, .matrix .down {{ display: grid; color: var(--mute); }}
.matrix .across {{ grid-column: 2; align-items: end; }}
.matrix .across span {{ justify-self: center; writing-mode: vertical-rl; transform: rotate(180deg); max-height: 88px; }}
.matrix .down {{ height: 0; min-height: 100%; align-items: center; justify-items: end; }}
.matrix .down span {{ max-width: 92px; padding-block: 1px; }}
.matrix span {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.matrix .selected {{ color: var(--accent); font-weight: 700; }}
.matrix .grid {{ position: relative; border: 1px solid var(--line); }}
.matrix img {{ display: block; width: 100%; image-rendering: pixelated; }}
.matrix .minus, .inside .minus {{ display: none; }}
@media print {{ .matrix .minus, .inside .minus {{ display: block; position: absolute; inset: 0; width: 100%; height: 100%; }} }}
.lined .grid::after {{ content: ""; position: absolute; inset: 0; pointer-events: none;
  background: linear-gradient(to right, var(--page) 1px, transparent 1px) 0 0 / calc(100% / var(--columns)) 100%,
    linear-gradient(var(--page) 1px, transparent 1px) 0 0 / 100% calc(100% / var(--rows)); }}
.matrix .row {{ position: absolute; left: -2px; right: -2px; outline: 2px solid var(--accent); pointer-events: none; }}
"""


def drawn(
    cells: Callable[[str], UInt8[np.ndarray, "row column 3"]],
    theme: str,
    rows: Sequence[str],
    columns: Sequence[str],
    at: int | None,
    alt: str,
    crowded: int = CROWDED,
    cell: int = CELL,
    marks: str = "",
) -> str:
    """Return the matrix of `cells`, pixels of a theme; row `at` is the selected one, `alt` describes it in words.

    With more rows or columns than `crowded`, only some have their name; `marks` lie over the cells. The page needs `CSS` once.
    Within an element of class `lined`, lines part the cells.
    """
    n, m = len(rows), len(columns)
    picture = encoding.each_theme(theme, lambda name: image(cells(name), alt, f"aspect-ratio:{m}/{n}"))
    outline = "" if at is None else f'<i class="row" style="top:{100 * at / n:.4f}%;height:{100 / n:.4f}%"></i>'
    return (
        f'<div class="matrix" style="--rows:{n};--columns:{m};max-width:{m * cell + 100}px">'
        f'<div class="across" style="grid-template-columns:repeat({m},minmax(0,1fr))">{_names(columns, None, crowded)}</div>'
        f'<div class="down" style="grid-template-rows:repeat({n},minmax(0,1fr))">{_names(rows, at, crowded)}</div>'
        f'<div class="grid">{picture}{marks}{outline}</div></div>'
    )


def _names(names: Sequence[str], at: int | None, crowded: int) -> str:
    """Return the names in their places; if they would overlap, only some, and always that of the selected row."""
    step = -(-len(names) // max(crowded, 1))
    shown = {place for place in range(0, len(names), step) if at is None or abs(place - at) >= step} | {at}
    return "".join(
        f'<span{" class=selected" if place == at else ""} dir="auto">{html.escape(encoding.label(name, 14))}</span>'
        if place in shown
        else "<span></span>"
        for place, name in enumerate(names)
    )


def minus(differences: Float[np.ndarray, "row column"], least: float = LEAST) -> str:
    """Return a picture to lay over cells: a minus in each at most `-least`. Only paper shows it, which may be grey."""
    from PIL import Image

    (high, wide), (tall, across) = MINUS, differences.shape
    marks = np.zeros((tall, high, across, wide, 4), np.uint8)
    for places, shade in (((differences <= -least), 20), ((differences <= -DARK), 255)):
        row, column = np.nonzero(places)
        marks[row, high // 2, column, wide // 4 : wide - wide // 4] = (shade, shade, shade, 255)
    data = io.BytesIO()
    Image.fromarray(marks.reshape(tall * high, across * wide, 4)).save(data, "PNG")
    return f'<img class="minus" alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def image(pixels: UInt8[np.ndarray, "row column 3"], alt: str, style: str) -> str:
    """Return pixels as an image element of squares."""
    source = base64.b64encode(png(pixels)).decode()
    return f'<img alt="{html.escape(alt)}" style="{style}" src="data:image/png;base64,{source}">'


def png(pixels: UInt8[np.ndarray, "row column 3"]) -> bytes:
    """Return pixels as a PNG file."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()
