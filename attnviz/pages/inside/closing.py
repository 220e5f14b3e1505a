"""Say at the end of the steps why the token looks most where it looks, with the numbers of all steps."""

from __future__ import annotations

import numpy as np

from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.inside import analysis, lesson, values
from attnviz.ui import widgets


def title(one: HeadSteps, at: int) -> str:
    """Return the question that the steps have answered."""
    return _filled("title", one, at)


def text(one: HeadSteps, at: int) -> str:
    """Return the answer as Markdown: the fit of query and key, the share, the part of the mix, and what follows."""
    best = analysis.best_key(one, at)
    if int(analysis.visible(one, at).sum()) < 2:
        return _filled("alone", one, at)
    is_largest = analysis.largest_contributor(one, at) == best
    parts = ["best", "adds_same" if is_largest else "adds_other", "end_self" if best == at else "end"]
    if one.tokens[best].special or (one.causal and best == 0):
        parts.insert(2, "sink")
    return " ".join(_filled(part, one, at) for part in parts)


def _filled(part: str, one: HeadSteps, at: int) -> str:
    """Return one sentence of the closing with its numbers."""
    row = np.where(analysis.visible(one, at), one.masked[at], -np.inf)
    best, after = analysis.best_key(one, at), int(np.argsort(-row, kind="stable")[min(1, len(row) - 1)])
    numbers = values.sentence(one, at, "added") | {
        "next": values.name(one, after), "weight": encoding.three(one.weights[at, best])
    }  # fmt: skip
    return template.fill(lesson.content()["closing"][part], {name: widgets.plain(value) for name, value in numbers.items()})
