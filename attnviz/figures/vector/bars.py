"""Numbers as bars for print: a row for each name, a column of bars for each series."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import MIDDLE, Box, Drawing, Mark, Words
from attnviz.figures.vector.placing import PAGE, Frame, framed
from attnviz.figures.vector.plan import TALLEST

ROW, LEAST, SIZE = 12.0, 6.0, 7.5  # height of a row, preferred and least, and size of type
NAME, NUMBER, GAP = 110.0, 50.0, 8.0  # widths: the longest name, a number, between columns
TRACK = 210.0  # the longest track of a bar
CAPTION = 12.0


@dataclass(frozen=True)
class Series:
    """One column of bars, on a track from `low` to `high`; each number is written by `write`; None has no bar.

    `colour` is that of its bars; "" is green above 0 and purple below.
    """

    name: str
    values: tuple[float | None, ...]
    low: float
    high: float
    write: Callable[[float], str]
    colour: str = encoding.LIGHT.sequential[4]
    missing: str = ""


def drawing(names: tuple[str, ...], series: tuple[Series, ...], frame: Frame, marked: int | None = None) -> Drawing:
    """Return bars of every series beside the names; the name at `marked` is bold."""
    colours = encoding.LIGHT
    row = max(LEAST, min(ROW, TALLEST / max(len(names), 1)))
    size = min(SIZE, 0.78 * row)
    shown = [lettering.shortened(frame.visible(name), NAME, size) for name in names]
    left = max((lettering.width(name, size, bold=True) for name in shown), default=0.0) + GAP
    track = min(TRACK, (PAGE - left) / max(len(series), 1) - NUMBER - GAP)
    marks: list[Mark] = []
    for at, name in enumerate(shown):
        y = CAPTION + (at + 0.5) * row + MIDDLE * size
        bold, colour = at == marked, colours.accent if at == marked else colours.ink
        marks.append(Words(name, 0.0, y, size, colour, bold=bold, full_text=names[at], role="row"))
    for number, one in enumerate(series):
        x = left + number * (track + NUMBER + GAP)
        marks.append(Words(frame.visible(one.name), x, CAPTION - 4.0, 6.0, colours.mute, role="caption"))
        for at, value in enumerate(one.values):
            y = CAPTION + at * row
            marks += _bar(one, value, x, y, track, row, frame.visible(names[at]))
            written = one.missing if value is None else one.write(value)
            place = x + track + NUMBER, y + row / 2 + MIDDLE * size
            marks.append(Words(written, *place, size, colours.ink, "right", at == marked, role="value"))
    width = left + len(series) * (track + NUMBER) + max(len(series) - 1, 0) * GAP
    return framed(marks, width, CAPTION + len(names) * row + 1.0, frame)


def _bar(one: Series, value: float | None, x: float, y: float, track: float, row: float, name: str) -> list[Mark]:
    """Return the track of a bar, and the bar from 0 to its value."""
    colours, thick = encoding.LIGHT, 0.62 * row
    top = y + (row - thick) / 2
    found: list[Mark] = [Box(x, top, track, thick, colours.field)]
    if value is None or not math.isfinite(value):
        return found
    span = (one.high - one.low) or 1.0
    start, end = (track * (min(max(edge, one.low), one.high) - one.low) / span for edge in sorted((0.0, value)))
    colour = one.colour or colours.diverging[5 if value > 0 else 1]
    facts = (("value", str(value)),)
    found.append(Box(x + start, top, max(end - start, 0.4), thick, colour, title=f"{name}: {one.write(value)}", facts=facts))
    return found
