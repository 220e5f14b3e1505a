"""Intervals, chances and corrections: against published tables, sums written out, and rules worked by hand."""

from __future__ import annotations

from itertools import product
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.analysis import statistics
from attnviz.types import Evidence


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, pages 857 to 872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(hits: int, n: int, low: float, high: float):
    assert statistics.wilson(hits, n) == pytest.approx((low, high), abs=5e-5)  # the table has four digits


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_both_ends_of_the_interval_lie_1_96_standard_errors_from_the_rate(counted: tuple[int, int]):
    hits, n = counted
    low, high = statistics.wilson(hits, n)
    assert 0.0 <= low <= hits / n <= high <= 1.0
    for end in (low, high):
        if 0.0 < end < 1.0:
            assert abs(hits / n - end) == pytest.approx(1.959964 * sqrt(end * (1 - end) / n), rel=1e-4, abs=1e-9)


def test_nothing_counted_leaves_every_rate_possible():
    assert statistics.wilson(0, 0) == (0.0, 1.0)


def flipped(differences: np.ndarray) -> float:
    """The chance of at least so large a sum, over every way to flip the signs."""
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in product((1, -1), repeat=len(differences))]
    return sum(one >= differences.sum() for one in sums) / len(sums)


@pytest.mark.parametrize(
    "differences",
    [[1, 1, -1, 1, 1, 0, 1, 2, -1, 1, 0, 1, 1, -2, 1, 1], [1] * 9 + [-1] * 7, [3, -1, 2, 2, -3, 1, 1, 1, -1, 2, 1, 0, -1]],
)
def test_the_chance_of_a_lead_is_that_of_all_flips_of_signs(differences: list[int]):
    found = float(statistics.sign_flips(np.array(differences, float)))
    assert found == pytest.approx(flipped(np.array(differences)), abs=0.02)  # a normal curve in place of 2^16 sums


def test_with_one_instance_a_sentence_it_is_mcnemars_test_with_its_correction():
    from scipy.stats import binom, norm

    # 90 sentences: the head alone is right in 40, the rule alone in 22, in 28 both or none.
    differences = np.array([1.0] * 40 + [-1.0] * 22 + [0.0] * 28)
    found = float(statistics.sign_flips(differences))
    assert found == pytest.approx(norm.sf((40 - 22 - 1) / sqrt(62)))
    assert found == pytest.approx(binom.sf(39, 62, 0.5), abs=0.001)


def test_a_chance_is_never_below_what_so_many_flips_can_give_and_equals_show_nothing():
    found = statistics.sign_flips(np.array([[1.0, 5.0, 0.0], [1.0, 0.0, 0.0], [1.0, 5.0, 0.0]]))
    assert found[0] == pytest.approx(2.0**-3)  # three sentences, all for the head: a normal curve would say 0.12
    assert found[1] == 2.0**-2
    assert found[2] == 1.0
    assert statistics.sign_flips(np.zeros((0, 2))).tolist() == [1.0, 1.0]


def test_links_of_one_sentence_count_together():
    # Ten links won in one sentence are one piece of evidence, in ten sentences ten.
    assert float(statistics.sign_flips(np.array([10.0]))) == 0.5
    assert float(statistics.sign_flips(np.ones(10))) == pytest.approx(float(flipped(np.ones(10, int))), abs=0.002)


def test_a_head_that_is_right_as_often_as_the_rule_is_called_better_once_in_twenty_times_at_most():
    chance, called = np.random.default_rng(9), 0
    for _ in range(2000):
        # 60 sentences of one to four links; head and rule are each right by a luck that their sentence shares.
        sizes, easy = chance.integers(1, 5, 60), chance.beta(0.5, 0.5, 60)
        called += (
            float(statistics.sign_flips((chance.binomial(sizes, easy) - chance.binomial(sizes, easy)).astype(float))) < 0.05
        )
    assert called / 2000 < 0.05 + 3 * sqrt(0.05 * 0.95 / 2000)


def test_a_lead_and_its_interval_by_hand():
    # Sizes 2, 1, 1 and differences 2, 0, -1: a lead of 1/4. Off by 2 - .5, 0 - .25, -1 - .25: squares 2.25, .0625, 1.5625,
    # 3.875 together; times 3/2, root 2.411, over 4: .6027, times 1.96: 1.181.
    found = statistics.lead(np.array([2.0, 0.0, -1.0]), np.array([2, 1, 1]))
    assert found == pytest.approx((25.0, 25.0 - 118.1, 25.0 + 118.1), abs=0.1)
    assert isnan(statistics.lead(np.array([1.0]), np.array([3]))[1])


def test_a_lead_that_is_called_detectable_is_found_four_times_in_five():
    # 400 sentences with a link each, of which head and rule differ in 100, for 8 tests at 0.05: z of 0.05 / 8 is 2.498.
    lead = statistics.detectable(10.0, 400, 8, 0.05)
    assert lead == pytest.approx(100 * ((2.498 + 0.842) * 10 + 1) / 400, abs=0.01)
    chance = np.random.default_rng(2)
    wins = chance.binomial(100, 0.5 + lead * 4 / 200, 4000)  # of 100 that differ, the head wins so many more
    found = np.mean([float(statistics.sign_flips(np.repeat([1.0, -1.0], [w, 100 - w]))) < 0.05 / 8 for w in wins])
    assert found == pytest.approx(0.8, abs=0.05)


