"""The ways whose cost is measured: those that should give one answer do, and the figures are of what was run."""

from __future__ import annotations

import pytest
import torch

from attnviz.engine import attention
from attnviz.errors import BadInputError
from attnviz.pages.cost import flops
from attnviz.pages.cost.bench import algorithms, recurrent

CLOSE = 1e-6  # float32 rounds mixes of numbers near 1 at about 2e-7


def test_matrix_tiles_and_fused_kernel_give_one_answer():
    g = algorithms.random_inputs(77, heads=3, dim=5)

    wanted = algorithms.matrix(g)

    torch.testing.assert_close(algorithms.tiled_attention(g), wanted, atol=CLOSE, rtol=0)
    torch.testing.assert_close(algorithms.fused(g), wanted, atol=CLOSE, rtol=0)
    by_loops = torch.softmax(g.query[1] @ g.key[1].T / 5**0.5, -1) @ g.value[1]
    torch.testing.assert_close(wanted[1], by_loops, atol=CLOSE, rtol=0)


def test_the_window_is_the_plain_attention_with_far_keys_hidden(monkeypatch: pytest.MonkeyPatch):
    g = algorithms.random_inputs(77, heads=3, dim=5)
    monkeypatch.setattr(algorithms, "WINDOW", 9)

    near = attention.weights(g.query, g.key, scale=g.scale, mask=attention.near_mask(77, 77, 9))

    torch.testing.assert_close(algorithms.windowed(g), attention.mix(near, g.value), atol=CLOSE, rtol=0)


def test_the_recurrent_network_is_as_wide_as_all_heads():
    g = algorithms.random_inputs(7, heads=3, dim=5)

    found = algorithms.recurrent_network(g)

    assert found.shape == (7, 15)
    torch.testing.assert_close(found[-1], list(recurrent.iter_states(g.network, g.text))[-1])


def test_the_same_seed_gives_the_same_text():
    assert torch.equal(algorithms.random_inputs(7, 3, 5).query, algorithms.random_inputs(7, 3, 5).query)
    assert not torch.equal(algorithms.random_inputs(7, 3, 5).query, algorithms.random_inputs(7, 3, 5, seed=1).query)


@pytest.mark.parametrize("algorithm", algorithms.ALGORITHMS)
def test_each_way_is_measured_as_it_is_on_paper(algorithm: str):
    found = algorithms.measure(algorithm, 150, heads=3, dim=5)

    layer = flops.LayerSizes(heads=3, dim=5, groups=3)
    paper = {
        "matrix": flops.matrix(150, layer), "tiled": flops.tiled(150, layer), "fused": flops.fused(150, layer),
        "window": flops.windowed(150, layer, algorithms.WINDOW, causal=False), "recurrent": flops.recurrent(150, layer),
    }  # fmt: skip
    assert (found.algorithm, found.tokens) == (algorithm, 150)
    assert found.seconds > 0
    # The fused kernel keeps its numbers a row, 3 of 18 here, to itself. The distances that make a window's mask are whole
    # numbers of 8 bytes for each cell of a tile, once for all heads: much beside 3 heads, little beside 12.
    mask = 4 * 8 * 128 * 150 if algorithm == "window" else 0
    assert found.peak_bytes >= 0.8 * paper[algorithm].peak_bytes
    assert found.peak_bytes <= 1.03 * (paper[algorithm].peak_bytes + mask)


def test_unknown_ways_and_empty_texts_are_refused():
    with pytest.raises(BadInputError, match="'magic'"):
        algorithms.measure("magic", 10)
    with pytest.raises(BadInputError, match="at least one"):
        algorithms.measure("matrix", 0)
