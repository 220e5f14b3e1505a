"""The pictures of all steps of one head as figures with data."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.figures.page_figure import WHOLE, Cell, FigureSource, PageFigure, Table, Word
from attnviz.lessons import template
from attnviz.pages.inside import analysis, lesson, values
from attnviz.pages.inside.analysis import StepPicture
from attnviz.pages.inside.lesson import Step

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

COLOURS = {
    "vectors": ("Green is above 0, purple below 0. Each row has its own colour scale.",),
    "sums": ("Green is above 0, purple below 0. All rows share one colour scale.",),
}


def figures(source: FigureSource, one: HeadSteps, at: int) -> list[PageFigure]:
    """Return the picture of every step for the token at `at`."""
    return [_step(source, one, at, step) for step in lesson.steps(one.family, first=one.head.layer == 0)]


def _step(source: FigureSource, one: HeadSteps, at: int, step: Step) -> PageFigure:
    """Return one step; its picture is computed when it is drawn."""
    labels, best = [token.text for token in one.tokens], analysis.best_key(one, at)

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector.placing import Frame
        from attnviz.pages.inside import step_print

        picture = analysis.picture(one, at, step.id)
        notes = COLOURS.get(picture.kind, ())
        frame = Frame(step.name, f"{source.card.name}: {source.text}", notes, "", part == WHOLE, coded)
        return step_print.drawing(picture, labels, at, best, frame)

    numbers = values.sentence(one, at, step.id)
    says = template.fill(step.picture, numbers).replace("*", "").replace("`", "")
    facts = {"step": step.id, "token": labels[at], "place": at}
    return PageFigure(
        f"inside-{step.id}", step.name, f"{step.name}, for “{labels[at]}”: {says}", source, drawing,
        lambda: _table(analysis.picture(one, at, step.id), labels), facts=facts,
    )  # fmt: skip


def _table(picture: StepPicture, labels: list[str]) -> Table:
    """Return the numbers of a picture: a row for each token or for each place of the vectors."""
    if picture.kind == "seen":
        allowed = picture.rows[0][1]
        rows = tuple((Word(q, labels[q]), Word(k, labels[k]), bool(open_)) for (q, k), open_ in np.ndenumerate(allowed))
        return Table(("query", "key", "visible"), rows)
    names, columns = tuple(name for name, _ in picture.rows), [list(row) for _, row in picture.rows]
    if picture.kind in COLOURS:
        places: list[Cell] = list(range(max(map(len, columns))))
        return Table(("place", *names), tuple(zip(places, *_filled(columns), strict=True)))
    tokens: list[Cell] = [Word(place, label) for place, label in enumerate(labels)]
    return Table(("token", *names), tuple(zip(tokens, *columns, strict=True)))


def _filled(columns: list[list]) -> list[tuple]:
    """Return columns of one length, the shorter ones with None at their ends."""
    return list(zip(*zip_longest(*columns), strict=True))
