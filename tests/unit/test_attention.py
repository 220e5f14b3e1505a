"""Attention from scratch, against numbers worked out by hand. Every axis has another size."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from attnviz.engine import attention

HIDDEN = float("-inf")
CLOSE = 1e-6  # a handful of float32 roundings of numbers near 1


def equal(found: Tensor, wanted: list | Tensor, atol: float = CLOSE) -> None:
    torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=found.dtype), atol=atol, rtol=0)


def test_a_score_is_the_dot_product_times_the_scale():
    query = torch.tensor([[[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]]])  # 1 head, 2 queries, 3 numbers
    key = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 0.0, -1.0], [0.0, 4.0, 0.5]]])  # 4 keys

    equal(attention.scores(query, key, 0.5), [[[0.5, 3.0, -0.5, 4.75], [0.0, 0.5, -1.0, -1.5]]])


def test_grouped_queries_read_the_key_of_their_group():
    query = torch.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]], [[5.0]], [[6.0]]])  # 6 heads, 1 query, 1 number
    key = torch.tensor([[[1.0], [2.0]], [[10.0], [20.0]], [[100.0], [200.0]]])  # 3 groups, 2 keys

    wanted = [[[1.0, 2.0]], [[2.0, 4.0]], [[30.0, 60.0]], [[40.0, 80.0]], [[500.0, 1000.0]], [[600.0, 1200.0]]]
    equal(attention.scores(query, key, 1.0), wanted)


def test_grouped_queries_mix_the_values_of_their_group():
    shares = torch.tensor([[[0.25, 0.75]], [[1.0, 0.0]], [[0.5, 0.5]], [[0.0, 1.0]]])  # 4 heads, 1 query, 2 keys
    value = torch.tensor([[[4.0, 0.0, 8.0], [0.0, 4.0, 8.0]], [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]])  # 2 groups, 3 numbers

    equal(attention.mix(shares, value), [[[1.0, 3.0, 8.0]], [[4.0, 0.0, 8.0]], [[2.0, 2.0, 2.0]], [[3.0, 2.0, 1.0]]])


def test_one_key_for_each_head_is_not_copied():
    key = torch.zeros(3, 2, 4)

    assert attention.repeat_kv(key, 3) is key


def test_capped_scores_stay_within_the_cap_and_small_ones_nearly_as_they_are():
    found = attention.capped(torch.tensor([[[0.0, 10.0, -30.0, 5e4]]]), 30.0)

    equal(found, [[[0.0, 30 * math.tanh(1 / 3), -30 * math.tanh(1.0), 30.0]]], atol=1e-5)


def test_a_causal_query_sees_itself_and_earlier_keys():
    equal(attention.causal_mask(3, 3).int(), [[1, 0, 0], [1, 1, 0], [1, 1, 1]])


def test_with_more_keys_than_queries_the_last_query_is_at_the_last_key():
    equal(attention.causal_mask(2, 5).int(), [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]])


def test_a_window_counts_the_query_itself():
    equal(attention.window_mask(4, 4, 2).int(), [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    equal(attention.window_mask(2, 5, 3).int(), [[0, 1, 1, 1, 0], [0, 0, 1, 1, 1]])


def test_a_window_longer_than_the_text_is_a_causal_mask():
    equal(attention.window_mask(3, 5, 9).int(), attention.causal_mask(3, 5).int())


def test_padding_is_hidden_from_every_query():
    equal(attention.padding_mask(torch.tensor([True, False, True]), 2).int(), [[1, 0, 1], [1, 0, 1]])


def test_boolean_and_additive_masks_hide_the_same():
    raw = torch.arange(12.0).reshape(2, 2, 3)
    may = torch.tensor([[True, False, True], [False, True, True]])
    wanted = [[[0.0, HIDDEN, 2.0], [HIDDEN, 4.0, 5.0]], [[6.0, HIDDEN, 8.0], [HIDDEN, 10.0, 11.0]]]

    equal(attention.masked(raw, may, causal=False), wanted)
    equal(attention.masked(raw, torch.zeros(2, 3).masked_fill(~may, HIDDEN), causal=False), wanted)


def test_a_mask_may_differ_from_head_to_head():
    raw = torch.zeros(2, 1, 3)
    may = torch.tensor([[[True, True, False]], [[False, True, True]]])

    equal(attention.masked(raw, may, causal=False), [[[0.0, 0.0, HIDDEN]], [[HIDDEN, 0.0, 0.0]]])


def test_a_causal_mask_adds_to_another_mask_and_changes_nothing_of_the_callers():
    raw = torch.ones(1, 3, 3)
    may = torch.tensor([[True, True, True], [False, True, True], [True, True, True]])

    equal(attention.masked(raw, may, causal=True), [[[1, HIDDEN, HIDDEN], [HIDDEN, 1, HIDDEN], [1, 1, 1]]])
    assert (raw == 1).all()


def test_softmax_shares_out_by_powers_of_e():
    raw = torch.log(torch.tensor([[[1.0, 2.0, 5.0], [3.0, 3.0, 4.0]]]))

    equal(attention.softmax(raw), [[[0.125, 0.25, 0.625], [0.3, 0.3, 0.4]]])


def test_softmax_does_not_overflow_and_ignores_a_common_offset():
    equal(
        attention.softmax(torch.tensor([[[1000.0, 1000.0, HIDDEN, 1000.0 + math.log(2)]]])),
        [[[0.25, 0.25, 0.0, 0.5]]],
        atol=1e-4,
    )


def test_a_sink_takes_its_share_and_mixes_nothing():
    raw = torch.log(torch.tensor([[[1.0, 2.0, 1.0]], [[1.0, 2.0, 1.0]]]))  # 2 heads, 1 query, 3 keys
    sinks = torch.log(torch.tensor([4.0, 12.0]))

    equal(attention.softmax(raw, sinks), [[[0.125, 0.25, 0.125]], [[0.0625, 0.125, 0.0625]]])


def test_a_sink_far_above_all_scores_takes_everything_without_overflow():
    equal(attention.softmax(torch.tensor([[[1.0, 2.0]]]), torch.tensor([500.0])), [[[0.0, 0.0]]])


@pytest.mark.parametrize("sinks", [None, torch.zeros(1)])
def test_a_row_that_may_look_nowhere_is_all_zeros(sinks: Tensor | None):
    raw = torch.tensor([[[HIDDEN, HIDDEN, HIDDEN], [HIDDEN, 0.0, HIDDEN]]])

    found = attention.softmax(raw, sinks)

    equal(found, [[[0.0, 0.0, 0.0], [0.0, 1.0 if sinks is None else 0.5, 0.0]]])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_shares_of_half_precision_inputs_are_taken_in_float32(dtype: torch.dtype):
    query = torch.tensor([[[1.0, 3.0]]], dtype=dtype)
    key = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]], dtype=dtype)

    found = attention.weights(query, key, scale=1.0)

    assert found.dtype == torch.float32
    total = math.exp(1) + math.exp(3) + math.exp(2)
    equal(found, [[[math.exp(1) / total, math.exp(3) / total, math.exp(2) / total]]])
    assert attention.mix(found, key).dtype == torch.float32


def test_cap_then_bias_then_mask_then_softmax():
    query = torch.tensor([[[2.0]], [[4.0]]])  # 2 heads, 1 query, 1 number
    key = torch.tensor([[[1.0], [2.0], [9.0]]])  # 1 group, 3 keys
    bias = torch.tensor([[[0.0, 1.0, 0.0]], [[3.0, 0.0, 0.0]]])
    may = torch.tensor([[True, True, False]])

    found = attention.weights(query, key, scale=0.5, mask=may, bias=bias, softcap=2.0)

    first = [2 * math.tanh(1 / 2), 2 * math.tanh(2 / 2) + 1]
    second = [2 * math.tanh(2 / 2) + 3, 2 * math.tanh(4 / 2)]
    wanted = []
    for row in (first, second):
        total = sum(math.exp(score) for score in row)
        wanted.append([[math.exp(row[0]) / total, math.exp(row[1]) / total, 0.0]])
    equal(found, wanted)


def test_causal_weights_are_exactly_zero_above_the_diagonal():
    torch.manual_seed(5)

    found = attention.weights(torch.randn(4, 7, 3), torch.randn(2, 7, 3), scale=3.0, causal=True)

    assert (found.triu(1) == 0).all()
    equal(found.sum(-1), torch.ones(4, 7))


def test_all_of_it_equals_the_definition_written_as_loops():
    torch.manual_seed(6)
    heads, groups, queries, keys, dim = 4, 2, 3, 5, 6
    query, key, value = torch.randn(heads, queries, dim), torch.randn(groups, keys, dim), torch.randn(groups, keys, 7)
    bias, may = torch.randn(heads, queries, keys), torch.rand(queries, keys) > 0.3
    may[:, 0] = True

    shares = attention.weights(query, key, scale=0.7, mask=may, bias=bias)
    mixed = attention.mix(shares, value)

    for h in range(heads):
        for q in range(queries):
            grown = [
                math.exp(0.7 * sum(float(query[h, q, d] * key[h // 2, k, d]) for d in range(dim)) + float(bias[h, q, k]))
                * bool(may[q, k])
                for k in range(keys)
            ]
            row = [one / sum(grown) for one in grown]
            equal(shares[h, q], row)
            equal(mixed[h, q], [sum(row[k] * float(value[h // 2, k, c]) for k in range(keys)) for c in range(7)], atol=1e-5)
