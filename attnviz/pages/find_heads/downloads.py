"""The pictures of Find heads as figures with data: heads on the reader's links, the claim, a habit and a probe of all heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attnviz.analysis.link_ranking import LinkScore
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.figures.page_figure import WHOLE, FigureSource, PageFigure, Table
from attnviz.figures.rates_figure import rates_figure
from attnviz.linguistics import claim_text, claims, habit_report, probe_report
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probes.habits import RENAMED
from attnviz.pages.find_heads import claim_tester, measure_view, view
from attnviz.types import HeadRef, HeadScores, Link

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

SHOWN = 20  # heads of the list that is drawn


def figures(source: FigureSource, trace: Trace, known: Atlas | None) -> list[PageFigure]:
    """Return the figures of the links on screen and, of a measured model, of the claim, the habit and the probe on screen."""
    found: list[PageFigure] = []
    followed = view.followed(trace)
    if followed:
        found += _links(source, followed, view.in_order(trace, followed))
    if known is not None and source.head is not None:
        measured = replace(source, text="", text_b=None, digest=known.header.digest)
        for part in (_claim, _habit, _probe):
            try:
                found.append(part(measured, known, source.head))
            except AttnvizError:  # a part that was not measured: the page says so
                continue
    return found


def _links(source: FigureSource, followed: Sequence[Link], ranked: Sequence[LinkScore]) -> list[PageFigure]:
    """Return the map of all heads and the list of the best ones."""
    names = [f"“{source.text[slice(*link.source)]}” → “{source.text[slice(*link.target)]}”" for link in followed]
    links, whole = encoding.label(", ".join(names), 200), replace(source, head=None)
    best = ranked[0]
    says = (
        f"How much every head follows {links}: {HeadRef(best.layer, best.head)} most, {encoding.three(best.weight)}. "
        f"The best of {len(ranked)} heads looks good by luck alone."
    )
    values = np.full((max(one.layer for one in ranked) + 1, max(one.head for one in ranked) + 1), np.nan, np.float32)
    for one in ranked:
        values[one.layer, one.head] = one.weight

    def table() -> Table:
        rows = (
            (one.rank, one.layer, one.head, one.weight, one.others, one.difference, one.margin, one.everywhere)
            for one in ranked
        )
        columns = ("rank", "layer", "head", "weight", "from other words", "difference", "margin", "looks there from everywhere")
        return Table(columns, tuple(rows))

    line = f"{source.card.name}: {source.text}"
    scores = HeadScores(f"weight of {links}", values, "", 0.0, 1.0)
    return [
        _map("links", "Map of all heads on the links", says, whole, scores, source.head, table, line),
        _list(says, whole, ranked, table, line, source.head),
    ]


def _list(
    says: str, source: FigureSource, ranked: Sequence[LinkScore], table: Callable[[], Table], line: str, chosen: HeadRef | None
) -> PageFigure:
    """Return the best heads as bars: their weight on the links, and what other words give the same targets."""
    best = ranked[:SHOWN]
    names = tuple(str(HeadRef(one.layer, one.head)) for one in best)

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import bars
        from attnviz.figures.vector.placing import Frame

        columns: list[tuple[str, list[float | None], int]] = [("weight on the links", [one.weight for one in best], 4)]
        if any(one.others is not None for one in best):
            columns.append(("from other words, on average", [one.others for one in best], 2))
        ramp = encoding.LIGHT.sequential
        series = tuple(
            bars.Series(name, tuple(values), 0.0, 1.0, encoding.three, ramp[step], "none") for name, values, step in columns
        )
        at = next((place for place, name in enumerate(names) if name == str(chosen)), None)
        return bars.drawing(names, series, Frame("Heads by the links", line, whole=part == WHOLE, coded=coded), at)

    more = f" The {len(best)} best are drawn; the data has all {len(ranked)}." if len(ranked) > len(best) else ""
    return PageFigure("ranking", "Ranking of heads on the links", f"{says}{more}", source, drawing, table)


def _claim(source: FigureSource, known: Atlas, head: HeadRef) -> PageFigure:
    """Return the rates of the claim on screen, with its sentence."""
    kind, direction = claim_tester.on_screen(known)
    claim, best = claims.claim(known, head, kind, direction), claims.best_head(known, kind, direction)
    rows, names, doubted = claim_tester.rates(claim, best)
    facts = {
        "relation": kind, "direction": direction, "rank": claim.rank, "heads": claim.heads, "p": claim.p,
        "p_corrected": claim.p_corrected, "lead_points": claim.points, "lead_interval": "{} to {}".format(*claim.interval),
    }  # fmt: skip
    found = rates_figure("claim", "The claim on many texts", claim_text.sentence(claim), source, rows, names, doubted)
    return replace(found, facts=facts)


def _habit(source: FigureSource, known: Atlas, head: HeadRef) -> PageFigure:
    """Return the map of the habit on screen."""
    found = {one.key: one for one in habit_report.results(known)}
    one = found[measure_view.picked("habit", found, RENAMED)]
    shuffled = None if one.shuffled is None else one.shuffled.values
    interval = "" if one.held_out is None else ", interval {:.3f} to {:.3f}".format(*one.held_out.interval)
    baseline = "" if one.baseline is None else f", baseline with the words shuffled {one.baseline:.3f}"
    says = (
        f"{one.name.capitalize()} of every head. {one.says} {one.head} has {'least' if one.least else 'most'}: "
        f"{one.value:.3f}{interval}{baseline}; n = {encoding.thousands(one.n)} {one.counted}."
    )

    def table() -> Table:
        rows = []
        for (layer, number), value in np.ndenumerate(one.scores.values):
            rows.append((layer, number, value, None if shuffled is None else shuffled[layer, number], one.n))
        return Table(("layer", "head", one.name, "baseline, words shuffled", "n"), tuple(rows))

    return _map(f"habit-{one.key}", f"Habit: {one.name}", says, replace(source, head=None), one.scores, head, table)


def _probe(source: FigureSource, known: Atlas, head: HeadRef) -> PageFigure:
    """Return the map of the probe on screen."""
    found = {one.key: one for one in probe_report.results(known)}
    one = found[measure_view.picked("probe", found)]
    low, high = one.interval(one.head)
    says = (
        f"{one.name.capitalize()} probe of every head. {one.says} {one.head} scores most: {one.at(one.head):.3f}, "
        f"interval {low:.3f} to {high:.3f}; a head that looks evenly at everything: {one.uniform:.3f}."
    )

    def table() -> Table:
        heads = [HeadRef(*place) for place in np.ndindex(*one.scores.values.shape)]
        rows = ((at.layer, at.head, one.at(at), *one.interval(at), one.uniform, one.sequences[1]) for at in heads)
        columns = ("layer", "head", one.name, "interval low", "interval high", "baseline, even attention", "n")
        return Table(columns, tuple(rows))

    return _map(f"probe-{one.key}", f"Probe: {one.name}", says, replace(source, head=None), one.scores, head, table)


def _map(
    id: str, name: str, says: str, source: FigureSource, scores: HeadScores, chosen: HeadRef | None,
    table: Callable[[], Table], line: str = "",
) -> PageFigure:  # fmt: skip
    """Return one number of every head as a map, the chosen head with a ring."""

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import head_map
        from attnviz.figures.vector.placing import Frame

        frame = Frame(name, line or source.card.name, (), "", part == WHOLE, coded)
        return head_map.drawing(scores, frame, chosen)

    return PageFigure(id, name, says, source, drawing, table)
