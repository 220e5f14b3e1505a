"""The pictures of a sentence's grammar as figures with data: arcs, relations here, and the best heads on test texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.figures.page_figure import WHOLE, FigureSource, PageFigure, Table, Word
from attnviz.figures.rates_figure import rates_figure
from attnviz.linguistics import claims, head_predictions
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.head_predictions import Outcome, RelationCount
from attnviz.linguistics.relations import SCHEMES, relation
from attnviz.pages.syntax import view
from attnviz.pages.syntax.parsed_links import DIRECTIONS, SentenceLinks

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing
    from attnviz.pages.syntax.arc_figure import ArcDiagram

READING = (
    "Above: links, from head to dependent. Below: each word looks most at the other word; solid with a check if right, dashed "
    "with a cross if not, dots where the right word comes later. Thicker is more attention."
)


def figures(source: FigureSource, links: SentenceLinks, found: tuple[Outcome, ...]) -> list[PageFigure]:
    """Return the figures of a sentence and one head, in the direction on screen."""
    direction, diagram = view.direction(), view.diagram(links, found)
    counts = head_predictions.counts(found)
    facts = {"links": SCHEMES[links.scheme], "direction": DIRECTIONS[direction]}
    return [
        _arcs(source, diagram, links, found, facts),
        *([_relations(source, counts, facts)] if counts else []),
        *_best(source, counts, links.scheme, direction),
    ]


def _arcs(
    source: FigureSource, diagram: ArcDiagram, links: SentenceLinks, found: Sequence[Outcome], facts: dict[str, str]
) -> PageFigure:
    """Return the arcs, with every link as data."""
    hits, n = sum(one.state == head_predictions.HIT for one in found), sum(one.counts for one in found)

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector.placing import Frame
        from attnviz.pages.syntax import arc_print

        name = f"{encoding.head_name(source.head)}: {hits} of {n} links" if source.head else f"{hits} of {n} links"
        line = f"{source.card.name}: {source.text}"
        return arc_print.drawing(diagram, Frame(name, line, (READING,), diagram.description, part == WHOLE, coded))

    def table() -> Table:
        words = links.words
        rows = (
            (
                Word(one.source, words[one.source]), Word(one.target, words[one.target]), one.link.kind,
                None if one.choice.word is None else Word(one.choice.word, words[one.choice.word]),
                one.choice.weight, one.state,
            )
            for one in found
        )  # fmt: skip
        return Table(("from", "should look at", "relation", "looks at", "weight", "verdict"), tuple(rows))

    says = (
        f"Grammatical links of a sentence, by {facts['links']}, and where one head looks: it is right on {hits} of {n} links."
    )
    return PageFigure("arcs", "Arcs", f"{says} {READING}", source, drawing, table, facts=facts)


def _relations(source: FigureSource, counts: Sequence[RelationCount], facts: dict[str, str]) -> PageFigure:
    """Return how many links of each relation the head gets right in this sentence."""
    names = tuple(one.relation for one in counts)

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import bars
        from attnviz.figures.vector.placing import Frame

        most, ramp = float(max(one.n for one in counts)), encoding.LIGHT.sequential
        series = tuple(
            bars.Series(name, tuple(map(float, values)), 0.0, most, lambda value: f"{value:.0f}", ramp[step])
            for name, values, step in (("right", [one.hits for one in counts], 4), ("counted", [one.n for one in counts], 2))
        )
        line = f"{source.card.name}: {source.text}"
        return bars.drawing(names, series, Frame("Relations of this sentence", line, whole=part == WHOLE, coded=coded))

    rows = tuple((one.relation, one.hits, one.n, one.unseen) for one in counts)
    says = (
        "Links of each relation in this sentence that the head gets right, beside all that it could. One example is no proof."
    )
    return PageFigure(
        "relations", "Relations of this sentence", says, source, drawing,
        lambda: Table(("relation", "hits", "n", "not visible"), rows), facts=facts,
    )  # fmt: skip


def _best(source: FigureSource, counts: Sequence[RelationCount], scheme: str, direction: str) -> list[PageFigure]:
    """Return the rate of the best head of each of these relations on test texts; nothing for a model without measurements."""
    known = _atlas(source)
    if known is None:
        return []
    rows, doubted = [], []
    for count in counts:
        name = known.counting(relation(count.relation, scheme).counted)
        best = claims.best_head(known, name, direction) if name else None
        if best is not None:
            rows.append((f"{count.relation}, {best.head}", best.evidence))
            doubted += [] if best.beats else [rows[-1][0]]
    says = "The best head of each relation on annotated texts: chosen on one half of them, counted on the other."
    everywhere = FigureSource(source.card, "", None, known.header.digest)
    return [rates_figure("best-heads", "Best heads on test texts", says, everywhere, rows, doubted=doubted)] if rows else []


def _atlas(source: FigureSource) -> Atlas | None:
    """Return the measurements of the model, if there are any that can be read; the page says so where not."""
    try:
        return reader.shipped(source.card.id)
    except BadInputError:
        return None
