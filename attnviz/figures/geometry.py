"""The sizes of a heatmap in pixels: cells, room for labels, width and height."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

LABELLED = 40  # rows or columns up to which every one is labelled; beyond, plotly labels fewer, and readers can zoom in
LARGEST, LARGEST_CELL = 720.0, 30.0  # of the cells together, and of one
READING = 360  # space for the lines that explain how to read the picture
HEAD = 32  # a title
FOOT = 76  # the legend, and a line below it
BOLD = 1.12  # how much wider bold type is
COLUMN = 42  # the column of hidden shares


@dataclass(frozen=True)
class Geometry:
    """Sizes of one heatmap, in pixels. `cell` is the edge of a square cell, or a row's height if cells are not square."""

    cell: float
    font: int
    slanted: bool
    labelled: bool
    left: int
    right: int
    top: int
    bottom: int
    column: int
    width: int
    height: int

    @property
    def gap(self) -> int:
        """Pixels of background between two cells; none if cells are too small."""
        return 1 if self.cell >= 8 else 0

    @classmethod
    def of(cls, queries: Sequence[str], keys: Sequence[str], title: str = "", *, column: bool = False) -> Geometry:
        """Return the sizes for these labels.

        Keys are on top, horizontal if the longest fits its cell, or else slanted.
        """
        rows, columns = max(len(queries), 1), max(len(keys), 1)
        labelled = max(rows, columns) <= LABELLED
        cell = min(LARGEST_CELL, LARGEST / max(rows, columns)) if labelled else min(LARGEST_CELL, LARGEST / rows)
        across = cell if labelled else min(LARGEST_CELL, LARGEST / columns)
        font = 13 if cell >= 20 else 11
        widths = [pixels(text, font) for text in keys] or [0.0]
        slanted = max(widths) > across - 2 or not labelled
        rise = (max(widths) * BOLD + font) * 0.71 if slanted else font + 4  # sine of 45°
        reach = [place * across + across / 2 + width * BOLD * 0.71 for place, width in enumerate(widths)]
        overhang = max(reach) - columns * across if slanted else 0
        room = COLUMN if column and labelled else 0
        left = int(max((pixels(text, font) for text in queries), default=0) * BOLD) + room + 16
        right, top = int(max(12, overhang + 4)), int((HEAD if title else 0) + rise + 12)
        needed = max(left + READING, pixels(title, 16) * BOLD)
        right += int(max(0, needed - left - right - columns * across))
        size = {"width": int(left + right + columns * across), "height": int(top + FOOT + rows * cell)}
        return cls(cell, font, slanted, labelled, left, right, top, FOOT, room, **size)


def pixels(text: str, size: int) -> float:
    """Return the estimated width of a text in the interface's font of `size` pixels, rounded up so that nothing is cut."""
    return size * sum(map(_em, text), 0.0)


def _em(char: str) -> float:
    """Return the estimated width of one character, in ems."""
    if unicodedata.combining(char) or char in "\u200d\ufe0f":
        return 0.0
    if unicodedata.east_asian_width(char) in "WF" or ord(char) > 0x1F000:
        return 1.05
    if char in "ijl.,:;'|!()[]tfr I":
        return 0.4
    return 0.95 if char in "mwMW@%…" else 0.72 if char.isupper() else 0.6
