"""Find instances that look the same to a model: the tokens that it can see are equal.

A head cannot distinguish two instances of one context, so it makes the same choice in both. If their right answers differ, it
is right in at most one of them: `ceiling` counts how often any head can be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt64

from attnviz.linguistics.corpora.types import Span
from attnviz.linguistics.probes.coreference import TokenQuestion


def link_context(ids: Sequence[int], words: Sequence[Span], pieces: Sequence[int], source: int, *, causal: bool) -> int:
    """Return the context of a link: the token ids and words visible from word `source`, whose tokens are `pieces`."""
    seen, known = (ids[: max(pieces) + 1], words[: source + 1]) if causal else (ids, words)
    return _hash((*seen, -1, *(end for span in known for end in span), -1, source))


def question_context(ids: Sequence[int], choice: TokenQuestion, *, causal: bool) -> int:
    """Return the context of a question: the token ids that the pronoun can see, its tokens, and those of all candidates."""
    seen = ids[: max(choice.pronoun) + 1] if causal else ids
    candidates = (token for tokens in sorted(choice.candidates) for token in (*tokens, -1))
    return _hash((*seen, -1, *choice.pronoun, -1, *candidates))


def distance_to_first(hashes: UInt64[np.ndarray, " n"]) -> Integer[np.ndarray, " n"]:
    """Return how many places before each instance the first one with its context is; 0 for the first itself."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return np.arange(len(hashes)) - first[inverse]


def ceiling(context: Integer[np.ndarray, " n"], answer: Integer[np.ndarray, " n"]) -> int:
    """Return the most instances that any head can get right: for each context those with its most frequent answer."""
    known, times = _pairs(context, answer)
    if not len(known):
        return 0
    starts = np.flatnonzero(np.append(True, known[1:] != known[:-1]))
    return int(np.maximum.reduceat(times, starts).sum())


def decidable(context: Integer[np.ndarray, " n"], answer: Integer[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Return the instances whose context has only one right answer."""
    known, answers = np.unique(_pairs(context, answer)[0], return_counts=True)
    counts: Int[np.ndarray, " n"] = answers[np.searchsorted(known, context)]
    return counts == 1


def _pairs(
    context: Integer[np.ndarray, " n"], answer: Integer[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Return the context of each pair of context and answer, in order, and how often the pair occurs."""
    least = int(answer.min(initial=0))
    many = int(answer.max(initial=0)) - least + 1
    pairs, times = np.unique(context.astype(np.int64) * many + (answer.astype(np.int64) - least), return_counts=True)
    return pairs // many, times


def _hash(numbers: Sequence[int]) -> int:
    """Return a hash of 64 bits: among a million contexts, two are equal by chance once in forty million cases."""
    return int.from_bytes(blake2b(np.array(numbers, np.int64).tobytes(), digest_size=8).digest(), "little")
