"""Where words look and what is handed over to them, on made traces whose numbers are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.pages.places.analysis import contributions, nearby_shares, value_shares
from attnviz.types import AttentionRequest, HeadRef, Token

REQUEST = AttentionRequest("made", "a b c d e")


def tokens(words: str, special: str = "") -> tuple[Token, ...]:
    """One token a letter; those in `special` were added by the model."""
    made, at = [], 0
    for place, letter in enumerate(words):
        alone = letter in special
        made.append(Token(letter, letter, at, at + (not alone), None if alone else place))
        at += 0 if alone else 2
    return tuple(made)


def trace(words: str, *layers: np.ndarray, special: str = "") -> Trace:
    side = tokens(words, special)
    return Trace(REQUEST, (Block("self", side, side, tuple(Dense(layer.astype(np.float32)) for layer in layers)),))


def test_shares_are_those_of_a_row_by_distance():
    row = np.array([0.1, 0.2, 0.3, 0.15, 0.05, 0.2])  # from the middle word of C a b c d e: to C, a, b, itself, d, e
    weights = np.tile(np.full(6, 1 / 6), (1, 6, 1))
    weights[0, 3] = row
    found = nearby_shares(trace("Cabcde", weights, special="C"))
    assert found is not None
    # Four even rows, a sixth to each place; words within two: a has 2, b 3, d 3, e 2; next to: a 1, b 2, d 2, e 1.
    rest = 5 - 0.1 - 4 / 6  # of five rows, what does not go to C
    assert found.resting == pytest.approx((0.1 + 4 / 6) / 5)
    assert found.near == pytest.approx((0.2 + 0.3 + 0.05 + 0.2 + (2 + 3 + 3 + 2) / 6) / rest)
    assert found.next_to == pytest.approx((0.3 + 0.05 + (1 + 2 + 2 + 1) / 6) / rest)
    assert found.itself == pytest.approx((0.15 + 4 / 6) / rest)
    assert found.itself + found.near + found.far == pytest.approx(1.0)
    # Of five words each row could look at, C left out: four rows have 5 / 6 to give, the middle one 0.9.
    assert found.even == pytest.approx((5 / 6 * (2 + 3 + 3 + 2) / 5 + 0.9 * 4 / 5) / rest)
    assert (found.heads, found.words) == (1, 5)


def test_what_goes_to_resting_places_does_not_make_nearby_words_get_little():
    # Of C a b c d: seven tenths of every row rest, two go to a word next to it, one to the word itself.
    rows = [[1, 0, 0, 0, 0], [0.7, 0.1, 0.2, 0, 0], [0.7, 0.2, 0.1, 0, 0], [0.7, 0, 0.2, 0.1, 0], [0.7, 0, 0, 0.2, 0.1]]
    found = nearby_shares(trace("Cabcd", np.array([rows]), special="C"))
    assert found is not None
    assert found.resting == pytest.approx(0.7)
    assert found.near == pytest.approx(2 / 3)  # 0.2 of 0.3 in every row
    assert found.even == pytest.approx((2 + 3 + 3 + 2) / 4 / 4)
    assert found.near > found.even  # though 0.2 of all is less than the half that uniform attention over everything would give


def test_the_nearest_head_is_named_and_those_above_half_are_counted():
    even, ahead = np.full((6, 6), 1 / 6), np.roll(np.eye(6), 1, 1)
    found = nearby_shares(trace("abcdef", np.stack([even, even]), np.stack([even, ahead])))
    assert found is not None
    assert found.nearest == HeadRef(1, 1)
    assert found.most == pytest.approx(5 / 6)  # the last word looks back at the first, which is far
    assert (found.near_heads, found.heads) == (1, 4)


def test_in_a_causal_model_the_first_token_rests_and_the_first_word_has_no_choice():
    weights = np.tril(np.ones((1, 5, 5))) / np.arange(1, 6)[:, None]
    found = nearby_shares(trace("abcde", weights))
    assert found is not None
    assert found.words == 4
    rest = 4 - (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5)
    assert found.resting == pytest.approx((4 - rest) / 4)
    assert found.near == pytest.approx((1 / 3 + 2 / 4 + 2 / 5) / rest)  # b has only itself and the first
    assert found.far == pytest.approx(1 / 5 / rest)  # e to b
    assert found.even == pytest.approx(found.near)  # only what can be seen counts


def test_one_word_has_no_neighbour():
    assert nearby_shares(trace("Ca", np.full((1, 2, 2), 0.5), special="C")) is None
    assert nearby_shares(trace("ab", np.array([[[1, 0], [0.5, 0.5]]]))) is None  # b sees the resting place and itself


def test_contributions_are_weights_times_lengths():
    weights = np.array([[[0.8, 0.2]]], np.float32)
    values = np.array([[[0.1, 0.0], [0.0, 1.2]]], np.float32)
    assert contributions(weights, values)[0, 0] == pytest.approx([0.08 / 0.32, 0.24 / 0.32])


def call(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> Projections:
    return Projections(*(one.astype(np.float32) for one in (query, key, value)), 1.0, False, query.astype(np.float32))


def test_a_resting_place_with_a_short_value_hands_over_little():
    # One head; keys are such that each row gives e^s shares: 0.8 to C and 0.1 to each of two words.
    query = np.ones((1, 3, 1))
    key = np.log(np.array([[[0.8], [0.1], [0.1]]]))
    value = np.array([[[0.05], [1.0], [-1.0]]])
    side = tokens("Cab", "C")
    made = Trace(REQUEST, (Block("self", side, side, (call(query, key, value),)),))
    found = value_shares(made)
    assert found is not None
    assert found.resting == pytest.approx(0.8)
    assert found.handed == pytest.approx(0.04 / 0.24)
    assert (found.same, found.rows) == (0, 2)
    # The mix is 0.04; uniform attention would give 0.05 / 3: a change of (0.04 - 0.05 / 3) / 0.04.
    assert found.changed == found.least == pytest.approx((0.04 - 0.05 / 3) / 0.04, rel=1e-4)
    assert found.idle == HeadRef(0, 0)


def test_heads_that_share_values_are_each_compared_with_them():
    random = np.random.default_rng(3)
    query, key, value = random.normal(size=(4, 3, 2)), random.normal(size=(2, 3, 2)), random.normal(size=(2, 3, 2))
    side = tokens("Cab", "C")
    made = Trace(REQUEST, (Block("self", side, side, (call(query, key, value),)),))
    found = value_shares(made)
    assert found is not None
    given = []
    for head in range(4):
        weights = made.weights(0, head)
        lengths = np.linalg.norm(value[head // 2], axis=-1)
        given += [float(weights[row, 0] * lengths[0] / (weights[row] * lengths).sum()) for row in (1, 2)]
    assert found.handed == pytest.approx(np.mean(given), rel=1e-4)
    assert found.rows == 8


def test_without_values_or_resting_places_there_is_nothing_to_compare():
    assert value_shares(trace("Cab", np.full((1, 3, 3), 1 / 3), special="C")) is None
    side = tokens("abc")
    made = Block("self", side, side, (call(np.ones((1, 3, 1)), np.ones((1, 3, 1)), np.ones((1, 3, 1))),))
    assert value_shares(Trace(REQUEST, (made,))) is None
