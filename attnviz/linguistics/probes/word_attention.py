"""Compute attention between the words of a corpus, from attention between tokens, for a whole batch.

A piece belongs to the word in which it starts. Attention to a word is the sum over its pieces, attention from a word the
mean over its pieces (Clark et al. 2019, section 4.1, arXiv:1906.04341).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.linguistics.corpora.types import Span
from attnviz.types import Token


@dataclass(frozen=True, eq=False)
class WordGrid:
    """The pieces of each word, for every text in a batch.

    `mean` and `total` are the two rules as matrices; `there` are the words in which a token starts; `visible` are the
    other words that a word can see: never itself, and in a causal model only those before it.
    """

    mean: Float[np.ndarray, "row word query"]
    total: Float[np.ndarray, "row key word"]
    there: Bool[np.ndarray, "row word"]
    visible: Bool[np.ndarray, "row word other"]

    def attention(self, weights: Float[np.ndarray, "row head query key"]) -> Float[np.ndarray, "row head word other"]:
        """Return how much each word looks at each other one, in every head."""
        rows, heads, queries, keys = weights.shape
        to = weights.reshape(rows, heads * queries, keys) @ self.total  # one product a row
        return self.mean[:, None] @ to.reshape(rows, heads, queries, -1)


def word_grid(tokens: Sequence[Sequence[Token]], words: Sequence[Sequence[Span]], *, causal: bool) -> WordGrid:
    """Return the grid of some texts, each with its tokens and the corpus's words, padded to the longest text."""
    size = max(map(len, words), default=0)
    total = np.zeros((len(tokens), max(map(len, tokens), default=0), size), np.float32)
    for row, (mine, spans) in enumerate(zip(tokens, words, strict=True)):
        for at, word in enumerate(words_of_tokens(mine, spans)):
            if word is not None:
                total[row, at, word] = 1.0
    pieces = total.sum(1)  # row word
    there = pieces > 0.0
    mean = (total / np.maximum(pieces, 1.0)[:, None]).transpose(0, 2, 1)
    visible = there[:, :, None] & there[:, None] & ~np.eye(size, dtype=bool)
    return WordGrid(np.ascontiguousarray(mean), total, there, np.tril(visible) if causal else visible)


def words_of_tokens(tokens: Sequence[Token], words: Sequence[Span]) -> list[int | None]:
    """Return the index of the word in which each token starts; None for special tokens, blanks and tokens in no word.

    Where two words share characters, the token belongs to the later one.
    """
    starts = [start for start, _ in words]
    found: list[int | None] = []
    for token in tokens:
        word = bisect_right(starts, token.start) - 1 if not token.special and token.start < token.end else -1
        found.append(word if word >= 0 and token.start < words[word][1] else None)
    return found
