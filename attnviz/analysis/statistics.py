"""Statistics that a claim needs: intervals, paired tests against a rule, and corrections for trying every head.

Every function takes plain counts, so that each figure can be computed again by hand. The interval of a rate treats hits as
independent; links of one sentence are not quite independent, so it may be a little too narrow. Wordings of one sentence are
not independent at all: `effective_sample_size` says how many independent instances they are worth. Leads over a rule are
tested by sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
from jaxtyping import Float, Int

from attnviz.types import Evidence

Z = 1.959963984540054  # 2.5 % of a normal distribution lie above it, so 95 % between -Z and Z
POWER = 0.8  # how often a lead that is called detectable is found: the usual value of Cohen 1988


def wilson(hits: int | float, n: int | float) -> tuple[float, float]:
    """Return the 95 % interval of a hit rate: all rates within Z standard errors of the counted one. 0 to 1 for n = 0.

        (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n),   p = hits / n

    Wilson 1927, Journal of the American Statistical Association 22, pages 209 to 212. Unlike p ± z sqrt(p (1 - p) / n) it
    never leaves 0 to 1, and holds for few instances.
    """
    if n == 0:
        return 0.0, 1.0
    rate, square = hits / n, Z * Z
    middle = rate + square / (2 * n)
    reach = Z * sqrt(rate * (1 - rate) / n + square / (4 * n * n))
    denominator = 1 + square / n
    low, high = (middle - reach) / denominator, (middle + reach) / denominator
    return max(0.0, min(low, rate)), min(1.0, max(high, rate))  # rounding must not separate an end at 0 or 1 from the rate


def student_interval(mean: float, error: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a mean of n values with that standard error, by Student's distribution."""
    from scipy.special import stdtrit  # the inverse of Student's distribution

    reach = float(stdtrit(n - 1, 0.975)) * error
    return mean - reach, mean + reach


def sign_flips(differences: Float[np.ndarray, "cluster *head"]) -> Float[np.ndarray, "*head"]:
    """Return the one-sided p-value of a lead over a rule if the sign of every cluster's difference were random.

        z = (sum_c D_c - d) / sqrt(sum_c D_c²),   p = max(P(N > z), 2^-m)

    `D_c` is how often a head is right in cluster c (a sentence) less how often the rule is, on the same instances; both vary
    with them, so no rate counts as known. Flips of whole clusters leave what is dependent within them together (Winkler et
    al. 2014, NeuroImage 92, pages 381 to 397). The sum of flips has mean 0 and variance sum_c D_c² and is taken as normal; d
    is half the step in which it moves, 1 for whole differences, 1/2 for halves, 0 for others; the m clusters that differ from
    0 allow no chance below 2^-m. With one instance a cluster this is McNemar's test with a correction for continuity (1947,
    Psychometrika 12, pages 153 to 157).
    """
    from scipy.special import ndtr

    spread = np.sqrt((differences**2).sum(0))
    differing = np.count_nonzero(differences, axis=0)
    step = next((half for half in (1.0, 0.5) if (np.mod(differences, half) == 0.0).all()), 0.0)
    z = (differences.sum(0) - step) / np.where(spread > 0.0, spread, 1.0)
    return np.where(spread > 0.0, np.maximum(ndtr(-z), 0.5**differing), 1.0)


def lead(differences: Float[np.ndarray, " cluster"], sizes: Int[np.ndarray, " cluster"]) -> tuple[float, float, float]:
    """Return a head's lead over a rule in percentage points, with the ends of its 95 % interval: by clusters, as `sign_flips`.

        l = sum_c D_c / n,   variance of l = g / (g - 1) sum_c (D_c - l s_c)² / n²

    for g clusters, of which c has s_c of n instances: the variance of a ratio between clusters (Cochran 1977, Sampling
    Techniques, section 9.7). NaN ends for fewer than two clusters.
    """
    n, clusters = int(sizes.sum()), len(sizes)
    rate = float(differences.sum()) / n
    if clusters < 2:
        return 100.0 * rate, float("nan"), float("nan")
    apart = differences - rate * sizes
    reach = Z * sqrt(clusters / (clusters - 1) * float((apart**2).sum())) / n
    return 100.0 * rate, 100.0 * (rate - reach), 100.0 * (rate + reach)


def detectable(spread: float, n: int, tests: int, error: float) -> float:
    """Return the lead in percentage points that a test finds four times in five, corrected for so many tests; `n` instances.

        x = (z_a + z_b) max(s, sqrt x) + 1,   the lead is x / n

    `spread` s is sqrt(sum_c D_c²), as in `sign_flips`, z_a the quantile of 1 - error / tests and z_b that of 0.8. A head with a
    lead of x differs from the rule in x instances at least, however seldom the one that was counted does.
    """
    from scipy.special import ndtri

    reach = float(ndtri(1.0 - error / tests) + ndtri(POWER))
    x = reach * spread + 1.0
    if spread * spread < x:
        x = ((reach + sqrt(reach * reach + 4.0)) / 2.0) ** 2  # sqrt x solves y² = reach y + 1
    return 100.0 * x / n


def effective_sample_size(hits: Int[np.ndarray, "group *head"], sizes: Int[np.ndarray, " group"]) -> Float[np.ndarray, "*head"]:
    """Return the effective number of independent instances if groups count together: n divided by the design effect.

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
    """Return p-values corrected for all of them: the smallest times m, the next times m - 1, and so on.

    None is made smaller than one before it, none larger than 1. To call a head good where this is below 0.05 is wrong
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
    """Return how far a rate is above a baseline, in percentage points."""
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
    effective_n: float | None = None,
    ceiling: float = 1.0,
) -> Evidence:
    """Return the counts of a claim with their interval: that of `effective_n` instances if the n come in `groups`."""
    scale = 1.0 if effective_n is None or not n else effective_n / n
    interval = wilson(int(hits) * scale, int(n) * scale)
    return Evidence(int(hits), int(n), tuple(baselines.items()), interval, chosen, scheme, source, groups, ceiling)
