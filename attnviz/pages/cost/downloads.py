"""The pictures of Cost as figures with data: the measured curves with their slopes, and the tile on screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attnviz.engine.trace import Trace
from attnviz.figures.page_figure import WHOLE, FigureSource, PageFigure, Table, Word
from attnviz.pages.cost import current_run, growth, lesson, tile_figure, tiles
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.pages.cost.slopes import slope_text
from attnviz.pages.cost.tiles import TileView

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

CURVES = {"seconds": ("time", "Time by length"), "peak_bytes": ("memory", "Memory by length")}
GUIDES = "Dotted: linear and quadratic growth, no measurements. Slope 1: twice the length costs twice as much; 2: four times."
LEGEND = "Filled: the current tile. Grey: earlier tiles. Orange: the row whose numbers are followed."


def figures(source: FigureSource, trace: Trace) -> list[PageFigure]:
    """Return the curves, once there are measurements, and the tile on screen, where this model and text have tiles."""
    report, shown = current_run.current_reports()[0], tiles.on_screen(trace)
    curves = [_curve(source, report, cost) for cost in CURVES] if report is not None and report.found else []
    return [*curves, *([_tile(source, shown)] if shown is not None else [])]


def _curve(source: FigureSource, report: BenchmarkReport, cost: str) -> PageFigure:
    """Return one curve for each algorithm, with its slope."""
    id, title = CURVES[cost]
    names, plan = lesson.names(), report.plan
    fits = {one: fit for one in names if (fit := growth.fit_algorithm(report.found, one, cost)) is not None}

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector.placing import Frame
        from attnviz.pages.cost import curve_print

        line = f"A layer of {plan.heads} heads of {plan.dim} numbers, random vectors"
        frame = Frame(title, line, (GUIDES,), "", part == WHOLE, coded)
        return curve_print.drawing(report.found, cost, plan.lengths, names, fits, frame)

    def table() -> Table:
        rows = []
        for one in report.found:
            fit = fits.get(one.algorithm)
            slope = (None,) * 4 if fit is None else (fit.slope, fit.low, fit.high, len(fit.lengths))
            rows.append((names[one.algorithm], one.tokens, getattr(one, cost), *slope))
        return Table(("algorithm", "tokens", cost, "slope", "slope low", "slope high", "fitted lengths"), tuple(rows))

    slopes = "; ".join(f"{names[one]}: {slope_text(fit)}" for one, fit in fits.items())
    grown = f" Fitted slopes with 95 % intervals: {slopes}." if fits else ""
    says = (
        f"{title}: one attention layer of {plan.heads} heads of {plan.dim} numbers, median of {algorithms.RUNS} runs on random "
        f"vectors on one machine.{grown} {GUIDES}"
    )
    facts = {
        "heads": plan.heads,
        "dim": plan.dim,
        "longest": plan.longest,
        "runs": algorithms.RUNS,
        "overloaded": report.overloaded,
    }
    everywhere = replace(source, text="", text_b=None, digest="", head=None)
    return PageFigure(f"cost-{id}", title, says, everywhere, drawing, table, facts=facts)


def _tile(source: FigureSource, shown: TileView) -> PageFigure:
    """Return the matrix with its tiles at the step on screen."""
    found, labels, step, at = shown.found, shown.queries, shown.step, shown.at

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector.placing import Frame
        from attnviz.pages.cost import tile_print

        title = f"Tile {step + 1} of {len(found.tiles)}"
        frame = Frame(title, f"{source.card.name}: {source.text}", (LEGEND,), "", part == WHOLE, coded)
        return tile_print.drawing(found, labels, step, at, frame)

    def table() -> Table:
        now, rows = found.tiles[step], []
        for (row, key), score in np.ndenumerate(now.scores):
            q, k = now.rows.start + row, now.keys.start + key
            grown, weight = float(now.exponentials[row, key]), float(found.weights[q, k])
            rows.append((Word(q, labels[q]), Word(k, shown.keys[k]), float(score), grown, weight))
        return Table(("query", "key", "score", "exp(score - largest so far)", "weight"), tuple(rows))

    says = f"Attention in tiles. {tile_figure.describe(found, step, at)} {LEGEND}"
    facts = {"side": found.side, "tile": step, "row": at}
    return PageFigure("tiles", "One tile of the matrix", says, source, drawing, table, facts=facts)
