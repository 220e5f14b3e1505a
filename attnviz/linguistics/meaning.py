"""Words, their input embeddings and attention of a batch in; how far every head looks at words of like meaning out.

Of each word with at least 4 others to choose from: Spearman's rank correlation between its attention to them and the
cosine similarity of their input embeddings (means over pieces) with its own. Beside it the same with the words shuffled,
which is what a head earns by nothing but its liking for some places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.linguistics.grid import Grid

ENOUGH = 4  # others: of fewer, a rank says little


@dataclass(frozen=True, eq=False)
class Similar:
    """Ranks of the words by likeness, as every word sees them: each row centred and of length 1, so that a dot product
    with ranks of attention correlates them; zeros for words that are not seen. `spread` is the length of plain ranks
    without ties; `n` how many rows count.
    """

    own: Float[np.ndarray, "row word other"]
    shuffled: Float[np.ndarray, "row word other"]
    counts: Bool[np.ndarray, "row word"]
    spread: Float[np.ndarray, "row word"]

    @property
    def n(self) -> int:
        """How many words count."""
        return int(self.counts.sum())


def similar(pieces: Sequence[Float[np.ndarray, "_ dim"]], grid: Grid, seeds: Sequence[int]) -> Similar:
    """What the words of a batch mean to each other, from the input embeddings of each text's tokens.

    `seeds` are the ordinals of the texts: one shuffle a text, the same in every run.
    """
    own, shuffled = np.zeros(grid.visible.shape, np.float32), np.zeros(grid.visible.shape, np.float32)
    for row, (mine, seed) in enumerate(zip(pieces, seeds, strict=True)):
        words = grid.mean[row][:, : len(mine)] @ mine  # word dim
        cosine = likeness(words)
        there = np.flatnonzero(grid.there[row])
        order = np.arange(len(words))
        order[there] = np.random.default_rng(seed).permutation(there)
        own[row] = unit_ranks(cosine, grid.visible[row])
        shuffled[row] = unit_ranks(cosine[order[:, None], order], grid.visible[row])
    many = grid.visible.sum(-1)
    counts = (many >= ENOUGH) & own.any(-1) & shuffled.any(-1)
    return Similar(own, shuffled, counts, np.sqrt(many * (many.astype(np.float64) ** 2 - 1) / 12).astype(np.float32))


def likeness(words: Float[np.ndarray, "word dim"]) -> Float[np.ndarray, "word word"]:
    """Cosine similarity of each word with each other; rounded, so that a word is as like to one twin as to the next."""
    length = np.linalg.norm(words, axis=-1, keepdims=True)
    units = words / np.where(length > 0.0, length, 1.0)
    return np.round(units @ units.T, 5)


def unit_ranks(
    values: Float[np.ndarray, "word other"], seen: Bool[np.ndarray, "word other"]
) -> Float[np.ndarray, "word other"]:
    """Ranks among the values that are seen, ties sharing their mean rank, centred and of length 1; zeros elsewhere."""
    pairs = seen[:, None] & seen[:, :, None]  # word, one, other
    below = (pairs & (values[:, None] < values[:, :, None])).sum(-1)
    equal = (pairs & (values[:, None] == values[:, :, None])).sum(-1)
    ranks = np.where(seen, below + (equal + 1) / 2, 0.0)
    many = np.maximum(seen.sum(-1, keepdims=True), 1)
    centred = np.where(seen, ranks - ranks.sum(-1, keepdims=True) / many, 0.0)
    length = np.sqrt((centred**2).sum(-1, keepdims=True))
    return (centred / np.where(length > 0.0, length, 1.0)).astype(np.float32)


def sums(attention: Float[np.ndarray, "row head word other"], grid: Grid, like: Similar) -> Float[np.ndarray, "kind head"]:
    """The sum of the correlations over all words that count, of every head of a layer: own, and shuffled; float64."""
    ranks, length = attention_ranks(attention, grid.visible, like.spread)
    found = np.stack([np.einsum("rhwo,rwo->rhw", ranks, like.own), np.einsum("rhwo,rwo->rhw", ranks, like.shuffled)])
    found = np.where(like.counts[:, None] & (length > 0.0), found / np.where(length > 0.0, length, 1.0), 0.0)
    return found.sum((1, 3), dtype=np.float64)  # of kind row head word


def attention_ranks(
    attention: Float[np.ndarray, "row head word other"],
    visible: Bool[np.ndarray, "row word other"],
    spread: Float[np.ndarray, "row word"],
) -> tuple[Float[np.ndarray, "row head word other"], Float[np.ndarray, "row head word"]]:
    """Each word's ranks of the others by attention, from 1, and their length when centred. Ranks of unseen words mean nothing.

    All rows are sorted at once; only those with ties, which are few, are ranked again by comparing all pairs.
    """
    size = attention.shape[-1]
    unseen = np.float32(2.0) + np.arange(size, dtype=np.float32)  # above every weight, and no two alike
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
