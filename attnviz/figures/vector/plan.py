"""Layout of a head's picture: matrix, words, curves. All lengths are points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnviz.errors import BadInputError
from attnviz.figures.vector import lettering

POINTS = 72.0 / 25.4  # a millimetre
WIDTHS = {"column": 85.0, "page": 170.0}  # millimetres: one column of a journal, and two
TALLEST = 225.0 * POINTS  # of the rows together: a page of a journal
ROW = (2.0, 8.0, 15.0)  # a row's height: smallest, preferred, largest
ALONE = 20.0  # the same, largest, of a matrix alone
TYPE = (5.0, 7.5)  # the size of a label: smallest, largest
LABEL = 84.0  # the widest label
GAP = 10.0
LOST = 28.0  # the column of hidden shares
CURVES = (70.0, 190.0)  # the width of the curves: smallest, largest
ANGLE = 45.0
HEADER = 24.0  # name and model
Label = tuple[str, str]  # a word and its mark, "" where it has none


@dataclass(frozen=True)
class Plan:
    """The place of every part. The matrix begins at (x, y); the curves run from `left` to `right` below `curves_y`.

    `query_x` is the right edge of the words that look beside the matrix, `curve_query_x` beside the curves (the same
    column on a wide page), `key_x` the left edge of the words that are looked at, `lost_x` the right edge of the
    hidden shares. `every_row` and `every_column` say which labels are shown.
    """

    width: float
    height: float
    x: float
    y: float
    cell: float
    row: float
    size: float
    label: float
    query_x: float
    lost_x: float
    curves_y: float
    curve_row: float
    curve_query_x: float
    left: float
    right: float
    key_x: float
    every_row: int
    every_column: int

    @property
    def stacked(self) -> bool:
        """Whether the curves are below the matrix instead of beside it."""
        return self.curves_y > self.y


def plan(queries: Sequence[Label], keys: Sequence[Label], width: str, *, lost: bool, part: str = "both") -> Plan:
    """Return the layout for these labels: of matrix and curves, or of one of them without a header.

    Raises BadInputError for an unknown width.
    """
    if width not in WIDTHS:
        raise BadInputError(f"A picture is as wide as a {' or a '.join(WIDTHS)} of a journal; got {width!r}.")
    total_width = WIDTHS[width] * POINTS
    if part != "both":
        return _matrix(queries, keys, total_width, lost) if part == "matrix" else _curves(queries, keys, total_width)
    return _wide(queries, keys, total_width, lost) if width == "page" else _narrow(queries, keys, total_width, lost)


def _wide(queries: Sequence[Label], keys: Sequence[Label], total_width: float, lost: bool) -> Plan:
    """Return a layout in one row: matrix, one column of query words for both pictures, curves, key words."""
    columns, most = max(len(keys), 1), max(len(queries), len(keys), 1)
    query_column, key_column = _widest(queries), _widest(keys)
    room = total_width - query_column - key_column - (LOST if lost else 0.0) - 4 * GAP - CURVES[0]
    cell = min(ROW[2], room / columns)
    row = max(ROW[0], min(max(cell, ROW[1]), TALLEST / most))
    top = HEADER + _rise(keys)
    query_x = columns * cell + 1.5 * GAP + (LOST if lost else 0.0) + query_column
    left = query_x + 0.6 * GAP
    right = min(total_width - key_column - 0.6 * GAP, left + CURVES[1])
    return Plan(
        width=total_width, height=top + most * row, x=0.0, y=top, cell=cell, row=row, size=_size(row),
        label=max(query_column, key_column),
        query_x=query_x, lost_x=columns * cell + 0.5 * GAP + LOST, curves_y=top, curve_row=row, curve_query_x=query_x,
        left=left, right=right, key_x=right + 0.6 * GAP, every_row=_every(row), every_column=_every(min(cell, row * 1.5)),
    )  # fmt: skip


def _narrow(queries: Sequence[Label], keys: Sequence[Label], total_width: float, lost: bool, largest: float = ROW[2]) -> Plan:
    """Return the matrix above, the curves below, each as wide as the column."""
    rows, columns, most = max(len(queries), 1), max(len(keys), 1), max(len(queries), len(keys), 1)
    query_column, key_column = _widest(queries), _widest(keys)
    side = query_column + GAP * 0.6 + (LOST if lost else 0.0)
    over = max(
        (lettering.width(key, TYPE[1]) * 0.71 - (columns - at) * 4.0 for at, key in enumerate(_labels(keys))), default=0.0
    )
    cell = min(largest, (total_width - side - max(0.0, over)) / columns)
    row = max(ROW[0], min(max(cell, ROW[1]), 0.5 * TALLEST / rows))
    curve_row = max(ROW[0], min(ROW[2] * 0.8, max(row, ROW[1]), 0.5 * TALLEST / most))
    top = HEADER + _rise(keys)
    below = top + rows * row + 2.4 * GAP
    return Plan(
        width=total_width, height=below + most * curve_row, x=side, y=top, cell=cell, row=row,
        size=min(_size(row), _size(curve_row)), label=max(query_column, key_column),
        query_x=side - 0.6 * GAP, lost_x=LOST - 4.0, curves_y=below, curve_row=curve_row,
        curve_query_x=query_column, left=query_column + 0.6 * GAP, right=total_width - key_column - 0.6 * GAP,
        key_x=total_width - key_column,
        every_row=_every(min(row, curve_row)), every_column=_every(min(cell, row * 1.5)),
    )  # fmt: skip


def _matrix(queries: Sequence[Label], keys: Sequence[Label], total_width: float, lost: bool) -> Plan:
    """Return the matrix with its row and column words, as wide as it needs to be."""
    found = _narrow(queries, keys, total_width, lost, ALONE)
    slanted = (
        (lettering.width(key, TYPE[1]) + found.size) * 0.71 + (at + 0.5) * found.cell + 0.3 * found.size
        for at, key in enumerate(_labels(keys))
    )
    rise = _rise(keys)
    wide = found.x + max(len(keys) * found.cell, *slanted, 0.0) + 2.0
    return replace(found, width=min(wide, total_width), y=rise, curves_y=rise, height=rise + len(queries) * found.row + 2.0)


def _curves(queries: Sequence[Label], keys: Sequence[Label], total_width: float) -> Plan:
    """Return the curves with the words on both sides."""
    found = _narrow(queries, keys, total_width, False)
    tall = found.curve_row * max(len(queries), len(keys), 1)
    right = min(found.right, found.left + CURVES[1])
    wide = right + 0.6 * GAP + _widest(keys)
    return replace(found, width=wide, y=GAP, curves_y=GAP, height=GAP + tall + 2.0, right=right, key_x=right + 0.6 * GAP)


def _labels(texts: Sequence[Label]) -> list[str]:
    """Return labels as they are drawn."""
    return [lettering.label(text, mark, LABEL, TYPE[1]) for text, mark in texts]


def _widest(texts: Sequence[Label]) -> float:
    """Return the width of a column of labels; bold type is wider."""
    return max(34.0, *(lettering.width(text, TYPE[1], bold=True) for text in _labels(texts)), 0.0) + 3.0


def _rise(keys: Sequence[Label]) -> float:
    """Return the height of slanted labels."""
    widest = max((lettering.width(text, TYPE[1], bold=True) for text in _labels(keys)), default=0.0)
    return widest * math.sin(math.radians(ANGLE)) + TYPE[1] + 6.0


def _size(row: float) -> float:
    """Return the font size that fits a row."""
    return max(TYPE[0], min(TYPE[1], 0.72 * row))


def _every(step: float) -> int:
    """Return n if every n-th label has room."""
    return max(1, math.ceil(1.16 * _size(step) / step))
