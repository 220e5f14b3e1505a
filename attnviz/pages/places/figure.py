"""Draw which token can look at which; and a picture with the weights from one of its patches to all others."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from attnviz.figures import encoding, html_matrix


@dataclass(frozen=True, eq=False)
class Shape:
    """Which query can look at which key, with a title and a sentence."""

    title: str
    text: str
    seen: Bool[np.ndarray, "query key"]
    queries: Sequence[str]
    keys: Sequence[str]


CELL, GAP = 26, 24  # units of the drawing: a patch, and the space between picture and weights


def shapes(found: Sequence[Shape], theme: str) -> str:
    """Return HTML: each shape as a matrix, filled where a query can look at a key, above its title and sentence."""

    def drawn(one: Shape) -> str:
        def cells(name: str) -> UInt8[np.ndarray, "row column 3"]:
            colours = encoding.theme(name)
            filled, blank = encoding.rgb(colours.sequential[2]), encoding.rgb(colours.page)
            return np.where(one.seen[..., None], filled, blank).astype(np.uint8)

        description = f"{one.seen.shape[0]} rows, {one.seen.shape[1]} columns, {int(one.seen.sum())} of {one.seen.size} filled"
        matrix = html_matrix.drawn(cells, theme, one.queries, one.keys, None, description)
        caption = f"<b>{html.escape(one.title)}</b><br>{html.escape(one.text)}"
        return f"<figure>{matrix}<figcaption>{caption}</figcaption></figure>"

    return f'<style>{html_matrix.CSS}</style><div class="places-shapes lined">{"".join(map(drawn, found))}</div>'


def render(
    image: Float[np.ndarray, "height width colour"],
    weights: Float[np.ndarray, " patch"],
    at: tuple[int, int],
    theme: str,
    description: str,
) -> str:
    """Return HTML: the picture in patches on the left, the weights from the patch at (row, column) `at` on the right.

    `description` is the text for screen readers.
    """
    return encoding.each_theme(theme, lambda name: _drawn(image, weights, at, name, description))


def _drawn(
    image: Float[np.ndarray, "height width colour"],
    weights: Float[np.ndarray, " patch"],
    at: tuple[int, int],
    theme: str,
    description: str,
) -> str:
    """Return the picture in the colours of one theme."""
    colours = encoding.theme(theme)
    columns = round(len(weights) ** 0.5)
    size = CELL * columns
    ring = _ring(at, colours, 0) + _ring(at, colours, size + GAP)
    cells = "".join(
        f'<rect x="{size + GAP + CELL * (place % columns)}" y="{CELL * (place // columns)}" width="{CELL - 1}" '
        f'height="{CELL - 1}" fill="{encoding.weight_colour(weight, theme)}"/>'
        for place, weight in enumerate(weights.tolist())
    )
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {2 * size + GAP + 4} {size + 4}">'
        f"{_pixels(image, size)}{_grid(columns, colours.page)}{cells}{ring}</svg>"
    )
    source = base64.b64encode(picture.encode()).decode()
    return (
        f'<img alt="{html.escape(description)}" style="width:100%;max-width:{2 * size + GAP}px" '
        f'src="data:image/svg+xml;base64,{source}">'
    )


def _pixels(image: Float[np.ndarray, "height width colour"], size: int) -> str:
    """Return one square per pixel, slightly enlarged so that no background shows through."""
    each = size / len(image)
    bytes_ = np.rint(image * 255).astype(np.uint8)
    return "".join(
        f'<rect x="{column * each:.2f}" y="{row * each:.2f}" width="{each + 0.2:.2f}" height="{each + 0.2:.2f}" '
        f'fill="{encoding.hexadecimal(bytes_[row, column])}"/>'
        for row, column in np.ndindex(image.shape[:2])
    )


def _grid(columns: int, colour: str) -> str:
    """Return lines between the patches."""
    size = CELL * columns
    lines = "".join(f"M{CELL * i} 0V{size}M0 {CELL * i}H{size}" for i in range(1, columns))
    return f'<path d="{lines}" stroke="{colour}" stroke-width="1" fill="none"/>'


def _ring(at: tuple[int, int], colours: encoding.Theme, left: int) -> str:
    """Return a ring in the accent colour around one patch, with a halo of the page's colour."""
    x, y = left + CELL * at[1], CELL * at[0]
    box = f'x="{x}" y="{y}" width="{CELL - 1}" height="{CELL - 1}" fill="none"'
    return f'<rect {box} stroke="{colours.page}" stroke-width="5"/><rect {box} stroke="{colours.accent}" stroke-width="2.5"/>'
