"""How often heads are right, as a figure of a page: rates, intervals, baselines, and every count as data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from attnviz.figures import evidence
from attnviz.figures.page_figure import WHOLE, FigureSource, PageFigure, Table
from attnviz.types import Evidence

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

COLUMNS = (
    "row", "hits", "n", "sentences", "rate", "interval low", "interval high", "baseline", "baseline rate", "ceiling",
    "scheme", "texts",
)  # fmt: skip


def rates_figure(
    id: str,
    name: str,
    says: str,
    source: FigureSource,
    rows: Sequence[tuple[str, Evidence]],
    names: Mapping[str, str] = evidence.NAMES,
    doubted: Collection[str] = (),
) -> PageFigure:
    """Return the figure of rates; `doubted` are rows whose lead is not significant."""

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import intervals
        from attnviz.figures.vector.placing import Frame

        notes = (evidence.reading(rows, names),)
        frame = Frame(name, source.card.name, notes, evidence.description(rows, names, doubted), part == WHOLE, coded)
        return intervals.drawing(rows, frame, names, doubted)

    def table() -> Table:
        return Table(
            COLUMNS,
            tuple(
                (
                    label, one.hits, one.n, one.groups, one.rate, *one.interval, names.get(one.baseline[0], one.baseline[0]),
                    one.baseline[1], one.ceiling, one.scheme, one.source,
                )
                for label, one in rows
            ),
        )  # fmt: skip

    cited = tuple(dict.fromkeys(one.source for _, one in rows if one.n))
    return PageFigure(
        id, name, f"{says} {evidence.description(rows, names, doubted)}.", source, drawing, table, data_sets=cited
    )  # fmt: skip
