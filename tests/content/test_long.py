"""Every claim about a prepared long text, held against the real model."""

from __future__ import annotations

import re

import numpy as np
import pytest

import attnviz
from attnviz.analysis import view
from attnviz.engine.trace import Trace
from attnviz.lessons.examples import Span
from attnviz.lessons.long import LongText, long_texts
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions

pytestmark = pytest.mark.slow
NEAR = 0.005  # what three digits round away, and what another machine's sums may differ by


def weights(trace: Trace, source: Span, finds: Span) -> dict[HeadRef, float]:
    """What every head gives the word at `finds` (summed over its pieces) from the word at `selected` (their mean)."""
    queries, keys = ([i for i, t in enumerate(trace.tokens) if a <= t.start < b] for a, b in (source, finds))
    layers = (trace.weights(layer) for layer in range(trace.layers))
    found = np.stack([layer[:, queries][:, :, keys].sum(-1).mean(-1) for layer in layers])
    return {HeadRef(layer, head): float(found[layer, head]) for layer, head in np.ndindex(found.shape)}


@pytest.mark.parametrize("one", long_texts(), ids=lambda one: one.id)
def test_every_far_link_is_real_and_the_one_that_opens_is_the_strongest_of_its_row(one: LongText):
    trace = attnviz.attend(one.text, one.model)
    for claim in one.claims:
        found = weights(trace, claim.selected, claim.finds)
        assert found[claim.head] == pytest.approx(claim.weight, abs=NEAR), claim
        if claim.most:
            assert max(found.values()) == found[claim.head], claim

    pattern = view.pattern(trace, one.head, ViewOptions())
    row, key = (
        next(i for i, u in enumerate(pattern.query_units) if u.start == place[0]) for place in (one.selected, one.finds)
    )
    assert int(np.argmax(pattern.weights[row])) == key
    assert row - key > 500


def test_the_definition_is_as_many_words_before_as_the_note_says():
    contract = long_texts()[0]
    between = contract.text[contract.finds[0] : contract.selected[0]]
    stated = re.search(r"(\d+) words earlier", contract.note)
    assert stated is not None
    assert int(stated[1]) == len(between.split())
