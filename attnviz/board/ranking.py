"""A ranking of heads as JSON for the map and the list of heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from attnviz.analysis.link_ranking import LinkScore, Order
from attnviz.analysis.link_rows import LinkRow
from attnviz.types import HeadRef

BEST, BEST_OF_DEEP, DEEP = 8, 14, 14  # heads in the list: BEST, or BEST_OF_DEEP beside a map of DEEP layers or more
ROWS = 6  # links whose rows are drawn
FEW, SHORT = 2, 3  # of more than FEW links, only SHORT keys of each row are drawn


def to_json(
    ranking: Sequence[LinkScore], counts: Sequence[int], chosen: HeadRef, rows: Sequence[LinkRow], drawn: int = 0,
    order: Order = "weight",
) -> dict[str, Any]:  # fmt: skip
    """Return the JSON of a ranking on as many links as there are `rows`, out of the `drawn` ones.

    Numbers are not rounded here: 0.24954, to four digits and then to three, would be 0.249. `counts` says how many heads
    each layer has; `rows` are where the sources look in the chosen head; `order` is what heads are ranked by.
    """
    weights: list[list[float]] = [[0.0] * count for count in counts]
    margins: list[list[float]] = [[0.0] * count for count in counts]
    everywhere = [[0] * count for count in counts]
    for one in ranking:
        weights[one.layer][one.head] = one.weight
        margins[one.layer][one.head] = one.margin
        everywhere[one.layer][one.head] = int(one.everywhere)
    this = next((one for one in ranking if (one.layer, one.head) == (chosen.layer, chosen.head)), ranking[0])
    return {
        "counts": list(counts),
        "weights": weights,
        "margins": margins,
        "everywhere": everywhere,
        "order": order,
        "best": [asdict(one) for one in ranking[: BEST_OF_DEEP if len(counts) > DEEP else BEST]],
        "chosen": [this.layer, this.head],
        "summary": {**asdict(this), "count": len(ranking), "links": len(rows), "drawn": max(drawn, len(rows))},
        "rows": [_row(one, len(one.places) if len(rows) <= FEW else SHORT) for one in rows[:ROWS]],
        "more": max(0, len(rows) - ROWS),
    }


def _row(row: LinkRow, limit: int) -> dict[str, Any]:
    """Return where one source looks: at most `limit` keys, including the target, and the sum of all others."""
    others = [place for place in row.places if place.kind != "target"][: limit - 1]
    places = [place for place in row.places if place.kind == "target" or place in others]
    rest = row.rest + sum(place.weight for place in row.places) - sum(place.weight for place in places)
    return {**asdict(row), "places": [asdict(place) for place in places], "rest": max(0.0, rest)}
