"""Fit how a cost grows with the text length: the slope on logarithmic axes, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnviz.errors import BadInputError
from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.types import joined

LENGTH_RANGE = 4  # the fit uses lengths of at least a quarter of the longest
MIN_TOKENS = 256  # and at least this many tokens: in shorter texts overhead dominates, and a window covers the whole matrix
MIN_LENGTHS = 3  # lengths that a slope with an interval needs
CONFIDENCE = 0.95
NAMES = {0: "constant", 1: "linear", 2: "quadratic", 3: "cubic"}
NAME_TOLERANCE = 0.2  # an interval within this distance of a whole power gets its name


@dataclass(frozen=True)
class PowerLawFit:
    """Straight line through the logarithms of lengths and costs: cost = c · length ^ slope.

    `low` and `high` bound the 95 % interval of the slope. It reflects only how far the points lie from the line, not that
    the cost may grow differently beyond them. `mean_log_length` and `mean_log_cost` are the means of both logarithms,
    `residual_std` is the standard deviation of the residuals (n - 2 degrees of freedom), and `sum_squares` the sum of
    squares of the centred log lengths.
    """

    slope: float
    low: float
    high: float
    lengths: tuple[int, ...]
    mean_log_length: float
    mean_log_cost: float
    residual_std: float
    sum_squares: float

    def predict(self, tokens: int) -> tuple[float, float, float]:
        """Return the cost at another length and the 95 % prediction interval of one more measurement there.

        mean_log_cost + slope d ± t residual_std sqrt(1 + 1/n + d² / sum_squares),   d = log tokens - mean_log_length
        """
        away = math.log(tokens) - self.mean_log_length
        n = len(self.lengths)
        expected = self.mean_log_cost + self.slope * away
        reach = _quantile(n - 2) * self.residual_std * math.sqrt(1 + 1 / n + away * away / self.sum_squares)
        return math.exp(expected), math.exp(expected - reach), math.exp(expected + reach)


def fit(lengths: Sequence[int], values: Sequence[float | int]) -> PowerLawFit:
    """Fit the slope: 1 means that twice the length costs twice as much, 2 four times. Least squares on logarithms.

    The interval is slope ± t sqrt(residual_std² / sum_squares), Student's t with n - 2 degrees of freedom. Raises
    BadInputError unless there are three different lengths and every number is above 0.
    """
    if len(set(lengths)) < MIN_LENGTHS or len(lengths) != len(values) or min(*lengths, *values) <= 0:
        raise BadInputError(
            f"A slope needs values above 0 at {MIN_LENGTHS} lengths or more; got {len(values)} at {sorted(set(lengths))}."
        )
    x, y = np.log(lengths), np.log(values)
    spread = float(np.square(x - x.mean()).sum())
    slope = float((x - x.mean()) @ (y - y.mean())) / spread
    left = y - y.mean() - slope * (x - x.mean())
    scatter = math.sqrt(float(left @ left) / (len(x) - 2))
    reach = _quantile(len(x) - 2) * scatter / math.sqrt(spread)
    return PowerLawFit(slope, slope - reach, slope + reach, tuple(lengths), float(x.mean()), float(y.mean()), scatter, spread)


def fit_algorithm(found: Sequence[Measurement], algorithm: str, cost: str) -> PowerLawFit | None:
    """Fit the `seconds` or `peak_bytes` of one algorithm on its longest texts; None with too few measurements."""
    own = [one for one in found if one.algorithm == algorithm]
    longest = max((one.tokens for one in own), default=0)
    used = [one for one in own if one.tokens >= max(MIN_TOKENS, longest / LENGTH_RANGE)]
    if len({one.tokens for one in used}) < MIN_LENGTHS:
        return None
    return fit([one.tokens for one in used], [getattr(one, cost) for one in used])


def describe_growth(low: float, high: float) -> str:
    """Return in words which growth the interval of a slope, to two decimals, allows.

    The name is a whole power inside the interval if the whole interval lies within 0.2 of it. A wider interval lists the
    whole powers that it cannot exclude. An interval without a whole power lies between two, or near one.
    """
    low, high = round(low, 2), round(high, 2)
    inside = [name for power, name in NAMES.items() if low <= power <= high]
    near = next((power for power in NAMES if power - NAME_TOLERANCE <= low and high <= power + NAME_TOLERANCE), None)
    if inside:
        return inside[0] if near is not None else f"could be {joined(inside, 'or')}"
    if near is not None:
        return f"nearly {NAMES[near]}" if high < near else f"a little over {NAMES[near]}"
    below, above = NAMES.get(math.floor(low)), NAMES.get(math.ceil(low))
    return f"between {below} and {above}" if below and above else "faster than cubic" if low > 3 else "shrinking"


def _quantile(free: int) -> float:
    """Return the 97.5 % quantile of Student's t: 12.7 with one degree of freedom, 3.18 with three."""
    from scipy.special import stdtrit

    return float(stdtrit(free, (1 + CONFIDENCE) / 2))
