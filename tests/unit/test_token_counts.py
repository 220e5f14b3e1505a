"""Tokens of pictures, sounds, films and proteins, and what attention over them costs, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis import token_counts
from attnviz.analysis.token_counts import TextSizes
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, Token


def test_tokens_are_those_that_the_papers_count():
    assert token_counts.image(224, 224, 16) == 196  # 14 x 14
    assert token_counts.image(100, 60, 16) == 18  # 6 x 3, the rest of both sides cut away
    assert token_counts.sound(30) == 1500
    assert token_counts.video(4, 8, 224, 224, 16, 2) == 3136  # 16 x 14 x 14
    assert token_counts.video(1, 5, 32, 32, 16, 2) == 8  # 2 x 2 x 2, the fifth frame left over
    assert token_counts.protein(350) == 352


@pytest.mark.parametrize(
    "asked",
    [
        lambda: token_counts.image(0, 4, 2), lambda: token_counts.image(4, 4, 0), lambda: token_counts.sound(0),
        lambda: token_counts.video(1, 0, 4, 4, 2, 1), lambda: token_counts.protein(0),
    ],
)  # fmt: skip
def test_nothing_at_all_is_refused(asked):
    with pytest.raises(BadInputError, match="Enter a larger number"):
        asked()


def test_self_attention_is_counted_matrix_by_matrix():
    cost = token_counts.attention(3, 5)
    assert (cost.pairs, cost.stored) == (9, 36)
    assert cost.mixing == 3 * 3 * 5 + 3 * 3 * 5  # scores, then mixes
    assert cost.projecting == 4 * 3 * 5 * 5  # queries, keys, values and outputs
    assert cost.work == 390
    assert cost.share == pytest.approx(90 / (90 + 12 * 3 * 25))


def test_cross_attention_projects_keys_and_values_of_the_other_text():
    cost = token_counts.attention(3, 5, 7)
    assert cost.pairs == 21
    assert cost.projecting == 2 * 3 * 25 + 2 * 7 * 25
    assert cost.mixing == 2 * 21 * 5


def test_half_of_a_layer_is_reached_at_the_stated_place():
    assert token_counts.attention(token_counts.level(11), 11).share == pytest.approx(0.5)


def test_a_recurrent_layer_has_two_matrices_a_token():
    assert token_counts.recurrent(3, 5) == 2 * 3 * 25


def test_the_sizes_of_a_trace_count_grouped_keys_once():
    tokens = tuple(Token(str(i), str(i), i, i + 1, i) for i in range(3))
    query, shared = np.zeros((4, 3, 5), np.float32), np.zeros((2, 3, 5), np.float32)
    call = Projections(query, shared, shared, 1.0, False, query)
    dense = Dense(np.full((4, 3, 3), 1 / 3, np.float32))
    request = AttentionRequest("made", "012")
    assert token_counts.sizes(Trace(request, (Block("self", tokens, tokens, (call,)),))) == TextSizes(3, 20, 20)
    assert token_counts.sizes(Trace(request, (Block("self", tokens, tokens, (dense,)),))) == TextSizes(3, 256, 512)
