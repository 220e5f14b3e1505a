"""Intervals, chances and corrections: against published tables, sums written out, and rules worked by hand."""

from __future__ import annotations

from math import comb, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.analysis import evidence
from attnviz.types import Evidence


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, pages 857 to 872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(hits: int, n: int, low: float, high: float):
    assert evidence.wilson(hits, n) == pytest.approx((low, high), abs=5e-5)  # the table has four digits


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_both_ends_of_the_interval_lie_1_96_standard_errors_from_the_rate(counted: tuple[int, int]):
    hits, n = counted
    low, high = evidence.wilson(hits, n)
    assert 0.0 <= low <= hits / n <= high <= 1.0
    for end in (low, high):
        if 0.0 < end < 1.0:
            assert abs(hits / n - end) == pytest.approx(1.959964 * sqrt(end * (1 - end) / n), rel=1e-4, abs=1e-9)


def test_nothing_counted_leaves_every_rate_possible():
    assert evidence.wilson(0, 0) == (0.0, 1.0)


def test_a_chance_is_the_sum_over_all_results_at_least_as_good():
    hits = np.array([[0, 3, 7], [8, 12, 20]])
    found = evidence.tails(hits, 20, 0.35)
    for at in np.ndindex(2, 3):
        written_out = sum(comb(20, k) * 0.35**k * 0.65 ** (20 - k) for k in range(hits[at], 21))
        assert found[at] == pytest.approx(written_out, rel=1e-9)


def test_a_chance_is_that_of_scipys_own_test_of_one_head():
    from scipy.stats import binomtest

    hits = np.array([400, 523, 561, 700, 950])
    found = evidence.tails(hits, 1000, 0.52)
    wanted = [binomtest(int(one), 1000, 0.52, alternative="greater").pvalue for one in hits]
    assert found.tolist() == pytest.approx(wanted, rel=1e-8)


def test_the_ends_of_the_scale():
    hits = np.array([0, 1, 5])
    assert evidence.tails(hits, 5, 0.0).tolist() == [1.0, 0.0, 0.0]
    assert evidence.tails(hits, 5, 1.0).tolist() == [1.0, 1.0, 1.0]
    assert evidence.tails(np.array([0]), 0, 0.3).tolist() == [1.0]


def test_wordings_of_one_sentence_are_worth_fewer_instances():
    # Three groups of 2, 2 and 4 with 2, 0 and 3 hits: p = 5/8. Off by 2 - 1.25, 0 - 1.25 and 3 - 2.5: squares .5625, 1.5625
    # and .25, 2.375 together; times 3/2, over 8²: .05566. Eight coins would give (5/8)(3/8)/8 = .0293, 1.9 times less.
    hits, sizes = np.array([[2], [0], [3]]), np.array([2, 2, 4])
    assert evidence.worth(hits, sizes).tolist() == pytest.approx([8 / ((2.375 * 3 / 2 / 64) / (15 / 64 / 8))])


def test_groups_that_agree_within_count_once_each_and_those_that_do_not_are_worth_no_more_than_n():
    six = np.full(10, 6)
    alike = np.array([6, 0] * 5)  # five sentences always right, five never: ten coins, but for g / (g - 1)
    assert evidence.worth(alike, six) == pytest.approx(60 / (6 * 10 / 9))
    assert evidence.worth(np.full(10, 3), six) == 60
    assert evidence.worth(np.stack([np.zeros(10, int), six], -1), six).tolist() == [10, 10], "all wrong or all right"
    assert evidence.worth(np.array([3]), np.array([6])) == 1, "of one sentence nothing is known but that"


def test_the_interval_and_the_chance_of_wordings_are_those_of_what_they_are_worth():
    found = evidence.evidence(30, 60, {}, chosen="", scheme="", source="", groups=10, worth=10.0)
    assert (found.hits, found.n, found.independent, found.interval) == (30, 60, 10, evidence.wilson(5, 10))
    hits = np.array([42, 42, 0])
    chances = evidence.tails(hits, 60, 0.5, np.array([60.0, 10.0, 10.0]))
    assert chances[0] == pytest.approx(sum(comb(60, k) for k in range(42, 61)) / 2**60)
    assert chances[1] == pytest.approx((comb(10, 7) + comb(10, 8) + comb(10, 9) + 1) / 2**10)  # 42 of 60 as 7 of 10
    assert chances[2] == 1.0


def test_intervals_of_wordings_hold_the_truth_19_times_in_20_where_those_of_coins_do_not():
    chance = np.random.default_rng(5)
    kept = {"worth": 0, "coins": 0}
    for _ in range(500):
        sentence = chance.beta(0.6, 0.4, size=120)  # how often each sentence's wordings are right: 0.6 on average
        hits, sizes = chance.binomial(6, sentence), np.full(120, 6)
        p, worth = hits.sum() / 720, float(evidence.worth(hits, sizes))
        for name, many in (("worth", worth), ("coins", 720.0)):
            low, high = evidence.wilson(p * many, many)
            kept[name] += low <= 0.6 <= high
    assert abs(kept["worth"] / 500 - 0.95) < 3 * sqrt(0.05 * 0.95 / 500)  # three standard errors
    assert kept["coins"] / 500 < 0.85


def test_the_correction_step_by_step():
    #            4 x 0.005 = 0.02,  3 x 0.01 = 0.03,  2 x 0.03 = 0.06,  1 x 0.04 = 0.04, which may not fall below 0.06
    found = evidence.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_correction_keeps_layers_and_heads_and_never_exceeds_1():
    found = evidence.holm(np.array([[0.5, 0.001, 0.9], [0.2, 0.3, 0.6]]))
    assert found.shape == (2, 3)
    assert found[0, 1] == pytest.approx(0.006)
    assert found[1, 0] == pytest.approx(1.0)
    assert found.max() == 1.0


def test_heads_that_only_guess_are_rarely_called_good():
    chance = np.random.default_rng(3)
    wrong = 0
    for _ in range(400):
        hits = chance.binomial(60, 0.5, size=(6, 12))
        wrong += bool((evidence.holm(evidence.tails(hits, 60, 0.5)) < 0.05).any())
    assert wrong / 400 <= 0.05 + 3 * sqrt(0.05 * 0.95 / 400)  # three standard errors; without the correction it is above 0.9


def test_points_are_hundredths():
    assert evidence.points(0.61, 0.52) == pytest.approx(9.0)


def test_counts_become_evidence_with_its_interval_and_strongest_baseline():
    found = evidence.evidence(15, 148, {"offset": 0.05, "chance": 0.04}, chosen="named", scheme="made up", source="nowhere")
    assert (found.hits, found.n, found.rate) == (15, 148, 15 / 148)
    assert found.interval == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert found.baseline == ("offset", 0.05)
    assert found.beats


def test_evidence_whose_interval_reaches_the_baseline_does_not_beat_it():
    assert not evidence.evidence(15, 148, {"chance": 0.07}, chosen="", scheme="", source="").beats
    assert not Evidence(0, 0, (), (0.0, 1.0), "", "", "").beats
    assert isnan(Evidence(0, 0, (), (0.0, 1.0), "", "", "").rate)
