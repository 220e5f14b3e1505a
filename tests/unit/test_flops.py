"""Cost on paper, worked out by hand on small sizes and for 128,000 tokens, and held against the tiles and bytes that are."""

from __future__ import annotations

import pytest
import torch

from attnviz.engine import attention
from attnviz.errors import BadInputError
from attnviz.pages.cost import flops
from attnviz.pages.cost.bench import algorithms, peak_memory, tiled
from attnviz.pages.cost.flops import LONG, LayerSizes

SMALL = LayerSizes(heads=4, dim=3, groups=2)  # width 12, 6 numbers of keys a token
SMOLLM2 = LayerSizes(heads=9, dim=64, groups=3)


def test_the_matrix_of_ten_tokens():
    found = flops.matrix(10, SMALL)

    assert found.products == 4800  # 10 x 10 pairs, 4 heads, 2 x 3 for the score and 2 x 3 for the value
    assert found.other_operations == 2000  # 400 weights, 5 operations each
    assert found.operations == 6800
    assert found.peak_bytes == 3200  # 400 scores and 400 weights of 4 bytes
    assert found.bytes_moved == 4 * (4 * 400 + 10 * 12 + 2 * 10 * 6 + 10 * 12)  # matrices, queries, keys and values, answer
    assert found.sequential_steps == 1


def test_tiles_of_ten_tokens():
    found = flops.tiled(10, SMALL, rows=4, keys=8)

    assert found.products == 4800  # nothing is hidden: the same pairs
    # 400 pairs, 4 each; 10 rows x 4 heads x 2 tiles, 5 + 2 x 3 each; 120 numbers divided at the end
    assert found.other_operations == 1600 + 80 * 11 + 120
    # The answer; scores and weights of 4 rows and 8 keys; two numbers and a mix a row, before the tile and after it.
    assert found.peak_bytes == 4 * (120 + 4 * 4 * (2 * 8 + 2 * (2 + 3)))
    assert found.bytes_moved == 4 * (
        2 * 120 + 3 * 2 * 10 * 6
    )  # queries and answer once, all keys and values in each of 3 blocks
    assert found.sequential_steps == 2


def test_tiles_that_a_causal_mask_hides_cost_nothing():
    # Blocks of 4, 4 and 2 rows see keys 0-3, 0-7 and 0-9: in tiles of 4 that are 4, 8 and 10 keys.
    assert flops.tile_spans(10, causal=True, rows=4, keys=4) == ((4, 4, 1), (4, 8, 2), (2, 10, 3))
    assert flops.tiled(10, SMALL, causal=True, rows=4, keys=4).products == 12 * 4 * (4 * 4 + 4 * 8 + 2 * 10)


def test_a_window_covers_the_tiles_around_it():
    # Window of 3: rows 0-3 see keys 0-5, rows 4-7 see 2-9, rows 8-9 see 6-9; tiles of 4 keys.
    assert flops.tile_spans(10, window=3, rows=4, keys=4) == ((4, 8, 2), (4, 10, 3), (2, 6, 2))
    assert flops.tile_spans(10, window=3, causal=True, rows=4, keys=4) == ((4, 4, 1), (4, 8, 2), (2, 6, 2))


@pytest.mark.parametrize("tokens", [1, 5, 23, 64])
@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": 6}, {"window": 6, "causal": True}, {"window": 1}])
def test_the_pairs_on_paper_are_those_of_the_tiles_themselves(tokens: int, options: dict):
    random_inputs = (torch.zeros(4, tokens, 3), torch.zeros(2, tokens, 3), torch.zeros(2, tokens, 3))

    real = list(tiled.tiles(*random_inputs, scale=1.0, rows=5, keys=7, **options))

    assert flops.tiled(tokens, SMALL, rows=5, keys=7, **options).products == sum(tile.scores.numel() for tile in real) * 4 * 3
    spans = flops.tile_spans(tokens, rows=5, keys=7, **options)
    assert sum(count for _, _, count in spans) == len(real)
    assert sum(width for _, width, _ in spans) == sum(len(tile.keys) for tile in real)


