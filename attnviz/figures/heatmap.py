"""A plotly heatmap of a Pattern: rows are queries, columns are keys, colour is weight on a fixed scale from 0 to 1.

The figure contains the exact float32 weights; the curve of the colour scale is in its stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from attnviz.errors import BadInputError
from attnviz.figures import encoding, marks
from attnviz.figures.geometry import LABELLED, Geometry
from attnviz.types import Pattern

if TYPE_CHECKING:
    import plotly.graph_objects as go

RowSelection = int | Sequence[int] | None  # the rows of the selected words
CONFIG = {"displayModeBar": False, "displaylogo": False, "responsive": True, "doubleClick": "reset", "scrollZoom": False}
READING = "Row: the word that looks (query). Column: the word it looks at (key)"
NUMBER_CELL = 28  # pixels that a cell needs before a number fits
HOVERED = 10_000  # cells up to which shortened labels are shown in full on hover
STOPS = 16  # colour stops between two colours of a ramp: plotly's straight lines then follow the curve within one step of 255


def figure(pattern: Pattern, theme: str = "light", *, selected_rows: RowSelection = None, title: str = "") -> go.Figure:
    """Return a head's heatmap in one theme; `selected_rows` outlines rows and writes their numbers, `title` is at the top left.

    Rows may be any queries; only if `pattern.causal` is set, row i is taken for key i and what comes after it is blank.
    The page shows how to read it, in text that wraps: `reading`. Cells that a causal head cannot see and cells that a filter
    leaves out are blank, not coloured as 0. Raises BadInputError for a row that does not exist.
    """
    rows = _rows(pattern, selected_rows)
    geometry = Geometry.of(*_labels(pattern), title, column=bool(pattern.hidden.any()))
    drawn = marks.frame(pattern, geometry, theme, title=title, selected_rows=rows)
    if not pattern.weights.size:
        return drawn.figure()
    blank = unseen(pattern)
    z = np.where(blank | left_out(pattern), np.float32(np.nan), pattern.weights)
    _add_cells(drawn, pattern, z, geometry, colorscale(theme))
    marks.add_blank(drawn, blank, theme)
    marks.add_legend(drawn, encoding.theme(theme).sequential, encoding.LEGEND, theme)
    if geometry.column:
        marks.add_column(drawn, "hidden", [encoding.percent(share) for share in pattern.hidden], theme)
    for q in rows:
        if geometry.cell >= NUMBER_CELL:
            row = enumerate(pattern.weights[q].tolist())
            cells = [(q, k, encoding.three(w), encoding.weight_colour(w, theme)) for k, w in row if w >= encoding.WRITTEN_FROM]
            marks.add_texts(drawn, cells, 0.34 * geometry.cell)
        marks.outline_row(drawn, pattern, q, geometry, theme)
    return drawn.figure()


def height(pattern: Pattern) -> str:
    """Return the height of the figure as CSS, in a container of any width: if it is narrow, cells are smaller.

    Its cells are square, so a constant height would leave empty space above them.
    """
    geometry = Geometry.of(*_labels(pattern), column=bool(pattern.hidden.any()))
    if not geometry.labelled or not pattern.weights.size:
        return f"{geometry.height}px"
    rows, columns = pattern.weights.shape
    around, beside = geometry.top + geometry.bottom, geometry.left + geometry.right
    return f"calc({around}px + {rows} * clamp(1px, (100cqw - {beside}px) / {columns}, {geometry.cell:g}px))"


def unseen(pattern: Pattern) -> Bool[np.ndarray, "query key"]:
    """Return which cells a causal head cannot see: above the diagonal, and exactly 0."""
    return np.triu(pattern.weights == 0.0, 1) & pattern.causal


def left_out(pattern: Pattern) -> Bool[np.ndarray, "query key"]:
    """Return which cells a filter leaves out: they are blank, because their weights are not 0 but hidden."""
    return (pattern.weights == 0.0) & (pattern.keep is not None) & ~unseen(pattern)


def reading(pattern: Pattern) -> list[str]:
    """Return lines on how to read the picture: rows, columns, and the meaning of marks, if any."""
    share = "1 less what is hidden" if pattern.hidden.any() else "1"
    return [f"{READING}. Each row sums to {share}.", *_marks(pattern)]


def _marks(pattern: Pattern) -> list[str]:
    """Return a line on the mark of unknown words, if there is one."""
    note = encoding.unread_note((*pattern.query_units, *pattern.key_units))
    return [note] if note else []


@cache
def colorscale(theme: str) -> tuple[tuple[float, str], ...]:
    """Return colour stops over weights 0..1 with which plotly's straight lines approximate ramp(weight ** 0.7)."""
    bent = np.linspace(0.0, 1.0, STOPS * (len(encoding.theme(theme).sequential) - 1) + 1)
    return tuple((w, encoding.weight_colour(w, theme)) for w in (bent ** (1.0 / encoding.EXPONENT)).tolist())


