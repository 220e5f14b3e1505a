"""A ranking of heads, the chosen one and its rows in; what the map and the list of heads are drawn from, as JSON, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from attnviz.analysis.links import Ranked
from attnviz.analysis.looks import Look
from attnviz.types import HeadRef

BEST = 8  # heads in the list
ROWS = 6  # links whose rows are drawn


def found(
    ranking: Sequence[Ranked], counts: Sequence[int], chosen: HeadRef, rows: Sequence[Look], links: int
) -> dict[str, Any]:
    """All that is shown of a ranking on `links` links, numbers to four digits.

    `counts` says how many heads each layer has; `rows` are where the sources look in the chosen head.
    """
    weights: list[list[float]] = [[0.0] * count for count in counts]
    margins: list[list[float]] = [[0.0] * count for count in counts]
    for one in ranking:
        weights[one.layer][one.head] = round(one.weight, 4)
        margins[one.layer][one.head] = round(one.margin, 4)
    this = next((one for one in ranking if (one.layer, one.head) == (chosen.layer, chosen.head)), ranking[0])
    return {
        "counts": list(counts),
        "weights": weights,
        "margins": margins,
        "best": [_rounded(one) for one in ranking[:BEST]],
        "chosen": [this.layer, this.head],
        "summary": {**_rounded(this), "count": len(ranking), "links": links},
        "rows": [_row(one) for one in rows[:ROWS]],
        "more": max(0, len(rows) - ROWS),
    }


def _rounded(one: Ranked) -> dict[str, Any]:
    """One line of a ranking."""
    return {**asdict(one), "weight": round(one.weight, 4), "margin": round(one.margin, 4)}


def _row(look: Look) -> dict[str, Any]:
    """Where one source looks."""
    places = [{**asdict(place), "weight": round(place.weight, 4)} for place in look.places]
    return {**asdict(look), "places": places, "rest": round(look.rest, 4)}
