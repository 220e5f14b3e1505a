"""A matrix of weights, or of differences, as a figure of a page: matrix and curves, or one of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from attnviz.analysis.compare import Difference
from attnviz.figures import encoding
from attnviz.figures.page_figure import HEAD_PARTS, FigureSource, PageFigure, Table, Word
from attnviz.types import Pattern

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

MATRIX = "Row: the word that looks (query). Column: the word it looks at (key)."


def head_figure(
    id: str,
    name: str,
    says: str,
    source: FigureSource,
    pattern: Pattern | Difference,
    *,
    rows: tuple[int, ...] = (),
    unseen: Bool[np.ndarray, "query key"] | None = None,
    facts: Mapping[str, Any] | None = None,
    most: float = 1.0,
) -> PageFigure:
    """Return the figure of a pattern or a difference; `rows` are highlighted, `unseen` are cells that cannot be looked at."""

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import head

        line = f"{source.card.name}: {source.text}" if source.text else source.card.name
        return head.drawing(head.HeadPicture(pattern, name, line, "light", rows, coded, most, unseen), part=part)

    return PageFigure(
        id,
        name,
        " ".join([says, MATRIX, *(_strongest(pattern, row) for row in rows)]),
        source,
        drawing,
        lambda: matrix_table(pattern),
        HEAD_PARTS,
        dict(facts or {}),
    )


def _strongest(pattern: Pattern | Difference, row: int) -> str:
    """Return the largest number of a row in a sentence."""
    key = int(np.argmax(np.abs(pattern.weights[row])))
    query, looked_at, value = encoding.label(pattern.queries[row]), encoding.label(pattern.keys[key]), pattern.weights[row, key]
    if isinstance(pattern, Difference):
        return f"The largest change of “{query}” is at “{looked_at}”: {encoding.signed(value)}."
    return f"“{query}” looks most at “{looked_at}”, {encoding.three(value)}."


def matrix_table(pattern: Pattern | Difference) -> Table:
    """Return a row for each weight: query, key, and the weight or the difference."""
    value = "difference" if isinstance(pattern, Difference) else "weight"
    rows = (
        (Word(q, query), Word(k, key), pattern.weights[q, k])
        for q, query in enumerate(pattern.queries)
        for k, key in enumerate(pattern.keys)
    )
    return Table(("query", "key", value), tuple(rows))