def description(pattern: Pattern, name: str = "") -> str:
    """Return the picture in words, for screen readers: size, then the strongest link of each row (of the first 40)."""
    rows, columns = pattern.weights.shape
    start = f"Attention of {name or 'one head'}: {_counted(rows, 'row', 'looks', 'look')} at {_counted(columns, 'column')}."
    if not pattern.weights.size:
        return start
    queries, keys = _full_labels(pattern)
    strongest = zip(queries[:LABELLED], pattern.weights.argmax(-1), pattern.weights.max(-1), strict=False)
    links = [
        f"{query} looks most at {keys[k]}, {encoding.three(weight)}" if weight else f"of {query} nothing is shown"
        for query, k, weight in strongest
    ]
    more = f" The other {rows - LABELLED} rows are left out here." if rows > LABELLED else ""
    return f"{start} {'; '.join(links)}.{more} {' '.join([*_marks(pattern), encoding.visible(pattern.note)])}".rstrip()


def _counted(count: int, noun: str, one: str = "", many: str = "") -> str:
    """Return `1 row looks` or `13 rows look`."""
    return f"{encoding.thousands(count)} {noun if count == 1 else noun + 's'} {one if count == 1 else many}".rstrip()


def _labels(pattern: Pattern) -> tuple[list[str], list[str]]:
    """Return the labels of rows and columns, each with its mark."""
    return encoding.labels(pattern.queries, pattern.query_units), encoding.labels(pattern.keys, pattern.key_units)


def _full_labels(pattern: Pattern) -> tuple[list[str], list[str]]:
    """Return the same labels in full."""
    return encoding.labels(pattern.queries, pattern.query_units, None), encoding.labels(pattern.keys, pattern.key_units, None)


def _rows(pattern: Pattern, selected_rows: RowSelection) -> tuple[int, ...]:
    """Return the selected rows as a tuple. Raises BadInputError for a row that the pattern does not have."""
    rows = () if selected_rows is None else (selected_rows,) if isinstance(selected_rows, int) else tuple(selected_rows)
    for row in rows:
        if not 0 <= row < len(pattern.queries):
            raise BadInputError(f"This pattern has rows 0 to {len(pattern.queries) - 1}; there is no row {row} to select.")
    return rows


def _add_cells(
    drawn: marks.FigureDraft,
    pattern: Pattern,
    z: Float[np.ndarray, "query key"],
    geometry: Geometry,
    scale: Sequence[tuple[float, str]],
) -> None:
    """Add the cells, each with its link and value on hover; NaN is left blank."""
    full = _full_links(pattern)
    link = encoding.link("%{y}", "%{x}") if full is None else "%{customdata}"
    drawn.data.append(
        {
            "type": "heatmap",
            **marks.axis_positions(*z.shape),
            "z": z,
            "zmin": 0.0,
            "zmax": 1.0,
            "colorscale": scale,
            "showscale": False,
            "xgap": geometry.gap,
            "ygap": geometry.gap,
            "customdata": full,
            "hovertemplate": f"{link} %{{z:.3f}}<extra></extra>",
            "hoverongaps": False,
        }
    )


def _full_links(pattern: Pattern) -> np.ndarray | None:
    """Return `query → key` for every cell, if a label was shortened and the picture is small enough for them."""
    if pattern.weights.size > HOVERED or all(len(text) <= encoding.LABEL for text in pattern.queries + pattern.keys):
        return None
    queries, keys = ([marks.escaped(text) for text in side] for side in _full_labels(pattern))
    return np.array([[encoding.link(query, key) for key in keys] for query in queries])
