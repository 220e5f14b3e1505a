"""Score which heads give the right candidate most attention from a pronoun, and a rule that only counts names.

Attention from the pronoun is the mean over its pieces, attention to a candidate the maximum over its pieces (a sum would
favour long names). A head is right where the right candidate gets more than every other one; a tie is a miss.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.types import AnnotatedQuestion, Span
from attnviz.text import tokens_of
from attnviz.types import Token

NO_ANSWER = "questions without a right candidate"
NO_TOKEN = "questions about a word in which no token starts"
LATER = "questions with a candidate after the pronoun, which a causal model cannot see"


@dataclass(frozen=True)
class TokenQuestion:
    """One question as a model reads it: tokens of the pronoun and of each candidate, which is right, whether it is nearest.

    `mentioned` is how often the rule “the name mentioned more often” is right: 1, 0, or 1 / k where k candidates share the
    first place and the right one is among them.
    """

    pronoun: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]
    answer: int
    nearest: bool
    mentioned: float

    @property
    def place(self) -> int:
        """The index of the right candidate in the order of the text, from 0."""
        return sorted(self.candidates).index(self.candidates[self.answer])


def token_question(question: AnnotatedQuestion, tokens: Sequence[Token], *, causal: bool) -> TokenQuestion | str:
    """Return the question in tokens, or the reason why it cannot be scored."""
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
    return TokenQuestion(pronoun, candidates, question.answer, nearest, mentioned(question, question.answer))


def mentioned(question: AnnotatedQuestion, answer: int) -> float:
    """Return how often “the name mentioned more often” is right on one question; see `TokenQuestion.mentioned`."""
    counts = [mentions(question.text, question.text[slice(*span)]) for span in question.candidates]
    first = max(counts)
    return 1.0 / counts.count(first) if counts[answer] == first else 0.0


def mentions(text: str, name: str) -> int:
    """Return how often a text mentions a name: the count of the name's most frequent word.

    So “Cassidy” alone is a mention of “Cheryl Cassidy”. The whole text counts, also after the pronoun; letter case matters.
    """
    return max((len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text)) for word in set(name.split())), default=0)


def distance(one: Span, other: Span) -> int:
    """Return the characters between two spans; below 0 where they overlap."""
    return max(one[0], other[0]) - min(one[1], other[1])


def hits(attention: Float[np.ndarray, "row head query key"], choices: Sequence[TokenQuestion]) -> Bool[np.ndarray, "row head"]:
    """Return which heads are right on each question; the queries are the pronoun's own pieces, in order."""
    pieces = np.array([len(choice.pronoun) for choice in choices])
    mean = attention.sum(2) / pieces[:, None, None].astype(np.float32)  # row head key
    found = np.zeros(mean.shape[:2], bool)
    for row, choice in enumerate(choices):
        most = np.stack([mean[row][:, list(tokens)].max(-1) for tokens in choice.candidates], -1)  # head candidate
        found[row] = most[:, choice.answer] > np.delete(most, choice.answer, -1).max(-1)
    return found