def test_the_estimated_bytes_are_really_allocated():
    random_inputs = (torch.randn(4, 200, 3), torch.randn(2, 200, 3), torch.randn(2, 200, 3))

    matrix = peak_memory.peak_bytes(
        lambda: attention.mix(attention.weights(*random_inputs[:2], scale=1.0), random_inputs[2]), random_inputs
    )
    tiles = peak_memory.peak_bytes(lambda: tiled.mix(*random_inputs, scale=1.0), random_inputs)

    assert 1 <= matrix / flops.matrix(200, SMALL).peak_bytes <= 1.01  # a maximum for each row beside the two matrices
    assert 1 <= tiles / flops.tiled(200, SMALL).peak_bytes <= 1.02  # two more numbers a row on the way to a new sum


def test_a_recurrent_network_of_ten_tokens():
    found = flops.recurrent(10, SMALL)

    assert found.products == 10 * 2 * 2 * 144  # two matrices of 12 x 12, a multiplication and an addition a number
    assert found.other_operations == 10 * 3 * 12
    assert found.peak_bytes == 4 * (120 + 24)
    assert found.bytes_moved == 4 * (240 + 288)
    assert found.sequential_steps == 10


def test_a_long_text_on_paper():
    # 128,000 squared is 16,384,000,000 pairs; smollm2 has 9 heads of 64 numbers in each of 30 layers.
    whole = flops.matrix(LONG, SMOLLM2)
    assert whole.products == 37_748_736_000_000  # 16,384,000,000 x 4 x 576
    assert whole.peak_bytes == 1_179_648_000_000  # 16,384,000,000 x 9 x 2 x 4 bytes: 1.2 terabytes, for one layer

    tiles = flops.tiled(LONG, SMOLLM2)
    assert tiles.products == whole.products
    assert tiles.peak_bytes == 4 * (
        73_728_000 + 9 * 128 * 2 * (128 + 2 + 64)
    )  # 128,000 x 576 numbers, and a tile: 297 megabytes
    assert flops.fused(LONG, SMOLLM2).peak_bytes == 4 * 128_000 * (576 + 9)
    assert flops.fused(LONG, SMOLLM2).products == whole.products

    # 1,000 blocks of 128 rows: the first sees one tile of 128 keys, the last 1,000 of them.
    assert flops.tiled(LONG, SMOLLM2, causal=True).products == 128 * 128 * (1000 * 1001 // 2) * 4 * 576
    # A window of 512 reaches 4 tiles back, and the row's own: 5; the first 4 blocks have 1 to 4.
    assert flops.windowed(LONG, SMOLLM2, 512).products == 128 * 128 * (10 + 996 * 5) * 4 * 576
    assert flops.recurrent(LONG, SMOLLM2).products == 169_869_312_000  # 128,000 x 4 x 576 x 576
    assert flops.recurrent(LONG, SMOLLM2).sequential_steps == 128_000


def test_keys_and_values_remembered_are_a_third_with_three_groups_for_nine_heads():
    assert (
        flops.kv_cache_bytes(LONG, SMOLLM2, 30) == 5_898_240_000
    )  # keys and values, 128,000 x 192 numbers, 4 bytes, 30 layers
    assert flops.kv_cache_bytes(LONG, LayerSizes(9, 64, 9), 30) == 3 * 5_898_240_000


def test_pairs_cost_as_much_as_projections_where_it_says():
    assert flops.projections(10, SMALL) == 2 * 10 * (12 * 12 + 2 * 12 * 6 + 12 * 12)
    for layer in (SMALL, SMOLLM2, LayerSizes(12, 32, 12)):
        length = flops.break_even_length(layer)
        assert flops.matrix(length, layer).products == flops.projections(length, layer)
    assert flops.break_even_length(SMOLLM2) == flops.break_even_length(LayerSizes(12, 32, 12)) == 768


def test_each_way_that_is_measured_has_its_cost_on_paper():
    whole = flops.matrix(300, SMALL)
    assert flops.estimate("matrix", 300, SMALL) == whole
    assert flops.estimate("window", 300, SMALL) == flops.tiled(300, SMALL, window=algorithms.WINDOW)
    assert flops.estimate("fused", 300, SMALL).products == flops.estimate("tiled", 300, SMALL).products == whole.products
    assert flops.estimate("recurrent", 300, SMALL).sequential_steps == 300
    assert all(flops.estimate(algorithm, 300, SMALL).peak_bytes > 0 for algorithm in algorithms.ALGORITHMS)
    with pytest.raises(BadInputError, match="'magic'"):
        flops.estimate("magic", 300, SMALL)
