"""The candidate a head chooses, by hand: the mean over its pieces, the largest piece of a candidate, ties and late words."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis import link_ranking
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.pages.coreference.analysis import Antecedents, antecedents, wins
from attnviz.types import AttentionRequest, Token

# "Annabel met Ruth herself": Annabel is three pieces, herself two.
TOKENS = (
    Token("Ann", "Ann", 0, 3, 0),
    Token("a", "##a", 3, 4, 0),
    Token("bel", "##bel", 4, 7, 0),
    Token("met", "met", 8, 11, 1),
    Token("Ruth", "Ruth", 12, 16, 2),
    Token("her", "her", 17, 20, 3),
    Token("self", "##self", 20, 24, 3),
)
ANNABEL, MET, RUTH, HERSELF = (0, 7), (8, 11), (12, 16), (17, 24)
# What the two pieces of "herself" give the seven tokens in each of three heads.
HER = [[0.2, 0.2, 0.2, 0.0, 0.3, 0.1, 0.0], [0.1, 0.5, 0.1, 0.0, 0.2, 0.1, 0.0], [0.0, 0.4, 0.0, 0.2, 0.4, 0.0, 0.0]]
SELF = [[0.2, 0.2, 0.2, 0.0, 0.3, 0.1, 0.0], [0.1, 0.1, 0.1, 0.0, 0.4, 0.3, 0.0], [0.2, 0.2, 0.2, 0.2, 0.2, 0.0, 0.0]]


def traced(causal: bool = False) -> Trace:
    """One layer of three heads; every other row looks at its own token, or, where it may look forward, a little at "met"."""
    weights = np.zeros((3, 7, 7), np.float32)
    weights[:, range(7), range(7)] = 1.0
    weights[:, 5], weights[:, 6] = HER, SELF
    if not causal:
        weights[:, 0, [0, 3]] = 0.9, 0.1
    return Trace(AttentionRequest("made", "Annabel met Ruth herself"), (Block("self", TOKENS, TOKENS, (Dense(weights),)),))


def test_the_largest_piece_decides_and_the_pronouns_pieces_are_averaged():
    found = antecedents(traced(), HERSELF, (ANNABEL, RUTH))
    # Head 0: .2 each against .3. Head 1: the middle piece (.5 + .1) / 2 against (.2 + .4) / 2. Head 2: .3 against .3.
    np.testing.assert_allclose(found.peaks[0], [[0.2, 0.3], [0.3, 0.3], [0.3, 0.3]], atol=1e-7)
    assert found.late == ()


def test_a_sum_would_choose_the_long_name_and_the_maximum_does_not():
    division = link_ranking.candidate_shares(traced(), HERSELF, (ANNABEL, RUTH))
    assert division.values[0, 0, 0] > division.values[0, 0, 1]  # .6 against .3
    assert antecedents(traced(), HERSELF, (ANNABEL, RUTH)).hits(1)[0, 0]


def test_a_tie_is_a_miss_for_both_sides_and_every_other_candidate_counts():
    peaks = np.array([[[0.3, 0.3, 0.1], [0.4, 0.3, 0.5], [0.4, 0.3, 0.1]]], np.float32)
    found = Antecedents(peaks)
    assert found.hits(0).tolist() == [[False, False, True]]
    assert found.hits(1).tolist() == [[False, False, False]]
    assert found.hits(2).tolist() == [[False, True, False]]


def test_sums_and_largest_pieces_may_name_different_candidates():
    division = link_ranking.candidate_shares(traced(), HERSELF, (ANNABEL, RUTH))
    assert wins(division.values, 0)[0].tolist() == [True, True, True]  # .6, .6 and .5 against .3 each
    assert antecedents(traced(), HERSELF, (ANNABEL, RUTH)).hits(0)[0].tolist() == [False, False, False]


def test_a_head_that_a_layer_does_not_have_chooses_no_candidate():
    assert Antecedents(np.array([[[np.nan, np.nan]]], np.float32)).hits(0).tolist() == [[False]]


def test_a_candidate_after_the_pronoun_is_late_in_a_causal_model_only():
    assert antecedents(traced(causal=True), RUTH, (ANNABEL, HERSELF)).late == (1,)
    assert antecedents(traced(causal=True), HERSELF, (ANNABEL, RUTH)).late == ()
    assert antecedents(traced(), RUTH, (ANNABEL, HERSELF)).late == ()


def test_fewer_than_two_candidates_and_a_place_without_a_token_are_refused():
    with pytest.raises(BadInputError, match="at least two candidates; got 1"):
        antecedents(traced(), HERSELF, (RUTH,))
    with pytest.raises(BadInputError, match="No token starts"):
        antecedents(traced(), HERSELF, (RUTH, (7, 8)))
