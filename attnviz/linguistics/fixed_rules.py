"""Rules that ignore meaning, and every head compared with the strongest of them on the same instances, by sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from attnviz.analysis import statistics
from attnviz.linguistics.atlas.hits import Hits

ERROR = 0.05  # the allowed rate of wrongly calling a head good


@dataclass(frozen=True, eq=False)
class PairedDifferences:
    """Every head against the strongest rule on the same instances, added up by sentences."""

    differences: Float[np.ndarray, "cluster layer head"]
    sizes: Int[np.ndarray, " cluster"]

    @property
    def chances(self) -> Float[np.ndarray, "layer head"]:
        """The p-value of each head's lead."""
        return statistics.sign_flips(self.differences)

    def lead(self, at: tuple[int, int]) -> tuple[float, float, float]:
        """Return one head's lead in points and its 95 % interval."""
        return statistics.lead(self.differences[:, at[0], at[1]], self.sizes)

    def detectable(self, at: tuple[int, int], tests: int) -> float:
        """Return the lead in points that would be found in four of five cases, if a head differs from the rule as this one."""
        spread = float(np.sqrt((self.differences[:, at[0], at[1]] ** 2).sum()))
        return statistics.detectable(spread, int(self.sizes.sum()), tests, ERROR)


def best_offset(found: Hits) -> int | None:
    """Return the most frequent distance in words on the even half; in a tie the nearer one, then the backward one."""
    if found.offset is None or not found.even.any():
        return None
    offsets, times = np.unique(found.offset[found.even], return_counts=True)
    most = offsets[times == times.max()].tolist()
    return min(most, key=lambda one: (abs(one), one))


def rules(found: Hits, offset: int | None) -> dict[str, Float[np.ndarray, " n"]]:
    """Return how often each rule that ignores meaning is right on each instance.

    A fixed `offset`; the `nearest` candidate; the name `mentioned` more often in the text, where names differ in that;
    `chance`, as its average.
    """
    made: dict[str, np.ndarray] = {}
    if found.offset is not None and offset is not None:
        made["offset"] = (found.offset == offset).astype(float)
    if found.nearest is not None:
        made["nearest"] = found.nearest.astype(float)
    if found.mentioned is not None and np.isin(found.mentioned, (0.0, 1.0)).any():
        made["mentioned"] = found.mentioned.astype(float)
    made["chance"] = np.full(len(found), 0.5) if found.others is None else 1.0 / found.others
    return made


def baselines(found: Hits, offset: int | None) -> dict[str, float]:
    """Return how often each of the `rules` is right."""
    return {name: float(right.mean()) for name, right in rules(found, offset).items()} if len(found) else {}


def paired_differences(found: Hits, offset: int | None) -> PairedDifferences:
    """Compare every head with the rule that is right most often on these instances; chance wins a tie."""
    made = rules(found, offset)
    strongest = max(made, key=lambda name: (made[name].mean() if len(found) else 0.0, name == "chance"))
    _, at, sizes = np.unique(found.cluster, return_inverse=True, return_counts=True)
    order = np.argsort(at, kind="stable")
    apart = found.hits[order] - made[strongest][order, None, None]
    starts = np.append(0, np.cumsum(sizes)[:-1]).astype(int)
    sums = np.add.reduceat(apart, starts, axis=0) if len(found) else apart
    return PairedDifferences(sums, sizes)
