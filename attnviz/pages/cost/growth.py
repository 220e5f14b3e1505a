"""Lengths of text and what each of them costs in; how the cost grows with the length, with an interval, out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnviz.errors import BadInputError
from attnviz.pages.cost.bench.algorithms import Measured
from attnviz.types import joined

REACH = 4  # a slope is fitted on lengths of at least a quarter of the longest,
FROM = 256  # and of at least so many tokens: below that, overhead is most of the cost, and a window is a whole matrix
LEAST = 3  # lengths that a slope with an interval needs
SURE = 0.95
NAMES = {0: "constant", 1: "linear", 2: "quadratic", 3: "cubic"}
NEAR = 0.2  # how far from a whole power an interval may reach and still bear its name


@dataclass(frozen=True)
class Fit:
    """The straight line through the logarithms of lengths and costs: cost = c · length ^ slope.

    `low` and `high` are the 95 % interval of the slope. It knows only how far the points scatter about the line: not that a
    cost may grow otherwise beyond them. `middle` and `level` are the means of both logarithms, `scatter` is how far a point
    stands from the line (with n - 2 degrees of freedom), `spread` the sum of squares of the lengths' logarithms.
    """

    slope: float
    low: float
    high: float
    lengths: tuple[int, ...]
    middle: float
    level: float
    scatter: float
    spread: float

    def at(self, tokens: int) -> tuple[float, float, float]:
        """What the line says of another length, and the 95 % interval of one more measurement there.

        level + slope (x - middle) ± t scatter sqrt(1 + 1/n + (x - middle)² / spread),   x = log tokens
        """
        away = math.log(tokens) - self.middle
        n = len(self.lengths)
        expected = self.level + self.slope * away
        reach = _quantile(n - 2) * self.scatter * math.sqrt(1 + 1 / n + away * away / self.spread)
        return math.exp(expected), math.exp(expected - reach), math.exp(expected + reach)


def fit(lengths: Sequence[int], values: Sequence[float | int]) -> Fit:
    """How a cost grows: 1 means twice as long, twice as dear; 2 means four times. Ordinary least squares on logarithms.

    The interval is slope ± t sqrt(scatter² / spread), Student's t with n - 2 degrees of freedom. Raises BadInputError unless
    there are three different lengths and every number is above 0.
    """
    if len(set(lengths)) < LEAST or len(lengths) != len(values) or min(*lengths, *values) <= 0:
        raise BadInputError(
            f"A slope needs values above 0 at {LEAST} lengths or more; got {len(values)} at {sorted(set(lengths))}."
        )
    x, y = np.log(lengths), np.log(values)
    spread = float(np.square(x - x.mean()).sum())
    slope = float((x - x.mean()) @ (y - y.mean())) / spread
    left = y - y.mean() - slope * (x - x.mean())
    scatter = math.sqrt(float(left @ left) / (len(x) - 2))
    reach = _quantile(len(x) - 2) * scatter / math.sqrt(spread)
    return Fit(slope, slope - reach, slope + reach, tuple(lengths), float(x.mean()), float(y.mean()), scatter, spread)


def fitted(found: Sequence[Measured], way: str, cost: str) -> Fit | None:
    """How the `seconds` or the bytes `held` of one way grow, on its longest texts; None where too few were measured."""
    own = [one for one in found if one.way == way]
    longest = max((one.tokens for one in own), default=0)
    used = [one for one in own if one.tokens >= max(FROM, longest / REACH)]
    if len({one.tokens for one in used}) < LEAST:
        return None
    return fit([one.tokens for one in used], [getattr(one, cost) for one in used])


def named(low: float, high: float) -> str:
    """What the interval of a slope, to two decimals, leaves open, in words.

    A whole power in it is the name where the interval reaches nowhere farther than 0.2 from it; otherwise the slope cannot be
    told from any whole power in it. Without one it is between two, and near one where all of it is.
    """
    low, high = round(low, 2), round(high, 2)
    inside = [name for power, name in NAMES.items() if low <= power <= high]
    near = next((power for power in NAMES if power - NEAR <= low and high <= power + NEAR), None)
    if inside:
        return inside[0] if near is not None else f"cannot be told from {joined(inside, 'or')}"
    if near is not None:
        return f"nearly {NAMES[near]}" if high < near else f"a little over {NAMES[near]}"
    below, above = NAMES.get(math.floor(low)), NAMES.get(math.ceil(low))
    return f"between {below} and {above}" if below and above else "faster than cubic" if low > 3 else "shrinking"


def _quantile(free: int) -> float:
    """How many standard errors hold 95 % of Student's t: 12.7 with one degree of freedom, 3.18 with three."""
    from scipy.special import stdtrit

    return float(stdtrit(free, (1 + SURE) / 2))
