"""Tiled attention against the plain one, and by hand: what is known after each tile, and how much memory it takes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from attnviz.engine import attention
from attnviz.errors import BadInputError
from attnviz.pages.cost.bench import peak_memory, tiled
from attnviz.pages.cost.growth import fit

CLOSE = 1e-6  # float32 rounds mixes of numbers near 1 at about 2e-7
NEVER = float("-inf")


def drawn(queries: int, keys: int, seed: int = 4, loud: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """4 heads in 2 groups, 6 numbers a key, 5 a value."""
    chance = torch.Generator().manual_seed(seed)
    shapes = ((4, queries, 6), (2, keys, 6), (2, keys, 5))
    query, key, value = (torch.randn(shape, generator=chance) for shape in shapes)
    return query * loud, key, value


def plain(query: Tensor, key: Tensor, value: Tensor, **options: object) -> Tensor:
    return attention.mix(attention.weights(query, key, scale=0.4, **options), value)  # type: ignore[arg-type]


def equal(found: Tensor, wanted: Tensor | list, atol: float = CLOSE) -> None:
    torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=found.dtype), atol=atol, rtol=0)


def test_the_running_maximum_sum_and_mix_after_each_tile_by_hand():
    # 1 head, 1 query, 3 keys in tiles of 2: scores log 2, log 6 and then log 12; values 1, 2 and 10.
    query, key = torch.tensor([[[1.0]]]), torch.log(torch.tensor([[[2.0], [6.0], [12.0]]]))
    value = torch.tensor([[[1.0], [2.0], [10.0]]])

    one, two = tiled.tiles(query, key, value, scale=1.0, rows=1, keys=2)

    # After two keys: maximum log 6; 2/6 + 6/6 = 4/3; 2/6 * 1 + 6/6 * 2 = 7/3; so far 7/4.
    equal(one.maximum, [[math.log(6)]])
    equal(one.total, [[4 / 3]])
    equal(one.mixed, [[[7 / 3]]])
    equal(one.output, [[[7 / 4]]])
    assert (one.rows, one.keys, one.first, one.last) == (range(1), range(2), True, False)
    # After the third: maximum log 12, what was is worth half: 2/3 + 1 = 5/3; 7/6 + 10 = 67/6; in all (2 + 12 + 120) / 20.
    equal(two.maximum, [[math.log(12)]])
    equal(two.total, [[5 / 3]])
    equal(two.mixed, [[[67 / 6]]], atol=2e-6)  # numbers near 11
    equal(two.output, [[[6.7]]])
    assert (two.rows, two.keys, two.first, two.last) == (range(1), range(2, 3), False, True)


def test_what_is_known_midway_is_attention_to_the_keys_so_far():
    query, key, value = drawn(7, 10)

    for tile in tiled.tiles(query, key, value, scale=0.4, rows=3, keys=4):
        stop = tile.keys.stop
        wanted = plain(query[:, tile.rows.start : tile.rows.stop], key[:, :stop], value[:, :stop])
        equal(tile.output, wanted)
        scores = attention.scores(query, key, 0.4)[:, tile.rows.start : tile.rows.stop]
        equal(tile.scores, scores[..., tile.keys.start : stop])
        equal(tile.maximum, scores[..., :stop].amax(-1))


def test_tiles_go_through_the_rows_outside_and_the_keys_inside_and_cover_all():
    order = [(tile.rows, tile.keys) for tile in tiled.tiles(*drawn(5, 7), scale=0.4, rows=4, keys=3)]

    columns = [range(3), range(3, 6), range(6, 7)]
    assert order == [(rows, keys) for rows in (range(4), range(4, 5)) for keys in columns]


@pytest.mark.parametrize(("rows", "keys"), [(1, 1), (4, 3), (5, 7), (3, 64), (64, 64)])
@pytest.mark.parametrize(("queries", "length"), [(1, 1), (13, 13), (3, 11), (23, 23)])
def test_it_is_the_plain_attention_for_lengths_that_no_tile_divides(queries: int, length: int, rows: int, keys: int):
    query, key, value = drawn(queries, length)
    size = {"rows": rows, "keys": keys}

    equal(tiled.mix(query, key, value, scale=0.4, **size), plain(query, key, value))
    equal(tiled.mix(query, key, value, scale=0.4, causal=True, **size), plain(query, key, value, causal=True))
    for causal in (False, True):
        near = attention.near_mask(queries, length, 4)
        found = tiled.mix(query, key, value, scale=0.4, window=4, causal=causal, **size)
        equal(found, plain(query, key, value, mask=near, causal=causal))


@pytest.mark.parametrize("length", [257, 1000])
def test_default_tiles_on_longer_texts(length: int):
    query, key, value = drawn(length, length)

    equal(tiled.mix(query, key, value, scale=0.4), plain(query, key, value))
    equal(tiled.mix(query, key, value, scale=0.4, causal=True), plain(query, key, value, causal=True))


@pytest.mark.parametrize("kind", ["boolean", "additive", "by head"])
def test_masks_hide_the_same_as_in_plain_attention(kind: str):
    query, key, value = drawn(10, 11)
    may = torch.rand((4, 10, 11) if kind == "by head" else (10, 11), generator=torch.Generator().manual_seed(2)) > 0.6
    may[..., 3, :] = False  # a row that may look nowhere, tile after tile
    may[..., 5, :8] = False  # and one that sees nothing in its first tiles
    may[..., 5, 10] = True
    mask = torch.zeros(10, 11).masked_fill(~may, NEVER) if kind == "additive" else may

    found = tiled.mix(query, key, value, scale=0.4, mask=mask, rows=4, keys=3)

    equal(found, plain(query, key, value, mask=mask))
    assert (found[:, 3] == 0).all()


def test_scores_far_from_zero_neither_overflow_nor_vanish():
    query, key, value = drawn(9, 9, loud=400.0)  # scores of hundreds, exp of which no float32 holds

    found = tiled.mix(query, key, value, scale=0.4, rows=2, keys=2)

    assert found.isfinite().all()
    # float32 holds a score of 900 to 6e-5, and so the shares
    equal(found, plain(query.double(), key.double(), value.double()).float(), atol=5e-4)


def test_in_float64_it_is_the_same_to_the_last_digits():
    query, key, value = (tensor.double() for tensor in drawn(23, 23))

    equal(tiled.mix(query, key, value, scale=0.4, rows=5, keys=7), plain(query, key, value), atol=1e-14)


def test_tiles_that_are_hidden_altogether_are_left_out():
    def seen(**options: object) -> list[tuple[int, int]]:
        found = tiled.tiles(*drawn(8, 8), scale=0.4, rows=2, keys=2, **options)  # type: ignore[arg-type]
        return [(tile.rows.start // 2, tile.keys.start // 2) for tile in found]

    assert len(seen()) == 16
    assert seen(causal=True) == [(r, k) for r in range(4) for k in range(r + 1)]
    assert seen(window=2) == [(r, k) for r in range(4) for k in range(4) if abs(r - k) <= 1]
    assert seen(window=2, causal=True) == [(r, k) for r in range(4) for k in range(4) if 0 <= r - k <= 1]
    assert seen(window=1) == [(r, r) for r in range(4)]


def test_queries_before_the_first_key_mix_nothing():
    query, key, value = drawn(7, 3)  # the last query stands at the last key, so four stand before the first

    found = tiled.mix(query, key, value, scale=0.4, causal=True, rows=2, keys=2)

    assert (found[:, :4] == 0).all()
    equal(found, plain(query, key, value, causal=True))


@pytest.mark.parametrize("options", [{"rows": 0}, {"keys": 0}, {"window": 0}])
def test_tiles_of_nothing_are_refused(options: dict[str, int]):
    with pytest.raises(BadInputError, match="at least"):
        tiled.mix(*drawn(2, 2), scale=0.4, **options)


# Memory


def test_live_memory_is_counted_and_freed_memory_is_not():
    inputs = torch.zeros(1000)

    def one_after_the_other() -> Tensor:
        for _ in range(5):
            other = inputs + 1  # 4,000 bytes, and the one before goes only when it is there
        return other[:10]  # a view holds nothing of its own

    assert peak_memory.peak_bytes(one_after_the_other, [inputs]) == 8000
    assert peak_memory.peak_bytes(lambda: inputs[3:].view(-1), [inputs]) == 0
    assert peak_memory.peak_bytes(lambda: [inputs + 1, inputs + 2, inputs + 3], [inputs]) == 12000
    assert peak_memory.peak_bytes(lambda: inputs.add_(1), [inputs]) == 0


@pytest.mark.parametrize(
    "kind", ["none", "causal", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("boolean", "additive"))]
)
def test_tiles_need_memory_that_grows_linearly_and_the_matrix_quadratically(kind: str):
    lengths = (250, 515, 1021)  # none of which a tile of 128 divides

    def peak_bytes(tiles: bool) -> list[int]:
        found = []
        for length in lengths:
            inputs, options = drawn(length, length), options_of(kind, length)
            compute = (lambda: tiled.mix(*inputs, scale=0.4, **options)) if tiles else (lambda: plain(*inputs, **options))  # noqa: B023
            found.append(
                peak_memory.peak_bytes(compute, (*inputs, *(one for one in options.values() if isinstance(one, Tensor))))
            )
        return found

    tiles, matrix = peak_bytes(True), peak_bytes(False)

    assert fit(lengths, tiles).slope < 1.2
    assert fit(lengths, matrix).slope > 1.8
    pairs = 4 * 1021**2 * 4  # 4 heads, 4 bytes
    # Scores and the shares made of them; a causal mask is a matrix of its own, a byte a pair, and so is what it hides.
    assert 2 * pairs <= matrix[-1] <= 2.5 * pairs
    # Beside the answer a few tiles of 4 heads x 128 x 128: no more in a text of 1,021 tokens than in one of 250.
    extra = np.array(tiles) - [4 * length * 5 * 4 for length in lengths]
    assert extra.max() - extra.min() <= 4 * 4 * 128 * 6 * 4
    assert extra.max() <= 6 * 4 * 128 * 128 * 4


def options_of(kind: str, length: int) -> dict[str, Tensor | bool]:
    """What hides keys: nothing, the flag, or a mask in which two of three may be seen."""
    if kind in ("none", "causal"):
        return {"causal": kind == "causal"}
    may = torch.rand(length, length, generator=torch.Generator().manual_seed(2)) > 1 / 3
    return {"mask": may if kind == "boolean" else torch.zeros(length, length).masked_fill(~may, NEVER)}
