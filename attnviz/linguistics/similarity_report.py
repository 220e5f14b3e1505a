"""An atlas in; how far heads look at words of like meaning out, each figure with its interval, n and the shuffled words.

The head that does so most is chosen on the texts with an even ordinal and told by the odd ones, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probes.similarity import EVEN, ODD
from attnviz.types import HeadRef, HeadScores


@dataclass(frozen=True)
class Followed:
    """How far a head's attention follows the likeness of words, on one half of the texts: mean rank correlations, -1 to 1.

    `shuffled` is what the same head earns where the words change places. Means are over `words` words; 95 % intervals are
    Student's, with the `texts` texts as what is independent.
    """

    head: HeadRef
    mean: float
    interval: tuple[float, float]
    shuffled: float
    shuffled_interval: tuple[float, float]
    texts: int
    words: int


def scores(atlas: Atlas, half: int = ODD) -> tuple[HeadScores, HeadScores]:
    """How far every head follows the likeness of words on one half of the texts, and the same with the words shuffled."""
    own, shuffled = atlas.meaning_by_half[0, half]
    names = ("meaning", "meaning, words shuffled")
    found = (HeadScores(name, one, "rank correlation", -1.0, 1.0) for name, one in zip(names, (own, shuffled), strict=True))
    return next(found), next(found)


def followed(atlas: Atlas, head: HeadRef, half: int = ODD) -> Followed | None:
    """What one head does on the odd half of the texts, or on the even one; None where too few texts say so."""
    texts, words = (numbers[half] for numbers in atlas.header.likened)
    if texts < 2:
        return None
    (mean, shuffled), (error, other) = atlas.meaning_by_half[:, half, :, head.layer, head.head].astype(float).tolist()
    return Followed(head, mean, interval(mean, error, texts), shuffled, interval(shuffled, other, texts), texts, words)


@lru_cache(maxsize=8)
def best(atlas: Atlas) -> tuple[Followed, Followed] | None:
    """The head that follows likeness most on the even texts: what it does on the odd ones, then on the even ones.

    On the latter it looks better than it is. None where one half has too few texts.
    """
    means = atlas.meaning_by_half[0, EVEN, 0]
    if np.isnan(means).all():
        return None
    layer, head = np.unravel_index(np.nanargmax(means), means.shape)
    chosen = HeadRef(int(layer), int(head))
    held_out, chosen_on = followed(atlas, chosen), followed(atlas, chosen, EVEN)
    return None if held_out is None or chosen_on is None else (held_out, chosen_on)


def interval(mean: float, error: float, texts: int) -> tuple[float, float]:
    """The 95 % interval of a mean over texts."""
    from scipy.special import stdtrit  # the inverse of Student's distribution

    reach = float(stdtrit(texts - 1, 0.975)) * error
    return mean - reach, mean + reach
