"""Count on how many marked sentences one head looks most at the right word, beside rules that do not read.

A head is right where, of all other words that the marked word can see, a word of the right ones gets most: special tokens are
left out and ties are wrong (Clark et al. 2019, section 4, arXiv:1906.04341). Attention to a word is the sum over its pieces,
from a word the mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.analysis import legibility_text, statistics
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.linguistics import parse
from attnviz.linguistics.anaphor import NOUNS
from attnviz.linguistics.corpora.types import Span
from attnviz.linguistics.marked_sentences import MarkedSentence
from attnviz.linguistics.probes.word_attention import word_grid
from attnviz.text import words
from attnviz.text.english import is_english
from attnviz.types import Evidence, HeadRef, quoted

ENOUGH = 30  # sentences for more than a description, as for claims
RIGHT, WRONG, LEFT_OUT = "right", "wrong", "not counted"
NO_TOKEN = "no token of the model starts in a marked word"
UNKNOWN = "the model does not know a marked word"
LATER = "the right word comes later, which this model cannot see"
ALONE = "the marked word sees fewer than two other words"
SCHEME = "of all other words, a right one gets most (Clark et al. 2019, section 4); ties are wrong"
NOUN, OFFSET, CHANCE = "noun", "offset", "chance"


@dataclass(frozen=True, eq=False)
class SentenceRow:
    """What every head gives from the marked word of one sentence to each word, and to special tokens together.

    `visible` are the words that can be chosen, `right` those that are right, `noun` the noun that is nearest to the marked
    word; None if no parser can tell, as where the text does not look `english`. Where the sentence cannot be counted,
    `reason` says why and there are no weights.
    """

    sentence: MarkedSentence
    words: tuple[Span, ...] = ()
    weights: Float[np.ndarray, "layer head word"] | None = None
    special: Float[np.ndarray, "layer head"] | None = None
    visible: Bool[np.ndarray, " word"] | None = None
    source: int = 0
    right: tuple[int, ...] = ()
    noun: int | None = None
    english: bool = True
    reason: str = ""

    @property
    def offset(self) -> int:
        """How many words after the marked word the nearest right word is; below 0 where before."""
        return min((at - self.source for at in self.right), key=lambda one: (abs(one), one), default=0)


@dataclass(frozen=True)
class SentenceResult:
    """One head on one sentence: the word it looks at most (None for a tie), both weights, the result and its reason."""

    sentence: MarkedSentence
    result: str
    reason: str = ""
    looks_at: Span | None = None
    weight: float = 0.0
    right_weight: float = 0.0
    special: float = 0.0


@dataclass(frozen=True)
class Tally:
    """One head on all sentences: each result, the counts beside the rules, and by how much it leads the strongest.

    `offset` is the distance in words at which the right word is most often, in these sentences. `nouns` is False where a
    nearest noun could not be found in all of them, so that there is no such rule; `foreign` is how many of those counted do
    not look English. `lead` is in points, with the ends of its
    95 % interval and the one-sided p-value; None below ENOUGH sentences.
    """

    head: HeadRef
    results: tuple[SentenceResult, ...]
    evidence: Evidence
    offset: int | None
    nouns: bool
    lead: tuple[float, float, float, float] | None
    foreign: int = 0

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many sentences were not counted, by reason."""
        return Counter(one.reason for one in self.results if one.result == LEFT_OUT)


def block_of(trace: Trace, head: HeadRef) -> str:
    """Return the block whose rows and columns are both the typed text; raises BadInputError for a head of another one."""
    first = trace.blocks[0]
    if head.block != first:
        raise BadInputError(
            f"Sentences are read by the {first} block; {head} is of the {head.block} block. Choose a head of {first}."
        )
    return first


def sentence_row(sentence: MarkedSentence, trace: Trace) -> SentenceRow:
    """Return what every head gives from the marked word of a sentence that a model has read."""
    if sentence.missing or sentence.source is None or sentence.target is None:
        return SentenceRow(sentence, reason=sentence.missing)
    block = trace.block(trace.blocks[0])
    places = words(sentence.text)
    source = _overlapping(places, sentence.source)[0]
    right = _overlapping(places, sentence.target)
    grid = word_grid([block.queries], [places], causal=block.causal)
    there, visible = grid.there[0], grid.visible[0, source]
    if not there[source] or not there[list(right)].any():
        return SentenceRow(sentence, reason=NO_TOKEN)
    if any(legibility_text.is_unknown(block.queries, places[at]) for at in (source, *right)):
        return SentenceRow(sentence, reason=UNKNOWN)
    if not visible[list(right)].any():
        return SentenceRow(sentence, reason=LATER)
    if visible.sum() < 2:
        return SentenceRow(sentence, reason=ALONE)
    pieces = np.flatnonzero(grid.total[0, :, source]).tolist()
    special = np.array([token.special for token in block.keys])
    layers, heads = block.layers, block.heads
    found, added = np.zeros((layers, heads, len(places)), np.float32), np.zeros((layers, heads), np.float32)
    for layer, rows in enumerate(block.rows(pieces)):  # head piece key
        mean = rows.mean(1)
        found[layer, : len(mean)] = mean @ grid.total[0]
        added[layer, : len(mean)] = mean[:, special].sum(-1)
    english = is_english(sentence.text, block.queries)
    noun = nearest_noun(sentence.text, places, source, visible) if english else None
    return SentenceRow(sentence, places, found, added, visible, source, right, noun, english)


