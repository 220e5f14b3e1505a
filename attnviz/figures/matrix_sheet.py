"""The matrix of a worksheet: every word has its name, and no cell has its number."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from attnviz.analysis import questions
from attnviz.analysis.row_stats import units_of
from attnviz.figures import encoding, html_matrix
from attnviz.types import Pattern

READING = "A row is a word that looks, a column is what it looks at: the stronger the colour of a cell, the larger the weight."
WIDE = 300  # pixels that the cells of a matrix take, where they need not be smaller to fit the paper or larger to have names
SMALLEST, LARGEST = 11, 24  # pixels a cell


def matrix(pattern: Pattern, alt: str, wide: int = WIDE) -> str:
    """Return the matrix of a pattern as HTML, about `wide` pixels wide."""
    queries, keys = units_of(pattern)
    return cells(pattern.weights, questions.names(queries), questions.names(keys), alt, wide)


def row(pattern: Pattern, at: int, alt: str) -> str:
    """Return one row of a pattern as HTML."""
    queries, keys = units_of(pattern)
    return cells(pattern.weights[at : at + 1], questions.names(queries)[at : at + 1], questions.names(keys), alt, 520)


def cells(
    weights: Float[np.ndarray, "row column"], rows: tuple[str, ...], columns: tuple[str, ...], alt: str, wide: int = WIDE
) -> str:
    """Return any weights from 0 to 1 with the names of their rows and columns as HTML."""
    cell = min(LARGEST, max(SMALLEST, wide // max(len(columns), 1)))
    drawn = html_matrix.drawn(
        lambda theme: encoding.weight_rgb(weights, theme), encoding.LIVE.name, rows, columns, None, alt,
        crowded=max(len(rows), len(columns)), cell=cell,
    )  # fmt: skip
    return f"<style>{html_matrix.CSS}</style>{drawn}"
