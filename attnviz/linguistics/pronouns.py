"""Questions about a pronoun and a batch's attention in; which heads give it the right candidate out.

Attention from the pronoun is the mean over its pieces, attention to a candidate the maximum over its pieces (a sum would
favour long names). A head is right where the right candidate gets more than every other one; a tie is a miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.errors import BadInputError
from attnviz.linguistics.annotated import Question, Span
from attnviz.text import tokens_of
from attnviz.types import Token

NO_ANSWER = "questions without a right candidate"
NO_TOKEN = "questions about a word in which no token starts"
LATER = "questions with a candidate after the pronoun, which a causal model cannot see"


@dataclass(frozen=True)
class Choice:
    """One question as a model reads it: tokens of the pronoun and of each candidate, which is right, and if it is nearest."""

    pronoun: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]
    answer: int
    nearest: bool


def choice(question: Question, tokens: Sequence[Token], *, causal: bool) -> Choice | str:
    """The question in tokens, or the reason why it cannot be asked."""
    if question.answer is None or len(question.candidates) < 2:
        return NO_ANSWER
    try:
        pronoun = tokens_of(question.pronoun, tokens)
        candidates = tuple(tokens_of(span, tokens) for span in question.candidates)
    except BadInputError:
        return NO_TOKEN
    if causal and max(map(max, candidates)) >= min(pronoun):
        return LATER
    away = [distance(question.pronoun, span) for span in question.candidates]
    nearest = away.count(min(away)) == 1 and away.index(min(away)) == question.answer
    return Choice(pronoun, candidates, question.answer, nearest)


def distance(one: Span, other: Span) -> int:
    """Characters between two spans; below 0 where they overlap."""
    return max(one[0], other[0]) - min(one[1], other[1])


def hits(attention: Float[np.ndarray, "row head query key"], choices: Sequence[Choice]) -> Bool[np.ndarray, "row head"]:
    """Which heads are right, of each question; the queries are the pronoun's own pieces, as `Choice.pronoun` lists them."""
    pieces = np.array([len(choice.pronoun) for choice in choices])
    mean = attention.sum(2) / pieces[:, None, None].astype(np.float32)  # row head key
    found = np.zeros(mean.shape[:2], bool)
    for row, choice in enumerate(choices):
        most = np.stack([mean[row][:, list(tokens)].max(-1) for tokens in choice.candidates], -1)  # head candidate
        found[row] = most[:, choice.answer] > np.delete(most, choice.answer, -1).max(-1)
    return found
