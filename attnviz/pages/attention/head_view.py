"""One head in one run of the page: each of its patterns is computed once and handed on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attnviz.analysis import view
from attnviz.engine.trace import Trace
from attnviz.types import HeadRef, Pattern
from attnviz.view_state import TokenSelection, ViewOptions


@dataclass(frozen=True, eq=False)
class HeadView:
    """One head of a trace under the reader's options, with the selected words."""

    trace: Trace
    head: HeadRef
    options: ViewOptions
    focus: TokenSelection | None = None

    @cached_property
    def pattern(self) -> Pattern:
        """The head as it is shown."""
        return view.pattern(self.trace, self.head, self.options)

    @cached_property
    def unfiltered(self) -> Pattern:
        """All weights of the head: sentences about a head leave no filtered weight out."""
        if self.options == self.options.unfiltered:
            return self.pattern
        return view.pattern(self.trace, self.head, self.options.unfiltered)

    @property
    def selected_rows(self) -> tuple[int, ...]:
        """The rows of the selected words in the pattern that is shown."""
        return selected_rows(self.pattern, self.focus)


def selected_rows(pattern: Pattern, focus: TokenSelection | None) -> tuple[int, ...]:
    """Return the rows of the selected words, without those that the pattern lacks; none where columns are selected."""
    if focus is None or focus.side != "query":
        return ()
    found = (_row(pattern, one) for one in (focus, *focus.also))
    return tuple(dict.fromkeys(row for row in found if row is not None))


def _row(pattern: Pattern, focus: TokenSelection) -> int | None:
    """Return the row of one selected word, None if the pattern lacks it."""
    for row, unit in enumerate(pattern.query_units):
        if unit.special == focus.special and unit.segment == focus.segment:
            inside = (
                unit.tokens[0] == focus.start if unit.special else unit.start <= focus.start < max(unit.end, unit.start + 1)
            )
            if inside:
                return row
    return None


def strongest_row(pattern: Pattern) -> int:
    """Return the row of the strongest link between two different words: the page describes it while no word is selected."""
    weights = pattern.weights.copy()
    weights[[unit.special for unit in pattern.query_units]] = 0.0
    weights[:, [unit.special for unit in pattern.key_units]] = 0.0
    if pattern.query_units == pattern.key_units:
        np.fill_diagonal(weights, 0.0)
    return int(np.argmax(weights if weights.any() else pattern.weights)) // max(len(pattern.keys), 1)
