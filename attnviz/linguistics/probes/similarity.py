"""Measure how far every head attends to words of similar meaning, as sums over a batch.

For each word with at least 4 others to choose from: Spearman's rank correlation between its attention to them and the
cosine similarity of their input embeddings (means over pieces) with its own. Beside it the same with the words shuffled,
which is the score that a head gets only from its preference for positions. Sums are kept for each half of the texts, so that
a head is chosen on one half and reported on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from attnviz.linguistics.probes.word_attention import WordGrid

ENOUGH = 4  # others: with fewer, ranks are uninformative
EVEN, ODD = 0, 1  # the half of the texts on which heads are chosen, and the one that is reported


@dataclass(frozen=True, eq=False)
class WordSimilarity:
    """Ranks of the words by similarity to each word: each row centred and of length 1, so that a dot product
    with ranks of attention correlates them; zeros for words that are not seen. `spread` is the length of plain ranks
    without ties; `counts` marks the words that count, `half` in which half of the texts each row is: 0 even, 1 odd.
    """

    own: Float[np.ndarray, "row word other"]
    shuffled: Float[np.ndarray, "row word other"]
    counts: Bool[np.ndarray, "row word"]
    spread: Float[np.ndarray, "row word"]
    half: Int[np.ndarray, " row"]

    @property
    def words(self) -> Int[np.ndarray, " row"]:
        """The number of words that count in each text."""
        return self.counts.sum(-1)

    @property
    def tally(self) -> Int[np.ndarray, "2 3"]:
        """For each half: texts in which a word counts, their words, and the sum of the squares of these numbers."""
        each = np.stack([self.words > 0, self.words, self.words**2], axis=-1)  # row number
        return np.stack([each[self.half == half].sum(0) for half in (EVEN, ODD)])


def word_similarity(pieces: Sequence[Float[np.ndarray, "_ dim"]], grid: WordGrid, ordinals: Sequence[int]) -> WordSimilarity:
    """Return the similarity of the words of a batch, from the input embeddings of each text's tokens.

    The ordinals of the texts seed the shuffles: one per text, the same in every run.
    """
    own, shuffled = np.zeros(grid.visible.shape, np.float32), np.zeros(grid.visible.shape, np.float32)
    for row, (mine, seed) in enumerate(zip(pieces, ordinals, strict=True)):
        words = grid.mean[row][:, : len(mine)] @ mine  # word dim
        cosine = cosine_similarity(words)
        there = np.flatnonzero(grid.there[row])
        order = np.arange(len(words))
        order[there] = np.random.default_rng(seed).permutation(there)
        own[row] = unit_ranks(cosine, grid.visible[row])
        shuffled[row] = unit_ranks(cosine[order[:, None], order], grid.visible[row])
    many = grid.visible.sum(-1)
    counts = (many >= ENOUGH) & own.any(-1) & shuffled.any(-1)
    spread = np.sqrt(many * (many.astype(np.float64) ** 2 - 1) / 12).astype(np.float32)
    return WordSimilarity(own, shuffled, counts, spread, np.array(ordinals, np.int64) % 2)


def cosine_similarity(words: Float[np.ndarray, "word dim"]) -> Float[np.ndarray, "word word"]:
    """Return the cosine similarity of each pair of words, rounded, so that equal words have equal similarities."""
    length = np.linalg.norm(words, axis=-1, keepdims=True)
    units = words / np.where(length > 0.0, length, 1.0)
    return np.round(units @ units.T, 5)


def unit_ranks(
    values: Float[np.ndarray, "word other"], seen: Bool[np.ndarray, "word other"]
) -> Float[np.ndarray, "word other"]:
    """Return ranks among the visible values, ties with their mean rank, centred and of length 1; zeros elsewhere."""
    pairs = seen[:, None] & seen[:, :, None]  # word, one, other
    below = (pairs & (values[:, None] < values[:, :, None])).sum(-1)
    equal = (pairs & (values[:, None] == values[:, :, None])).sum(-1)
    ranks = np.where(seen, below + (equal + 1) / 2, 0.0)
    many = np.maximum(seen.sum(-1, keepdims=True), 1)
    centred = np.where(seen, ranks - ranks.sum(-1, keepdims=True) / many, 0.0)
    length = np.sqrt((centred**2).sum(-1, keepdims=True))
    return (centred / np.where(length > 0.0, length, 1.0)).astype(np.float32)


def sums(
    attention: Float[np.ndarray, "row head word other"], grid: WordGrid, like: WordSimilarity
) -> Float[np.ndarray, "2 moment kind head"]:
    """Return sums over the texts of each half, for every head of a layer; kinds are own and shuffled; float64.

    A text's sum of correlations over the words that count, its square, and its product with the number of these words.
    """
    ranks, length = attention_ranks(attention, grid.visible, like.spread)
    found = np.stack([np.einsum("rhwo,rwo->rhw", ranks, like.own), np.einsum("rhwo,rwo->rhw", ranks, like.shuffled)])
    found = np.where(like.counts[:, None] & (length > 0.0), found / np.where(length > 0.0, length, 1.0), 0.0)
    texts = found.sum(-1, dtype=np.float64)  # kind row head
    moments = np.stack([texts, texts**2, texts * like.words[:, None]])
    return np.stack([moments[:, :, like.half == half].sum(2) for half in (EVEN, ODD)])


def means(
    sums: Float[np.ndarray, "2 3 kind layer head"], tally: Int[np.ndarray, "2 3"]
) -> Float[np.ndarray, "2 half kind layer head"]:
    """Return mean correlations over the words of each half, then their standard errors; NaN if there are too few texts.

        m = sum_i s_i / sum_i w_i,   error² = n / (n - 1)  sum_i (s_i - m w_i)² / (sum_i w_i)²

    for n texts, of which i has w_i words with a sum of s_i: the words of one text depend on each other, so texts
    count as independent. Cochran 1977, Sampling Techniques, section 2.11 (a ratio; without the finite population correction).
    """
    texts, words, squares = (number[:, None, None, None] for number in tally.T.astype(np.float64))
    plain, squared, crossed = sums.swapaxes(0, 1)  # each half kind layer head
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(words > 0, plain / words, np.nan)
        spread = np.maximum(squared - 2 * mean * crossed + mean**2 * squares, 0.0)  # rounding must not give a negative variance
        error = np.where(texts > 1, np.sqrt(texts / (texts - 1) * spread) / words, np.nan)
    return np.stack([mean, error])


def attention_ranks(
    attention: Float[np.ndarray, "row head word other"],
    visible: Bool[np.ndarray, "row word other"],
    spread: Float[np.ndarray, "row word"],
) -> tuple[Float[np.ndarray, "row head word other"], Float[np.ndarray, "row head word"]]:
    """Return each word's ranks of the others by attention, from 1, and their length when centred; ignore ranks of unseen words.

    All rows are sorted at once; only those with ties, which are few, are ranked again by comparing all pairs.
    """
    size = attention.shape[-1]
    unseen = np.float32(2.0) + np.arange(size, dtype=np.float32)  # above every weight, and all different
    values = np.where(visible[:, None], attention, unseen)
    order = values.reshape(-1, size).argsort(-1)
    order += np.arange(0, values.size, size)[:, None]  # places in the flat array: one index instead of four
    ranks = np.empty(values.size, np.float32)
    ranks[order] = np.arange(1, size + 1, dtype=np.float32)
    ranks = ranks.reshape(values.shape)
    inner = values.ravel()[order]
    length = np.broadcast_to(spread[:, None], values.shape[:-1]).copy()
    tied = np.unravel_index(np.flatnonzero((inner[:, 1:] == inner[:, :-1]).any(-1)), values.shape[:-1])
    for row, head, word in zip(*tied, strict=True):
        seen = visible[row, word]
        mine = attention[row, head, word, seen]
        shared = (mine[None] < mine[:, None]).sum(-1) + ((mine[None] == mine[:, None]).sum(-1) + 1) / 2
        ranks[row, head, word, seen] = shared
        length[row, head, word] = np.sqrt(((shared - shared.mean()) ** 2).sum())
    return ranks, length
