"""Predict which word one head attends to most from each word of a sentence, and on which links that is right.

The rule is the one by which heads are measured (`probes.dependencies`, Clark et al. 2019, section 4): the other word that
gets most, special tokens left out, no prediction for a tie. Here it is applied to one sentence and one head.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.probes.dependencies import DIRECTIONS, LEFT_OUT, chosen
from attnviz.linguistics.probes.word_attention import WordGrid, word_grid
from attnviz.types import HeadRef, Link

HIT, MISS, UNSEEN, UNREAD = "hit", "miss", "unseen", "unread"


@dataclass(frozen=True)
class Prediction:
    """The number of the other word that one word attends to most, None for a tie; `weight` is the attention it gets."""

    word: int | None
    weight: float


@dataclass(frozen=True)
class Outcome:
    """The result on one link: from word `source`, which should look at word `target`, the head looks at `choice`.

    `state` is `hit`; `miss`; `unseen`, where a causal model cannot look at the target, because it comes later; or `unread`,
    where no token starts in one of the words. Only hits and misses are counted.
    """

    link: Link
    source: int
    target: int
    choice: Prediction
    state: str

    @property
    def counts(self) -> bool:
        """Whether the head could have been right."""
        return self.state in (HIT, MISS)


@dataclass(frozen=True)
class RelationCount:
    """Counts on the links of one relation: hits, links that the head could get right, and links that it could not see."""

    relation: str
    hits: int
    n: int
    unseen: int


def outcomes(trace: Trace, parsed: ParsedSentence, head: HeadRef, direction: str) -> tuple[Outcome, ...]:
    """Return the result on every link, in order; `direction` is `dh` (dependents look) or `hd` (heads look).

    Roots and punctuation are left out, as they are when heads are measured. Raises BadInputError for another direction, and
    for a block from one text to another.
    """
    if direction not in DIRECTIONS:
        raise BadInputError(f"A direction is {' or '.join(DIRECTIONS)}; got {direction!r}.")
    made, looks = _predictions(trace, parsed, head)
    numbers = {place: number for number, place in enumerate(parsed.words)}
    found = []
    for link in parsed.links:
        ends = numbers.get(link.source), numbers.get(link.target)
        source, target = ends if direction == "dh" else ends[::-1]
        if source is not None and target is not None and link.kind.partition(":")[0].lower() not in LEFT_OUT:
            state = _state(made, source, target, looks[source].word)
            found.append(Outcome(link, source, target, looks[source], state))
    return tuple(found)


def predictions(trace: Trace, parsed: ParsedSentence, head: HeadRef) -> tuple[Prediction, ...]:
    """Return the word that the head attends to most from each word."""
    return _predictions(trace, parsed, head)[1]


def counts(found: Sequence[Outcome]) -> tuple[RelationCount, ...]:
    """Return hits and misses by relation as the sentence names it, in order of first occurrence."""
    kinds = dict.fromkeys(one.link.kind for one in found)
    return tuple(
        RelationCount(
            kind,
            sum(one.state == HIT for one in found if one.link.kind == kind),
            sum(one.counts for one in found if one.link.kind == kind),
            sum(one.state == UNSEEN for one in found if one.link.kind == kind),
        )
        for kind in kinds
    )


def best_distance(found: Sequence[Outcome]) -> tuple[int, int]:
    """Return the most frequent distance of the counted links, and how many have it: a rule that ignores meaning.

    In a tie the nearer one, then the backward one, as where heads are measured; (0, 0) where nothing is counted.
    """
    times = Counter(one.target - one.source for one in found if one.counts)
    return min(times.items(), key=lambda one: (-one[1], abs(one[0]), one[0]), default=(0, 0))


def _predictions(trace: Trace, parsed: ParsedSentence, head: HeadRef) -> tuple[WordGrid, tuple[Prediction, ...]]:
    """Return which words have tokens and are visible, and which word the head chooses from each."""
    part = trace.block(head.block)
    if part.queries != part.keys:
        raise BadInputError("Links run within one text; this block looks from one text at another. Choose another block.")
    made = word_grid([part.queries], [parsed.words], causal=part.causal)
    attention = made.attention(part.weights(head.layer, head.head)[None, None])
    found = chosen(attention, made)[0, 0]
    weights = np.take_along_axis(attention[0, 0], np.maximum(found, 0)[:, None], -1)[:, 0]
    return made, tuple(
        Prediction(None, 0.0) if word < 0 else Prediction(int(word), float(weight))
        for word, weight in zip(found, weights, strict=True)
    )


def _state(made: WordGrid, source: int, target: int, choice: int | None) -> str:
    """Return the result on a link."""
    if not made.there[0, [source, target]].all():
        return UNREAD
    if not made.visible[0, source, target]:
        return UNSEEN
    return HIT if choice == target else MISS
