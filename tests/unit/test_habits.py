"""Habits counted by hand on a text with repeats, in a model that reads both ways and in a causal one."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis.row_stats import entropy
from attnviz.linguistics.probes import habits
from attnviz.types import Token

# [CLS] a b a c b [SEP] (7 tokens), and, padded, [CLS] d [SEP].
IDS = [(1, 11, 12, 11, 13, 12, 2), (1, 14, 2)]
TOKENS = [
    [Token("x", "x", at, at + 1, None if number < 3 else at) for at, number in enumerate(ids)] for ids in IDS
]  # fmt: skip
NAMES = habits.NAMES


def cells(name: str, *, causal: bool = False, row: int = 0) -> set[tuple[int, int]]:
    """Where a habit looks, as (query, key)."""
    found = habits.habit_cells(IDS, TOKENS, causal=causal).cells.reshape(2, 7, 7, len(NAMES) - 1)[row, :, :, NAMES.index(name)]
    return {(int(query), int(key)) for query, key in np.argwhere(found)}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("previous", {(2, 1), (3, 2), (4, 3), (5, 4)}),
        ("next", {(1, 2), (2, 3), (3, 4), (4, 5)}),
        ("first", {(2, 1), (3, 1), (4, 1), (5, 1)}),
        ("separator", {(1, 6), (2, 6), (3, 6), (4, 6), (5, 6)}),
        ("same", {(1, 3), (3, 1), (2, 5), (5, 2)}),
        ("repeated", {(3, 1), (5, 2)}),
        ("after-repeated", {(3, 2), (5, 3)}),
        ("sink", {(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)}),
    ],
)
def test_where_each_habit_looks(name: str, wanted: set[tuple[int, int]]):
    assert cells(name) == wanted
    assert cells(name, causal=True) == {(query, key) for query, key in wanted if key <= query}


def test_every_habit_that_is_a_place_is_looked_up_above():
    (case,) = [mark for mark in test_where_each_habit_looks.pytestmark if mark.name == "parametrize"]
    assert tuple(name for name, _ in case.args[1]) == habits.PLACES


def test_a_text_of_one_word_has_a_separator_and_a_first_token_of_all_and_nothing_else():
    assert {name: cells(name, row=1) for name in NAMES[:-1] if cells(name, row=1)} == {"separator": {(1, 2)}, "sink": {(1, 0)}}


def test_a_repeat_right_away_does_not_count_a_token_itself():
    ids, tokens = [(11, 11, 11)], [[Token("x", "x", at, at + 1, at) for at in range(3)]]
    found = habits.habit_cells(ids, tokens, causal=True).cells.reshape(3, 3, len(NAMES) - 1)[
        :, :, NAMES.index("after-repeated")
    ]
    assert np.argwhere(found).tolist() == [[2, 1]]  # after the first x stands the second


def test_rows_are_counted_that_have_anywhere_to_look():
    both, left = (habits.habit_cells(IDS, TOKENS, causal=causal).counts.tolist() for causal in (False, True))
    assert dict(zip(NAMES, both, strict=True)) == {
        "previous": 4, "next": 4, "first": 4, "separator": 6, "same": 4, "repeated": 2, "after-repeated": 2, "sink": 6,
        "entropy": 6,
    }  # fmt: skip
    assert dict(zip(NAMES, left, strict=True)) == {
        "previous": 4, "next": 0, "first": 4, "separator": 0, "same": 2, "repeated": 2, "after-repeated": 2, "sink": 6,
        "entropy": 6,
    }  # fmt: skip


def test_sums_and_means_are_those_of_a_loop():
    weights = np.random.default_rng(5).dirichlet(np.ones(7), size=(2, 3, 7)).astype(np.float32)  # row head query key
    weights[1, :, 3:] = weights[1, :, :, 3:] = 0.0
    found = habits.habit_cells(IDS, TOKENS, causal=False)
    sums = habits.sums(weights, found)
    assert sums.shape == (len(NAMES), 3)
    for kind, name in enumerate(NAMES[:-1]):
        wanted = sum(weights[row, :, query, key] for row in range(2) for query, key in cells(name, row=row))
        np.testing.assert_allclose(sums[kind], wanted, atol=1e-6)
    bits = entropy(weights)
    np.testing.assert_allclose(sums[-1], bits[0, :, 1:6].sum(-1) + bits[1, :, 1], atol=1e-5)
    means = habits.means(sums[:, None], found.counts)
    assert means.shape == (len(NAMES), 1, 3)
    np.testing.assert_allclose(means[0, 0], sums[0] / 4, atol=1e-6)


def test_a_habit_that_no_row_could_have_is_not_a_number():
    found = habits.means(np.zeros((len(NAMES), 2, 3)), habits.habit_cells(IDS, TOKENS, causal=True).counts)
    assert np.isnan(found[[NAMES.index("next"), NAMES.index("separator")]]).all()
    assert not np.isnan(found[NAMES.index("previous")]).any()


def test_entropy_of_an_even_row_is_its_logarithm_and_of_a_certain_one_0():
    np.testing.assert_allclose(habits.entropies(np.array([[0.25] * 4, [0, 1, 0, 0]], np.float32)), [2.0, 0.0], atol=1e-6)
