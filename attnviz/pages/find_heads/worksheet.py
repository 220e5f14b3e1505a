"""The worksheet of Find heads: the map of all heads for the links on screen, and questions on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attnviz.analysis import questions
from attnviz.analysis.link_ranking import LinkScore
from attnviz.engine.trace import Trace
from attnviz.figures.matrix_sheet import cells
from attnviz.figures.worksheet import Picture, Sheet
from attnviz.models import catalog
from attnviz.types import Link

TITLE = "Which head does it?"
READING = (
    "A cell is a head: its layer is the row, its number the column. The stronger its colour, the more weight it gives the link."
)


def sheet(trace: Trace, links: Sequence[Link], ranked: Sequence[LinkScore], block: str) -> Sheet:
    """Return the sheet on all heads, ranked by how much they follow the links."""
    layers, heads = (max(places) + 1 for places in zip(*((one.layer, one.head) for one in ranked), strict=True))
    weights = np.zeros((layers, heads), np.float32)
    for one in ranked:
        weights[one.layer, one.head] = one.weight
    text = trace.request.text
    named = [f"“{text[slice(*link.source)]}” to “{text[slice(*link.target)]}”" for link in links]
    link = (
        f"the link from {named[0]}" if len(named) == 1 else f"the {len(named)} links (the first: from {named[0]}), on average,"
    )
    rows, columns = (tuple(f"{sign}{at}" for at in range(count)) for sign, count in (("L", layers), ("H", heads)))
    return Sheet(
        TITLE, f"{catalog.card(trace.request.model).name}, {len(ranked)} heads: {link}", (text,),
        (Picture(cells(weights, rows, columns, "The weight of the link in every head")),),
        questions.about_ranking(ranked, link, len(trace.block(block).keys)), READING,
    )  # fmt: skip
