"""An atlas in; each habit of heads and their liking for meaning out, with the head that has most of it, and what to hold it to.

A habit is where a head looks whatever the words say. It is a mean over the tokens of many texts, so the best of all heads is
no find of luck; it is chosen and told on the same texts all the same, and whoever shows it says so. The head that follows
likeness of meaning is chosen on the even half of the texts and told by the odd one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from attnviz import charset
from attnviz.linguistics import similarity_report
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probes.similarity import EVEN
from attnviz.linguistics.similarity_report import Followed
from attnviz.types import HeadRef, HeadScores

MEANING = "meaning"
SENTENCES = ("conllu", "toml")  # corpora whose sentences habits are measured on


@dataclass(frozen=True, eq=False)
class Leaning:
    """One habit of every head, or the liking for words of like meaning: `name` is what everybody calls it.

    `says` what its number is; `head` has most of it, where `least` the least. `n` counts the `counted`: texts, or words.
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
    held_out: Followed | None = None

    @property
    def value(self) -> float:
        """What the best head has of it."""
        return self.at(self.head)

    @property
    def mean(self) -> float:
        """What all heads have of it on average."""
        return float(np.nanmean(self.scores.values))

    @property
    def baseline(self) -> float | None:
        """What the best head has of it once the words are shuffled; None where there is nothing to shuffle."""
        return None if self.shuffled is None else float(self.shuffled.values[self.head.layer, self.head.head])

    def at(self, head: HeadRef) -> float:
        """What one head has of it."""
        return float(self.scores.values[head.layer, head.head])

    @property
    def order(self) -> tuple[HeadRef, ...]:
        """All heads that have a number, that with most of it first; of entropy that with least, of meaning by the even half."""
        chosen = (self.even or self.scores).values
        values = chosen if self.least else -chosen
        places = (np.unravel_index(at, values.shape) for at in np.argsort(values, axis=None, kind="stable"))
        return tuple(HeadRef(int(layer), int(head)) for layer, head in places if np.isfinite(values[layer, head]))

    def rank(self, head: HeadRef) -> int:
        """The place of a head, from 1; equal ones share the best of theirs."""
        values = self.scores.values if self.least else -self.scores.values
        return 1 + int((values < values[head.layer, head.head]).sum())


def leanings(atlas: Atlas) -> tuple[Leaning, ...]:
    """All that was measured, in the order of the atlas, meaning last; habits that this model cannot have are left out."""
    texts = sum(corpus.used for corpus in atlas.header.corpora if corpus.kind in SENTENCES)
    found = [_leaning(name, atlas.habit(name), texts, "texts") for name in atlas.header.habits if name in _known()]
    return tuple(one for one in (*found, _meaning(atlas)) if one is not None)


def _meaning(atlas: Atlas) -> Leaning | None:
    """The liking for words of like meaning; None where one half of the texts is too small to tell."""
    best = similarity_report.best(atlas)
    if best is None:
        return None
    held_out, entry, (own, shuffled) = best[0], _known()[MEANING], similarity_report.scores(atlas)
    even, _ = similarity_report.scores(atlas, EVEN)
    return Leaning(
        MEANING, entry["name"], entry["says"], own, held_out.head, held_out.words, "words", shuffled=shuffled, even=even,
        held_out=held_out,
    )  # fmt: skip


def missing(atlas: Atlas) -> tuple[str, ...]:
    """The names of habits that this model cannot have, such as looking at the next token where it reads left to right."""
    there = {one.key for one in leanings(atlas)}
    return tuple(_known()[name]["name"] for name in atlas.header.habits if name in _known() and name not in there)


def _leaning(key: str, scores: HeadScores, n: int, counted: str) -> Leaning | None:
    """One habit; None where no head has a number."""
    if not np.isfinite(scores.values).any():
        return None
    entry = _known()[key]
    best = np.nanargmin(scores.values) if entry.get("least") else np.nanargmax(scores.values)
    layer, head = (int(at) for at in np.unravel_index(best, scores.values.shape))
    return Leaning(key, entry["name"], entry["says"], scores, HeadRef(layer, head), n, counted, entry.get("least", False))


@lru_cache(maxsize=1)
def _known() -> dict[str, dict]:
    """The file content/habits.toml."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content/habits.toml")))["habit"]
