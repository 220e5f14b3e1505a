"""Where the source of a link looks in one head: by hand, on a text whose first word is two pieces."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis.link_rows import link_rows
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, UnknownHeadError
from attnviz.types import AttentionRequest, HeadRef, Link, Token
from tests.toy_texts import CATS, CATS_SAW_IT, IT, SAW

# "cats saw it now": cats is two pieces.
TOKENS = (
    *CATS_SAW_IT,
    Token("now", "now", 12, 15, 3),
    Token("[SEP]", "[SEP]", 15, 15, None),
)


def traced(**rows: list[float]) -> Trace:
    """One head in which some tokens look as given, and all others at [CLS] alone."""
    weights = np.zeros((1, 7, 7), np.float32)
    weights[0, :, 0] = 1.0
    names = [token.text for token in TOKENS]
    for name, row in rows.items():
        weights[0, names.index(name)] = row
    return Trace(AttentionRequest("made", "cats saw it now"), (Block("self", TOKENS, TOKENS, (Dense(weights),)),))


def test_the_target_is_among_the_strongest_places_with_its_pieces_summed():
    #                  [CLS]  cat   s     saw   it    now   [SEP]
    trace = traced(it=[0.50, 0.10, 0.05, 0.20, 0.08, 0.06, 0.01])
    (look,) = link_rows(trace, HeadRef(0, 0), [Link(IT, CATS)])
    assert (look.source, look.target, look.first) == ("it", "cats", False)
    assert [(p.text, p.kind, round(p.weight, 3)) for p in look.places] == [
        ("[CLS]", "special", 0.5), ("saw", "word", 0.2), ("cats", "target", 0.15), ("it", "source", 0.08), ("now", "word", 0.06)
    ]  # fmt: skip
    assert look.rest == pytest.approx(0.01, abs=1e-6)


def test_a_weak_target_is_listed_too_and_special_tokens_do_not_count_against_it():
    trace = traced(
        it=[0.30, 0.00, 0.02, 0.20, 0.28, 0.15, 0.05],
        cat=[0.60, 0.0, 0.0, 0.20, 0.10, 0.10, 0.0],
        s=[0.20, 0.0, 0.0, 0.40, 0.20, 0.20, 0.0],
    )
    weak, strong = link_rows(trace, HeadRef(0, 0), [Link(IT, CATS), Link(CATS, SAW)])
    assert weak.places[-1].text == "cats"
    assert len(weak.places) == 5
    assert not weak.first
    assert strong.first, "[CLS] gets more, but is no word"
    assert strong.places[0].text == "[CLS]"
    assert strong.places[1].weight == pytest.approx(0.30)  # the mean over both pieces of the source


def test_beside_the_target_stands_what_the_other_words_give_it():
    trace = traced(
        it=[0.50, 0.10, 0.10, 0.20, 0.10, 0.00, 0.00],
        saw=[0.60, 0.10, 0.10, 0.10, 0.10, 0.00, 0.00],
        now=[0.90, 0.05, 0.00, 0.05, 0.00, 0.00, 0.00],
    )
    (look,) = link_rows(trace, HeadRef(0, 0), [Link(IT, CATS)])
    assert (look.n, look.looking) == (2, 1)  # saw gives 0.2, now 0.05; half of 0.2 is 0.1
    assert look.others == pytest.approx(0.125)


def test_a_tie_is_a_miss():
    trace = traced(it=[0.40, 0.10, 0.10, 0.20, 0.10, 0.10, 0.00])
    assert not link_rows(trace, HeadRef(0, 0), [Link(IT, CATS)])[0].first


def test_a_part_of_a_word_is_named_by_the_word_and_weighed_by_itself():
    trace = traced(it=[0.50, 0.10, 0.05, 0.20, 0.08, 0.06, 0.01])
    (look,) = link_rows(trace, HeadRef(0, 0), [Link(IT, (3, 4))])
    target = next(place for place in look.places if place.kind == "target")
    assert (target.text, round(target.weight, 3)) == ("cats", 0.05)
    assert sum(place.text == "cats" for place in look.places) == 1


def test_a_head_that_the_model_does_not_have_is_refused():
    for head in (HeadRef(0, 1), HeadRef(1, 0)):
        with pytest.raises(UnknownHeadError, match="there is no"):
            link_rows(traced(), head, [Link(IT, CATS)])


def test_a_place_without_a_token_is_refused():
    with pytest.raises(BadInputError, match="No token starts"):
        link_rows(traced(), HeadRef(0, 0), [Link(IT, (1, 2))])
