"""Counts of hits in; intervals, chances and corrections for having looked at every head, out: what a claim must carry.

Every function takes plain counts, so that each figure can be worked out again by hand. Hits are taken as independent; links
of one sentence are not quite, so an interval is, if anything, a little too narrow. Wordings of one sentence are not at all:
`worth` says how many independent instances they stand for, and that number goes into the interval and the chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
from jaxtyping import Float, Int

from attnviz.types import Evidence

Z = 1.959963984540054  # 2.5 % of a normal distribution lie above it, so 95 % between -Z and Z


def wilson(hits: int | float, n: int | float) -> tuple[float, float]:
    """The 95 % interval of a hit rate: all rates that lie within Z standard errors of what was counted. 0 to 1 for n = 0.

        (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n),   p = hits / n

    Wilson 1927, Journal of the American Statistical Association 22, pages 209 to 212. Unlike p ± z sqrt(p (1 - p) / n) it
    never leaves 0 to 1, and holds for few instances.
    """
    if n == 0:
        return 0.0, 1.0
    rate, square = hits / n, Z * Z
    middle = rate + square / (2 * n)
    reach = Z * sqrt(rate * (1 - rate) / n + square / (4 * n * n))
    whole = 1 + square / n
    low, high = (middle - reach) / whole, (middle + reach) / whole
    return max(0.0, min(low, rate)), min(1.0, max(high, rate))  # rounding must not part an end at 0 or 1 from the rate


def tails(
    hits: Int[np.ndarray, "*head"], n: int, baseline: float, worth: Float[np.ndarray, "*head"] | None = None
) -> Float[np.ndarray, "*head"]:
    """The chance of at least so many hits of `n`, for one that is right as often as `baseline`: exact, one-sided.

        P(X >= h) = sum_(k >= h) C(n, k) b^k (1 - b)^(n - k) = I_b(h, n - h + 1)

    Clopper and Pearson 1934, Biometrika 26, pages 404 to 413, invert the same sum; I is the regularised incomplete beta
    function, which takes fractions too. The baseline counts as known: it is a rule written down beforehand, not a sample.
    Where instances go together, `worth` is how many independent ones they stand for, of which the same share hits.
    """
    from scipy.special import betainc

    many = np.full(hits.shape, float(n)) if worth is None else worth
    right = hits * (many / max(n, 1))
    return np.where(hits > 0, betainc(np.where(hits > 0, right, 1.0), np.maximum(many - right, 0.0) + 1.0, baseline), 1.0)


def worth(hits: Int[np.ndarray, "group *head"], sizes: Int[np.ndarray, " group"]) -> Float[np.ndarray, "*head"]:
    """How many independent instances these stand for, those of one group going together: n divided by the design effect.

        [g / (g - 1)  sum_i (h_i - p s_i)² / n²] / [p (1 - p) / n],   p = sum_i h_i / n

    for g groups, of which i has h_i hits of s_i: the variance of the rate as groups spread it, over that of n coins. Never
    below 1, so never more than n; where all hit or none, groups cannot be seen to spread, and each counts once. Rao and
    Scott 1992, Biometrics 48, pages 577 to 585, who put n and hits divided by it into the rules for independent instances.
    """
    groups, n = len(sizes), int(sizes.sum())
    rate = hits.sum(0) / n
    apart = hits - rate * sizes.reshape(-1, *(1,) * (hits.ndim - 1))
    spread = (apart**2).sum(0) * groups / (max(groups - 1, 1) * n**2)
    coins = rate * (1.0 - rate) / n
    effect = np.where(coins > 0.0, spread / np.where(coins > 0.0, coins, 1.0), n / groups)
    return np.asarray(n / np.maximum(effect, 1.0) if groups > 1 else np.ones(rate.shape))


def holm(chances: Float[np.ndarray, "*head"]) -> Float[np.ndarray, "*head"]:
    """The same chances corrected for having looked at all of them: the smallest times m, the next times m - 1, and so on.

    None is made smaller than one before it, none larger than 1. Whoever calls a head good where this is below 0.05 is wrong
    about any of the m at most once in twenty times, however they depend on each other. Holm 1979, Scandinavian Journal of
    Statistics 6, pages 65 to 70.
    """
    flat = chances.ravel()
    order = np.argsort(flat, kind="stable")
    times = np.arange(len(flat), 0, -1)  # m, m - 1, …, 1
    corrected = np.empty(flat.shape)
    corrected[order] = np.maximum.accumulate(np.minimum(flat[order] * times, 1.0))
    return corrected.reshape(chances.shape)


def points(rate: float, baseline: float) -> float:
    """How far a rate lies above a baseline, in percentage points."""
    return 100.0 * (rate - baseline)


def evidence(
    hits: int,
    n: int,
    baselines: Mapping[str, float],
    *,
    chosen: str,
    scheme: str,
    source: str,
    groups: int | None = None,
    worth: float | None = None,
) -> Evidence:
    """Counts as a claim carries them, with their interval: that of `worth` instances where the n come in `groups`."""
    alike = 1.0 if worth is None or not n else worth / n
    interval = wilson(int(hits) * alike, int(n) * alike)
    return Evidence(int(hits), int(n), tuple(baselines.items()), interval, chosen, scheme, source, groups)