def nearest_noun(text: str, places: Sequence[Span], source: int, visible: Bool[np.ndarray, " word"]) -> int | None:
    """Return the noun of an English text that is fewest words away, of equals the earlier; None without one, or no parser."""
    if not parse.latin(text) or not parse.available():
        return None
    try:
        starts = {word.start for word in parse.tagged_words(text) if word.tag in NOUNS}
    except AttnvizError:  # a text that the parser does not take
        return None
    nouns = [at for at, (start, end) in enumerate(places) if visible[at] and any(start <= one < end for one in starts)]
    return min(nouns, key=lambda at: (abs(at - source), at), default=None)


def result(row: SentenceRow, head: HeadRef) -> SentenceResult:
    """Return how one head does on one sentence."""
    if row.weights is None or row.special is None or row.visible is None:
        return SentenceResult(row.sentence, LEFT_OUT, row.reason)
    weights = row.weights[head.layer, head.head]
    seen = np.where(row.visible, weights, -1.0)
    most = float(seen.max())
    first = np.flatnonzero(seen == most).tolist()
    right_weight = float(max(seen[at] for at in row.right))
    special = float(row.special[head.layer, head.head])
    if len(first) > 1:
        return SentenceResult(row.sentence, WRONG, "several words get equally much", None, most, right_weight, special)
    is_right = RIGHT if first[0] in row.right else WRONG
    return SentenceResult(row.sentence, is_right, "", row.words[first[0]], most, right_weight, special)


def tally(rows: Sequence[SentenceRow], head: HeadRef, source: str) -> Tally:
    """Count one head on all sentences; `source` names them. Raises BadInputError for a head that the model does not have."""
    for row in rows:
        if row.weights is not None and not (head.layer < row.weights.shape[0] and head.head < row.weights.shape[1]):
            layers, heads = row.weights.shape[:2]
            raise BadInputError(
                f"This model has layers 0 to {layers - 1} with heads 0 to {heads - 1}; there is no {head}. Choose one of these."
            )
    results = tuple(result(row, head) for row in rows)
    counted = [row for row in rows if row.weights is not None]
    hits = np.array([one.result == RIGHT for one in results if one.result != LEFT_OUT], float)
    offset = _usual([row.offset for row in counted])
    rules: dict[str, np.ndarray] = {}
    nouns = bool(counted) and all(row.noun is not None for row in counted)
    if nouns:
        rules[NOUN] = np.array([row.noun in row.right for row in counted], float)
    if offset is not None:
        rules[OFFSET] = np.array([row.source + offset in row.right for row in counted], float)
    if counted:
        rules[CHANCE] = np.array([_chance(row) for row in counted])
    evidence = statistics.evidence(
        int(hits.sum()), len(hits), {name: float(right.mean()) for name, right in rules.items()},
        chosen="named by the reader", scheme=SCHEME, source=source,
    )  # fmt: skip
    foreign = sum(not row.english for row in counted)
    return Tally(head, results, evidence, offset, nouns, _lead(hits, rules, evidence), foreign)


def _lead(hits: np.ndarray, rules: Mapping[str, np.ndarray], evidence: Evidence) -> tuple[float, float, float, float] | None:
    """Return the lead over the strongest rule on the same sentences, with its interval and p-value."""
    if len(hits) < ENOUGH:
        return None
    apart = hits - rules[evidence.baseline[0]]
    return (*statistics.lead(apart, np.ones(len(apart), int)), float(statistics.sign_flips(apart[:, None])[0]))


def _chance(row: SentenceRow) -> float:
    """Return how often a random other word is right."""
    assert row.visible is not None
    return float(row.visible[list(row.right)].sum()) / float(row.visible.sum())


def _usual(offsets: Sequence[int]) -> int | None:
    """Return the most frequent distance; of equals the nearer one, then the one before the word. None without any."""
    counts = Counter(offsets)
    return min(counts, key=lambda one: (-counts[one], abs(one), one), default=None)


def _overlapping(places: Sequence[Span], span: Span) -> tuple[int, ...]:
    """Return the words that share a character with a span."""
    found = tuple(at for at, (start, end) in enumerate(places) if start < span[1] and span[0] < end)
    if not found:
        raise BadInputError(
            f"Marks stand around words; there is none in the characters {span[0]} to {span[1]}. Move the marks."
        )
    return found


def word(sentence: MarkedSentence, span: Span | None) -> str:
    """Return a word of a sentence in quotation marks; "" without one."""
    return "" if span is None else quoted(sentence.text[slice(*span)])
