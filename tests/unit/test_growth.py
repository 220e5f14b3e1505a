"""How a cost grows: slopes by hand, their intervals against another road, and words for them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from attnviz.errors import BadInputError
from attnviz.pages.cost import estimate, growth
from attnviz.pages.cost.bench.algorithms import Measurement

LENGTHS = (10, 20, 40, 80)


def test_a_slope_is_the_power_that_a_cost_grows_with():
    assert growth.fit(LENGTHS, [3 * n for n in LENGTHS]).slope == pytest.approx(1)
    assert growth.fit(LENGTHS, [n * n / 7 for n in LENGTHS]).slope == pytest.approx(2)
    assert growth.fit(LENGTHS, [5.0] * 4).slope == pytest.approx(0)
    assert growth.fit([1, 2, 4], [1, 2, 8]).slope == pytest.approx(1.5)  # logarithms 0, 1, 3 of 2 over 0, 1, 2


def test_an_interval_by_hand():
    # Logarithms of 2: 0, 1, 2 and 0, 1, 3; the line is 1.5 x - 1/6, what is left 1/6, -1/3, 1/6: 1/6 in squares.
    # One degree of freedom: scatter sqrt(1/6), spread 2, t = tan(0.475 pi) = 12.706.
    found = growth.fit([1, 2, 4], [1, 2, 8])

    reach = math.tan(0.475 * math.pi) * math.sqrt(1 / 6) / math.sqrt(2)
    assert (found.low, found.high) == pytest.approx((1.5 - reach, 1.5 + reach))
    value, low, high = found.predict(2)  # the middle of the lengths: the mean of the values' logarithms, 4/3
    assert value == pytest.approx(2 ** (4 / 3))
    assert math.log2(high / value) == pytest.approx(math.tan(0.475 * math.pi) * math.sqrt(1 / 6) * math.sqrt(4 / 3))
    assert low * high == pytest.approx(value**2)


def test_intervals_are_those_of_another_library_and_of_another_formula():
    values = [3.0, 5.5, 14.0, 23.0]
    found, x, y = growth.fit(LENGTHS, values), np.log(LENGTHS), np.log(values)

    theirs = stats.linregress(x, y)
    assert found.slope == pytest.approx(theirs.slope)
    assert found.high - found.slope == pytest.approx(stats.t.ppf(0.975, 2) * theirs.stderr)
    # The interval of one more measurement, by matrices: x0' (X'X)^-1 x0.
    design, there = np.stack([np.ones(4), x], 1), np.array([1.0, math.log(640)])
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    error = math.sqrt(left @ left / 2 * (1 + there @ np.linalg.inv(design.T @ design) @ there))
    value, _, high = found.predict(640)
    assert math.log(high / value) == pytest.approx(stats.t.ppf(0.975, 2) * error)


def test_points_on_a_line_leave_no_doubt_about_it():
    found = growth.fit(LENGTHS, [n * n for n in LENGTHS])
    assert found.predict(1000) == pytest.approx((1e6, 1e6, 1e6), rel=1e-6)


@pytest.mark.parametrize(
    ("lengths", "values"),
    [([4, 8], [1.0, 2.0]), ([4, 4, 8], [1.0] * 3), ([4, 8, 9], [1.0]), ([4, 8, 9], [0.0, 1, 2]), ([], [])],
)
def test_a_slope_needs_three_lengths_and_costs_above_zero(lengths: list, values: list):
    with pytest.raises(BadInputError, match="3 lengths"):
        growth.fit(lengths, values)


def test_only_the_longest_texts_of_one_way_are_fitted():
    def cost(n: int) -> float:
        return 100.0 if n < 256 else n * n / 256  # what is below is overhead

    found = [Measurement("matrix", n, cost(n), 4 * n) for n in (64, 128, 256, 362, 512, 724, 1024)]
    found += [Measurement("tiled", n, 1.0, 1) for n in (1024, 2048, 4096, 8192)]

    fit = growth.fit_algorithm(found, "matrix", "seconds")

    assert fit is not None
    assert fit.lengths == (256, 362, 512, 724, 1024)
    assert fit.slope == pytest.approx(2, abs=1e-6)
    fitted = growth.fit_algorithm(found, "matrix", "peak_bytes")
    assert fitted is not None
    assert fitted.slope == pytest.approx(1)
    early = growth.fit_algorithm(found[:5], "matrix", "seconds")  # 128 is a quarter of 512, and short all the same
    assert early is not None
    assert early.lengths == (256, 362, 512)
    assert growth.fit_algorithm(found[:4], "matrix", "seconds") is None
    assert growth.fit_algorithm(found, "fused", "seconds") is None


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.93, 2.07, "quadratic"), (1.999, 2.0, "quadratic"), (0.996, 0.998, "linear"), (-0.1, 0.2, "constant"),
        (1.93, 3.59, "could be quadratic or cubic"), (1.7, 2.1, "could be quadratic"),
        (-9.0, 9.0, "could be constant, linear, quadratic or cubic"),
        (1.85, 1.98, "nearly quadratic"), (2.02, 2.2, "a little over quadratic"), (2.1, 2.3, "between quadratic and cubic"),
        (0.3, 0.6, "between constant and linear"), (3.3, 4.4, "faster than cubic"), (-0.9, -0.3, "shrinking"),
    ],
)  # fmt: skip
def test_growth_is_named_by_its_interval(low: float, high: float, word: str):
    assert growth.describe_growth(low, high) == word


def test_an_interval_that_says_nothing_is_not_written_out():
    rough = tuple(Measurement("matrix", n, seconds, 100 * n) for n, seconds in ((512, 0.001), (1024, 0.004), (2048, 0.3)))
    assert estimate.extrapolated(rough, "matrix", "seconds", 100_000) == "19 days (interval too wide to help)"
    assert "to" not in estimate.extrapolated(rough, "matrix", "peak_bytes", 100_000)  # exactly linear
    assert estimate.extrapolated((), "matrix", "seconds", 100_000) == "no slope yet"
