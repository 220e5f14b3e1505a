"""A head tile by tile: each number of a row by hand, and the end the same as with the whole matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attnviz.engine.layers import Dense, Projections
from attnviz.errors import NoAttentionError
from attnviz.pages.cost.bench.tile_trace import trace_tiles

CLOSE = 1e-6


def layer(n: int, causal: bool = False, **more: np.ndarray) -> Projections:
    """4 heads in 2 groups, 6 numbers a key, 5 a value."""
    chance = np.random.default_rng(3)
    query, key, value = (chance.normal(size=shape).astype(np.float32) for shape in ((4, n, 6), (2, n, 6), (2, n, 5)))
    return Projections(query, key, value, 0.4, causal, None, **more)


def test_the_numbers_of_a_row_by_hand():
    # Scores of the second query: log 2, log 6, log 12; values 1, 2, 10; tiles of 2.
    query = np.array([[[0.0], [1.0], [0.0]]], np.float32)
    key = np.log(np.array([[[2.0], [6.0], [12.0]]], np.float32))
    value = np.array([[[1.0], [2.0], [10.0]]], np.float32)
    found = trace_tiles(Projections(query, key, value, 1.0, False, None), 0, side=2, most=9)

    assert [(one.rows, one.keys) for one in found.tiles] == [
        (range(2), range(2)), (range(2), range(2, 3)), (range(2, 3), range(2)), (range(2, 3), range(2, 3)),
    ]  # fmt: skip
    first, second = found.row(1)
    assert (first.step, second.step) == (0, 1)
    assert first.scores == pytest.approx((math.log(2), math.log(6)), abs=CLOSE)
    assert first.maximum == (-np.inf, pytest.approx(math.log(6), abs=CLOSE))
    assert (first.rescale, first.added, first.total) == (0.0, pytest.approx(4 / 3), (0.0, pytest.approx(4 / 3)))
    assert first.error == pytest.approx(6.7 - 1.75, abs=1e-5)
    # What was is worth half, and the new largest adds 1: 2/3 + 1.
    assert (second.rescale, second.added) == (pytest.approx(1 / 2), pytest.approx(1.0))
    assert second.total == (pytest.approx(4 / 3), pytest.approx(5 / 3))
    assert second.error == 0
    assert found.tiles[0].exponentials[1] == pytest.approx([2 / 6, 1])
    assert found.weights[1] == pytest.approx([0.1, 0.3, 0.6])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("head", [0, 3])
def test_tiles_end_where_the_whole_matrix_does(head: int, causal: bool):
    call = layer(11, causal=causal)
    found = trace_tiles(call, head, side=4, most=99)

    assert found.difference < CLOSE
    assert found.weights == pytest.approx(call.weights(slice(head, head + 1))[0], abs=CLOSE)
    assert len(found.tiles) == (6 if causal else 9)
    for at in range(11):
        rows = found.row(at)
        assert rows[-1].error == 0
        last = found.tiles[rows[-1].step]
        assert last.output[at - last.rows.start] == pytest.approx(call.mixed(slice(head, head + 1))[0, at], abs=CLOSE)
        for row in rows:
            assert row.total[1] == pytest.approx(row.total[0] * row.rescale + row.added, rel=1e-5)


def test_masks_and_biases_count_and_a_long_text_is_cut():
    chance = np.random.default_rng(5)
    mask, bias = chance.random((11, 11)) > 0.3, chance.normal(size=(4, 11, 11)).astype(np.float32)
    mask[2, :4] = False  # a row whose first tile is hidden
    mask[2, 5] = True
    call = layer(11, mask=mask, bias=bias)

    found = trace_tiles(call, 2, side=4, most=99)

    assert found.weights == pytest.approx(call.weights(slice(2, 3))[0], abs=CLOSE)
    assert found.difference < CLOSE
    first = found.row(2)[0]
    assert (first.maximum[1], first.total[1], first.added) == (-np.inf, 0, 0)
    cut = trace_tiles(call, 2, side=4, most=6)
    assert cut.weights.shape == (6, 6)
    assert cut.weights == pytest.approx(exact(call, 2, 6), abs=CLOSE)


def test_one_text_may_look_at_another():
    chance = np.random.default_rng(3)
    query, key, value = (chance.normal(size=shape).astype(np.float32) for shape in ((2, 5, 6), (2, 9, 6), (2, 9, 5)))
    found = trace_tiles(Projections(query, key, value, 0.4, False, None), 1, side=4, most=99)
    assert found.weights.shape == (5, 9)
    assert [len(one.keys) for one in found.tiles] == [4, 4, 1, 4, 4, 1]


def exact(call: Projections, head: int, n: int) -> np.ndarray:
    """Softmax of the first tokens among themselves, in float64."""
    assert call.mask is not None
    assert call.bias is not None
    scores = 0.4 * call.query[head, :n].astype(float) @ call.key[head // 2, :n].T + call.bias[head, :n, :n]
    grown = np.exp(np.where(call.mask[:n, :n], scores, -np.inf))
    return grown / grown.sum(-1, keepdims=True)


def test_what_has_no_tiles_is_refused():
    with pytest.raises(NoAttentionError, match="only weights"):
        trace_tiles(Dense(np.full((2, 3, 3), 1 / 3, np.float32)), 0, 2, 9)
    with pytest.raises(NoAttentionError, match="learned sink"):
        trace_tiles(layer(5, sinks=np.zeros(4, np.float32)), 0, 2, 9)
