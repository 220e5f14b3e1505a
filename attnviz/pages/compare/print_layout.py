"""Several drawings side by side in one drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import Dots, Drawing, Mark, Ribbon, Words
from attnviz.figures.vector.plan import POINTS, WIDTHS

GUTTER = 5.0 * POINTS
SPACE = 22.0  # points between rows of drawings
NAME, LINE = 11.0, 6.5  # sizes of type


def sheet(drawings: Sequence[Drawing], title: str, columns: int = 2) -> Drawing:
    """Return all drawings, `columns` in a row, each row as high as its tallest; a single drawing is returned as it is."""
    if len(drawings) == 1:
        return drawings[0]
    marks: list[Mark] = []
    top, right, bottom = 0.0, 0.0, 0.0
    for start in range(0, len(drawings), columns):
        row, left = drawings[start : start + columns], 0.0
        for one in row:
            marks += [moved(mark, left, top) for mark in one.marks]
            left += one.width + GUTTER
        right, bottom = max(right, left - GUTTER), top + max(one.height for one in row)
        top = bottom + SPACE
    described = " ".join(f"{one.title}. {one.description}" for one in drawings)
    return Drawing(right, bottom, drawings[0].ground, tuple(marks), title, described)


def missing(name: str, why: str, theme: str = "light") -> Drawing:
    """Return the drawing of a panel that cannot be drawn: its name, and why."""
    colours, width = encoding.theme(theme), WIDTHS["column"] * POINTS
    lines = lettering.wrapped(lettering.readable(encoding.visible(why)), width, LINE)
    title = lettering.shortened(lettering.readable(encoding.visible(name)), width, NAME, bold=True)
    head = Words(title, 0.0, 9.5, NAME, colours.ink, bold=True, full_text=name, role="name")
    reason = (Words(line, 0.0, 22.0 + i * 8.5, LINE, colours.mute, role="note") for i, line in enumerate(lines))
    return Drawing(width, 22.0 + 8.5 * len(lines), colours.page, (head, *reason), name, why)


def moved(mark: Mark, right: float, down: float) -> Mark:
    """Return the same mark, moved right and down."""
    match mark:
        case Ribbon():
            return replace(mark, x0=mark.x0 + right, y0=mark.y0 + down, x1=mark.x1 + right, y1=mark.y1 + down)
        case Dots():
            return replace(mark, places=tuple((x + right, y + down) for x, y in mark.places))
        case _:
            return replace(mark, x=mark.x + right, y=mark.y + down)
