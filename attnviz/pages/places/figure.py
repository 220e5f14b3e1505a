"""Draw a picture and the weights from one of its patches to all others, with a ring around that patch."""

from __future__ import annotations

import base64
import html

import numpy as np
from jaxtyping import Float

from attnviz.figures import encoding

CELL, GAP = 26, 24  # units of the drawing: a patch, and the space between picture and weights


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
