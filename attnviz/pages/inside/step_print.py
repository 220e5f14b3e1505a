"""The picture of one step for print: vectors as coloured cells, bars, tinted words, or the matrix of visible tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from attnviz.figures import encoding
from attnviz.figures.vector import bars, lettering, sentence
from attnviz.figures.vector.marks import MIDDLE, Box, Drawing, Field, Mark, Words
from attnviz.figures.vector.placing import PAGE, Frame, framed
from attnviz.figures.vector.plan import ANGLE
from attnviz.pages.inside.analysis import StepPicture

ACROSS = 64  # numbers of a vector in one line; longer ones have several
NAME, LINE, CELL, SIZE, GAP = 12.0, 16.0, 6.0, 7.5, 10.0
LABEL, SIDE = 70.0, 15.0  # the widest name beside the matrix, the largest cell


def drawing(picture: StepPicture, labels: Sequence[str], at: int, marked: int, frame: Frame) -> Drawing:
    """Return the picture of a step; `at` is the query, `marked` the highlighted key."""
    if picture.kind == "bars":
        return _bars(picture, labels, marked, frame)
    if picture.kind == "words":
        weights = picture.rows[0][1].tolist()
        words = [
            sentence.TintedWord(encoding.label(label), weight, encoding.three(weight), boxed=key == at)
            for key, (label, weight) in enumerate(zip(labels, weights, strict=True))
        ]
        marks, width, height = sentence.marks(words, frame)
        return framed(marks, width + 1.0, height, frame)
    if picture.kind == "seen":
        return _seen(picture.rows[0][1], labels, at, frame)
    return _vectors(picture, frame)


def _vectors(picture: StepPicture, frame: Frame) -> Drawing:
    """Return each vector as a line of cells, or several of a long one, with its name and its largest number."""
    colours = encoding.LIGHT
    most = max(float(np.abs(row).max()) for _, row in picture.rows) if picture.kind == "sums" else 0.0
    places, marks, top = dict(enumerate(picture.framed)), [], 0.0
    for number, (name, row) in enumerate(picture.rows):
        largest = f"{len(row)} numbers, largest ±{encoding.digits(np.abs(row).max())}"
        room = PAGE - lettering.width(largest, SIZE) - GAP
        marks.append(Words(lettering.shortened(frame.visible(name), room, SIZE), 0.0, top + 8.0, SIZE, colours.ink, role="row"))
        marks.append(Words(largest, PAGE, top + 8.0, SIZE, colours.mute, "right", role="value"))
        top += NAME
        drawn, height = _cells(row, most, places.get(number, ()), top, name)
        marks += drawn
        top += height + GAP
    return framed(marks, PAGE, top - GAP + 1.0, frame)


def _cells(
    row: Float[np.ndarray, " place"], most: float, places: tuple[range, ...], top: float, name: str
) -> tuple[list[Mark], float]:
    """Return the cells of a vector from `top` down, with frames around some, and their height."""
    across, tall = (len(row), LINE) if len(row) <= ACROSS else (ACROSS, CELL)
    lines = math.ceil(len(row) / across)
    pixels = np.full((lines * across, 3), encoding.rgb(encoding.LIGHT.page), np.uint8)
    scaled = (row / (most or float(np.abs(row).max()) or 1.0)).astype(np.float32)
    pixels[: len(row)] = encoding.difference_rgb(scaled, "light")
    step = PAGE / across
    marks: list[Mark] = [Field(0.0, top, PAGE, lines * tall, pixels.reshape(lines, across, 3), f"{name}: {len(row)} numbers")]
    for part in places:
        for line in range(part.start // across, math.ceil(part.stop / across)):
            first, last = max(part.start, line * across), min(part.stop, (line + 1) * across)
            x, width = (first - line * across) * step, (last - first) * step
            marks.append(Box(x, top + line * tall, width, tall, edge=encoding.LIGHT.ink, line=1.0))
    return marks, lines * tall


def _bars(picture: StepPicture, labels: Sequence[str], marked: int, frame: Frame) -> Drawing:
    """Return a bar for each token; scores share one scale, a share's bar is full at 1."""
    scores = [row[np.isfinite(row)] for name, row in picture.rows if name != "share"]
    low, high = min(0.0, *(float(row.min()) for row in scores)), max(0.0, *(float(row.max()) for row in scores))
    scales = {True: (0.0, 1.0, encoding.three, encoding.LIGHT.sequential[4]), False: (low, high, encoding.digits, "")}
    series = tuple(
        bars.Series(name, tuple(map(_known, row.tolist())), *scales[name == "share"], missing="hidden")
        for name, row in picture.rows
    )
    return bars.drawing(tuple(encoding.label(label) for label in labels), series, frame, marked)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _seen(allowed: Bool[np.ndarray, "query key"], labels: Sequence[str], at: int, frame: Frame) -> Drawing:
    """Return the matrix of visible tokens, the row of the chosen one in the accent colour."""
    colours, n = encoding.LIGHT, len(allowed)
    shown = [lettering.shortened(frame.visible(encoding.label(label)), LABEL, SIZE) for label in labels]
    left = max(lettering.width(label, SIZE, bold=True) for label in shown) + 4.0
    top = left * math.sin(math.radians(ANGLE)) + SIZE
    cell = min(SIDE, (PAGE - left - top) / n)
    size, every = min(SIZE, max(4.0, 0.8 * cell)), max(1, math.ceil(5.0 / cell))
    marks: list[Mark] = []
    for query, row in enumerate(allowed):
        y = top + query * cell
        if query % every == 0 or query == at:
            colour = colours.accent if query == at else colours.ink
            place = left - 4.0, y + cell / 2 + MIDDLE * size
            marks.append(Words(shown[query], *place, size, colour, "right", query == at, role="query"))
        if query % every == 0:
            marks.append(
                Words(shown[query], left + (query + 0.6) * cell, top - 3.0, size, colours.ink, angle=ANGLE, role="column")
            )
        fill = colours.accent if query == at else colours.sequential[2]
        for key in np.flatnonzero(row).tolist():
            facts = (("query", str(query)), ("key", str(key)))
            marks.append(Box(left + key * cell, y, cell - 0.5, cell - 0.5, fill, facts=facts))
    marks.append(Box(left, top, n * cell, n * cell, edge=colours.line, line=0.6))
    return framed(marks, left + n * cell + top, top + n * cell + 1.0, frame)
