"""Report each habit and the similarity of meaning in an atlas, with the head that has most of it.

A habit is attention that ignores what the words mean. It is a mean over the tokens of many texts, so the best of all heads is
not a chance result; it is chosen and reported on the same texts, and pages say so. The head that follows similarity of
meaning is chosen on the even half of the texts and reported on the odd half.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from attnviz import charset
from attnviz.analysis.statistics import student_interval
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probes.similarity import EVEN, ODD
from attnviz.types import HeadRef, HeadScores

MEANING = "meaning"
SENTENCES = ("conllu", "toml")  # corpora whose sentences habits are measured on


@dataclass(frozen=True)
class SimilarityResult:
    """How well a head's attention follows the similarity of words, on one half of the texts: mean rank correlations, -1 to 1.

    `shuffled` is the same head's mean with the words shuffled. Means are over `words` words; 95 % intervals are
    Student's, with the `texts` texts as independent.
    """

    head: HeadRef
    mean: float
    interval: tuple[float, float]
    shuffled: float
    shuffled_interval: tuple[float, float]
    texts: int
    words: int


@dataclass(frozen=True, eq=False)
class HabitResult:
    """One habit of every head, or similarity of meaning; `name` is its usual name.

    `says` explains its number; `head` has most (or `least`) of it. `n` is how many of `counted`: texts or words.
    For meaning alone: `scores` are of the odd half of the texts, `shuffled` the same with the words shuffled, `even` are those
    of the even half, by which heads are chosen, and `held_out` is the best one on the odd half, with its interval.
    """

    key: str
    name: str
    says: str
    scores: HeadScores
    head: HeadRef
    n: int
    counted: str
    least: bool = False
    shuffled: HeadScores | None = None
    even: HeadScores | None = None
    held_out: SimilarityResult | None = None

    @property
    def value(self) -> float:
        """The number of the best head."""
        return self.at(self.head)

    @property
    def mean(self) -> float:
        """The mean over all heads."""
        return float(np.nanmean(self.scores.values))

    @property
    def baseline(self) -> float | None:
        """The number of the best head with the words shuffled; None if there is nothing to shuffle."""
        return None if self.shuffled is None else float(self.shuffled.values[self.head.layer, self.head.head])

    def at(self, head: HeadRef) -> float:
        """Return the number of one head."""
        return float(self.scores.values[head.layer, head.head])

    @property
    def order(self) -> tuple[HeadRef, ...]:
        """Heads with a number, the highest first; for entropy the lowest first, for meaning by the even half."""
        chosen = (self.even or self.scores).values
        values = chosen if self.least else -chosen
        places = (np.unravel_index(at, values.shape) for at in np.argsort(values, axis=None, kind="stable"))
        return tuple(HeadRef(int(layer), int(head)) for layer, head in places if np.isfinite(values[layer, head]))

    def rank(self, head: HeadRef) -> int:
        """Return the rank of a head, from 1; equal heads share the better rank."""
        values = self.scores.values if self.least else -self.scores.values
        return 1 + int((values < values[head.layer, head.head]).sum())


def results(atlas: Atlas) -> tuple[HabitResult, ...]:
    """Return all results in the order of the atlas, meaning last, without habits that this model cannot have."""
    texts = sum(corpus.used for corpus in atlas.header.corpora if corpus.kind in SENTENCES)
    found = [_leaning(name, atlas.habit(name), texts, "texts") for name in atlas.header.habits if name in _known()]
    return tuple(one for one in (*found, _meaning(atlas)) if one is not None)


def _meaning(atlas: Atlas) -> HabitResult | None:
    """Return the result for similarity of meaning; None if one half of the texts is too small."""
    best = best_similarity(atlas)
    if best is None:
        return None
    held_out, entry, (own, shuffled) = best[0], _known()[MEANING], similarity_scores(atlas)
    even, _ = similarity_scores(atlas, EVEN)
    return HabitResult(
        MEANING, entry["name"], entry["says"], own, held_out.head, held_out.words, "words", shuffled=shuffled, even=even,
        held_out=held_out,
    )  # fmt: skip


def missing(atlas: Atlas) -> tuple[str, ...]:
    """Return names of habits that this model cannot have, such as the next token where it reads left to right."""
    there = {one.key for one in results(atlas)}
    return tuple(_known()[name]["name"] for name in atlas.header.habits if name in _known() and name not in there)


def _leaning(key: str, scores: HeadScores, n: int, counted: str) -> HabitResult | None:
    """Return one habit; None if no head has a number."""
    if not np.isfinite(scores.values).any():
        return None
    entry = _known()[key]
    best = np.nanargmin(scores.values) if entry.get("least") else np.nanargmax(scores.values)
    layer, head = (int(at) for at in np.unravel_index(best, scores.values.shape))
    return HabitResult(key, entry["name"], entry["says"], scores, HeadRef(layer, head), n, counted, entry.get("least", False))


def similarity_scores(atlas: Atlas, half: int = ODD) -> tuple[HeadScores, HeadScores]:
    """Return how far every head follows the similarity of words on one half of the texts, and with the words shuffled."""
    own, shuffled = atlas.meaning_by_half[0, half]
    names = ("meaning", "meaning, words shuffled")
    found = (HeadScores(name, one, "rank correlation", -1.0, 1.0) for name, one in zip(names, (own, shuffled), strict=True))
    return next(found), next(found)


def similarity(atlas: Atlas, head: HeadRef, half: int = ODD) -> SimilarityResult | None:
    """Return one head's result on the odd half of the texts, or on the even one; None with too few texts."""
    texts, words = (numbers[half] for numbers in atlas.header.likened)
    if texts < 2:
        return None
    (mean, shuffled), (error, other) = atlas.meaning_by_half[:, half, :, head.layer, head.head].astype(float).tolist()
    return SimilarityResult(
        head, mean, student_interval(mean, error, texts), shuffled, student_interval(shuffled, other, texts), texts, words
    )


@lru_cache(maxsize=8)
def best_similarity(atlas: Atlas) -> tuple[SimilarityResult, SimilarityResult] | None:
    """Return the results of the head that leads on the even texts: on the odd ones, then on the even ones.

    The latter is too good, since the head was chosen there. None if one half has too few texts.
    """
    means = atlas.meaning_by_half[0, EVEN, 0]
    if np.isnan(means).all():
        return None
    layer, head = np.unravel_index(np.nanargmax(means), means.shape)
    chosen = HeadRef(int(layer), int(head))
    held_out, chosen_on = similarity(atlas, chosen), similarity(atlas, chosen, EVEN)
    return None if held_out is None or chosen_on is None else (held_out, chosen_on)


@lru_cache(maxsize=1)
def _known() -> dict[str, dict]:
    """Read the file content/habits.toml."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content/habits.toml")))["habit"]
