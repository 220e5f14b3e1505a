"""One number for every head as a map for print: rows are layers, columns are heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from attnviz.figures import encoding
from attnviz.figures.vector.marks import MIDDLE, Box, Drawing, Mark, Words
from attnviz.figures.vector.placing import PAGE, Frame, framed
from attnviz.figures.vector.plan import TALLEST
from attnviz.types import HeadRef, HeadScores

CELL, MARGIN, TOP, SIZE, LEGEND = 22.0, 22.0, 12.0, 6.5, 60.0
GAP = 1.0


def drawing(
    scores: HeadScores, frame: Frame, chosen: HeadRef | None = None, *, ends: tuple[str, str] = ("", ""),
    marks: Sequence[Sequence[str]] = (),
) -> Drawing:  # fmt: skip
    """Return the map: a scale from -1 to 1 diverges, any other is sequential; the chosen head has a ring.

    Cells have their numbers, or the signs in `marks`, where there is room. `ends` names the two ends of the scale. A head
    without a number is left blank.
    """
    colours = encoding.LIGHT
    layers, heads = scores.values.shape
    cell = min(CELL, (PAGE - MARGIN) / max(heads, 1))
    tall = min(cell, (TALLEST - TOP) / max(layers, 1))
    drawn: list[Mark] = [
        Words(f"H{head}", MARGIN + (head + 0.5) * cell, TOP - 4.0, SIZE, colours.mute, "center", role="column")
        for head in range(heads)
    ]
    for layer in range(layers):
        y = TOP + layer * tall
        if layers <= 30 or layer % 5 == 0:
            drawn.append(
                Words(f"L{layer}", MARGIN - 4.0, y + tall / 2 + MIDDLE * SIZE, SIZE, colours.mute, "right", role="row")
            )
        for head in range(heads):
            value = float(scores.values[layer, head])
            if np.isfinite(value):
                sign = marks[layer][head] if len(marks) else ""
                drawn += _cell(scores, value, sign, HeadRef(layer, head), MARGIN + head * cell, y, cell, tall)
    if chosen is not None:
        ring = Box(MARGIN + chosen.head * cell - GAP, TOP + chosen.layer * tall - GAP, cell + GAP, tall + GAP)
        drawn += [replace(ring, edge=colours.page, line=3.0), replace(ring, edge=colours.accent, line=1.6)]
    bottom = TOP + layers * tall
    drawn += _legend(scores, frame, ends, bottom + 8.0)
    return framed(drawn, MARGIN + heads * cell + 2.0, bottom + 16.0, frame)


def _cell(
    scores: HeadScores, value: float, sign: str, head: HeadRef, x: float, y: float, cell: float, tall: float
) -> list[Mark]:
    """Return one head: its colour, and its sign or number."""
    along, signed = (value - scores.low) / (scores.high - scores.low), scores.low < 0
    colour = encoding.steps(encoding.LIGHT.diverging if signed else encoding.LIGHT.sequential, 65)[
        round(64 * min(max(along, 0.0), 1.0))
    ]
    facts = (("layer", str(head.layer)), ("head", str(head.head)), ("value", str(value)))
    title = f"{head}: {encoding.signed(value) if signed else encoding.three(value)} {scores.unit}".rstrip()
    found: list[Mark] = [Box(x, y, cell - GAP, tall - GAP, colour, title=title, facts=facts)]
    written = sign or _number(scores, value)
    size = min(cell * 0.34, 7.0) if sign else min(cell * (0.24 if signed else 0.29), tall * 0.6, 7.0)
    if size >= 4.0 and written:
        place = x + (cell - GAP) / 2, y + (tall - GAP) / 2 + MIDDLE * size
        found.append(Words(written, *place, size, encoding.text_on(colour), "center", role="value"))
    return found


def _number(scores: HeadScores, value: float) -> str:
    """Return a number for a cell: three digits, and a sign where the scale has two sides."""
    return encoding.signed(value) if scores.low < 0 else encoding.three(value)


def _legend(scores: HeadScores, frame: Frame, ends: tuple[str, str], y: float) -> list[Mark]:
    """Return the scale below the map, its ends named."""
    colours = encoding.LIGHT
    ramp = encoding.steps(colours.diverging if scores.low < 0 else colours.sequential, 48)
    found: list[Mark] = [Box(MARGIN + i * LEGEND / 48, y, LEGEND / 48 + 0.2, 5.0, colour) for i, colour in enumerate(ramp)]
    low, high = (frame.visible(encoding.label(end)) for end in ends)
    style = {"size": SIZE, "colour": colours.mute, "role": "tick"}
    least, most = low or encoding.tick(scores.low), high or f"{encoding.tick(scores.high)} {scores.unit}".rstrip()
    between = Words(f"{least} … {most}", MARGIN + LEGEND + 6.0, y + 5.0, **style)
    return [*found, between]