def test_where_head_and_rule_never_differ_a_lead_must_still_be_large_to_be_seen():
    # z of 0.05 / 4 is 2.241, of 0.8 0.842: x = 3.083 sqrt x + 1, so sqrt x = 3.378 and x = 11.4 of 40.
    assert statistics.detectable(0.0, 40, 4, 0.05) == pytest.approx(100 * 11.41 / 40, abs=0.1)
    assert statistics.detectable(20.0, 1000, 4, 0.05) == pytest.approx(100 * (3.083 * 20 + 1) / 1000, abs=0.01)


def test_wordings_of_one_sentence_are_worth_fewer_instances():
    # Three groups of 2, 2 and 4 with 2, 0 and 3 hits: p = 5/8. Off by 2 - 1.25, 0 - 1.25 and 3 - 2.5: squares .5625, 1.5625
    # and .25, 2.375 together; times 3/2, over 8²: .05566. Eight coins would give (5/8)(3/8)/8 = .0293, 1.9 times less.
    hits, sizes = np.array([[2], [0], [3]]), np.array([2, 2, 4])
    assert statistics.effective_sample_size(hits, sizes).tolist() == pytest.approx([8 / ((2.375 * 3 / 2 / 64) / (15 / 64 / 8))])


def test_groups_that_agree_within_count_once_each_and_those_that_do_not_are_worth_no_more_than_n():
    six = np.full(10, 6)
    clustered = np.array([6, 0] * 5)  # five sentences always right, five never: ten coins, but for g / (g - 1)
    assert statistics.effective_sample_size(clustered, six) == pytest.approx(60 / (6 * 10 / 9))
    assert statistics.effective_sample_size(np.full(10, 3), six) == 60
    assert statistics.effective_sample_size(np.stack([np.zeros(10, int), six], -1), six).tolist() == [10, 10], (
        "all wrong or all right"
    )
    assert statistics.effective_sample_size(np.array([3]), np.array([6])) == 1, "of one sentence nothing is known but that"


def test_the_interval_of_wordings_is_that_of_what_they_are_worth():
    found = statistics.evidence(30, 60, {}, chosen="", scheme="", source="", groups=10, effective_n=10.0)
    assert (found.hits, found.n, found.independent, found.interval) == (30, 60, 10, statistics.wilson(5, 10))


def test_intervals_of_wordings_hold_the_truth_19_times_in_20_where_those_of_coins_do_not():
    chance = np.random.default_rng(5)
    kept = {"effective": 0, "coins": 0}
    for _ in range(500):
        sentence = chance.beta(0.6, 0.4, size=120)  # how often each sentence's wordings are right: 0.6 on average
        hits, sizes = chance.binomial(6, sentence), np.full(120, 6)
        p, effective = hits.sum() / 720, float(statistics.effective_sample_size(hits, sizes))
        for name, many in (("effective", effective), ("coins", 720.0)):
            low, high = statistics.wilson(p * many, many)
            kept[name] += low <= 0.6 <= high
    assert abs(kept["effective"] / 500 - 0.95) < 3 * sqrt(0.05 * 0.95 / 500)  # three standard errors
    assert kept["coins"] / 500 < 0.85


def test_the_correction_step_by_step():
    #            4 x 0.005 = 0.02,  3 x 0.01 = 0.03,  2 x 0.03 = 0.06,  1 x 0.04 = 0.04, which may not fall below 0.06
    found = statistics.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_correction_keeps_layers_and_heads_and_never_exceeds_1():
    found = statistics.holm(np.array([[0.5, 0.001, 0.9], [0.2, 0.3, 0.6]]))
    assert found.shape == (2, 3)
    assert found[0, 1] == pytest.approx(0.006)
    assert found[1, 0] == pytest.approx(1.0)
    assert found.max() == 1.0


def test_heads_that_only_guess_are_rarely_called_good():
    chance = np.random.default_rng(3)
    wrong = 0
    for _ in range(400):
        ahead = chance.binomial(1, 0.5, size=(60, 6, 12)) - 0.5  # of a rule that is right by chance
        wrong += bool((statistics.holm(statistics.sign_flips(ahead)) < 0.05).any())
    assert wrong / 400 <= 0.05 + 3 * sqrt(0.05 * 0.95 / 400)  # three standard errors; without the correction it is above 0.9


def test_points_are_hundredths():
    assert statistics.points(0.61, 0.52) == pytest.approx(9.0)


def test_counts_become_evidence_with_its_interval_and_strongest_baseline():
    found = statistics.evidence(15, 148, {"offset": 0.05, "chance": 0.04}, chosen="named", scheme="made up", source="nowhere")
    assert (found.hits, found.n, found.rate) == (15, 148, 15 / 148)
    assert found.interval == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert found.baseline == ("offset", 0.05)
    assert found.beats


def test_evidence_whose_interval_reaches_the_baseline_does_not_beat_it():
    assert not statistics.evidence(15, 148, {"chance": 0.07}, chosen="", scheme="", source="").beats
    assert not Evidence(0, 0, (), (0.0, 1.0), "", "", "").beats
    assert isnan(Evidence(0, 0, (), (0.0, 1.0), "", "", "").rate)
