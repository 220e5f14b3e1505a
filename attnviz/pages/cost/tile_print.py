"""The matrix of one head with its tiles, for print: the current tile filled, earlier ones empty again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import MIDDLE, Box, Drawing, Mark, Words
from attnviz.figures.vector.placing import Frame, framed
from attnviz.pages.cost.bench.tile_trace import TileTrace

SIDE, LABEL, SIZE, ROOM = 280.0, 80.0, 7.0, 5.0


def drawing(found: TileTrace, labels: Sequence[str], step: int, at: int, frame: Frame) -> Drawing:
    """Return the matrix at a step; row `at` is outlined. Cells of the tile are tinted by exp(score - largest so far)."""
    colours, (queries, keys) = encoding.LIGHT, found.weights.shape
    cell = SIDE / max(queries, keys)
    shown = [lettering.shortened(frame.visible(encoding.label(label, 16)), LABEL, SIZE) for label in labels[:queries]]
    left = max((lettering.width(label, SIZE, bold=True) for label in shown), default=0.0) + ROOM
    size, every = min(SIZE, max(4.0, 0.8 * cell)), max(1, round(5.0 / cell))
    marks: list[Mark] = []
    for number, tile in enumerate(found.tiles):
        fill = colours.field if number < step else ""
        marks.append(_box(left, tile.rows, tile.keys, cell, fill, colours.line, 0.5))
    now = found.tiles[step]
    for (row, key), grown in np.ndenumerate(now.exponentials):
        x, y = left + (now.keys.start + key) * cell, (now.rows.start + row) * cell
        facts = (("query", str(now.rows.start + row)), ("key", str(now.keys.start + key)), ("value", str(grown)))
        marks.append(Box(x, y, cell, cell, encoding.weight_colour(grown, colours.name), title=f"{grown:.3f}", facts=facts))
    marks.append(_box(left, range(at, at + 1), range(keys), cell, "", colours.accent, 1.2))
    marks.append(_box(left, now.rows, now.keys, cell, "", colours.ink, 1.8))
    for number, label in enumerate(shown):
        if number % every == 0 or number == at:
            colour, place = colours.ink if number == at else colours.mute, (number + 0.5) * cell + MIDDLE * size
            marks.append(Words(label, left - ROOM, place, size, colour, "right", number == at, role="query"))
    return framed(marks, left + keys * cell + 1.0, queries * cell + 1.0, frame)


def _box(left: float, rows: range, keys: range, cell: float, fill: str, edge: str, line: float) -> Box:
    """Return the outline of a tile."""
    return Box(left + keys.start * cell, rows.start * cell, len(keys) * cell, len(rows) * cell, fill, edge, line)
