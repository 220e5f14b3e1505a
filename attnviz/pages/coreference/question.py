"""The question of the Coreference page as a value, and the answer of every head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool

from attnviz import text as texts
from attnviz.analysis import link_ranking
from attnviz.analysis.specificity import OtherWords
from attnviz.engine.trace import Trace
from attnviz.lessons import examples
from attnviz.lessons.examples import Example, Span
from attnviz.linguistics import corpus_rank
from attnviz.linguistics.corpus_rank import CorpusRanks
from attnviz.pages.coreference import analysis, sentence_figure
from attnviz.types import AttentionRequest, HeadRef, Link, ModelCard
from attnviz.ui.backend import backend
from attnviz.ui.single_text import chosen


@dataclass(frozen=True)
class PronounQuestion:
    """A pronoun and its candidates. `right` is the index of the right one, None if there is none or it is not known."""

    text: str
    pronoun: Span
    candidates: tuple[Span, ...]
    right: int | None = None
    example: Example | None = None

    def word(self, span: Span) -> str:
        """Return the text of a span, with its number where the text has it more than once."""
        return numbered(self.text, texts.words(self.text), span)

    @property
    def own(self) -> bool:
        """Whether this is a sentence of the reader's own."""
        return self.example is None

    def marks(self, hit: bool | None) -> sentence_figure.Marks:
        """Return the marks in the sentence. `hit`: whether the chosen head hits; None for neither."""
        right = None if self.right is None else self.candidates[self.right]
        return sentence_figure.Marks(
            self.pronoun, self.candidates, right, () if self.example is None else self.example.cue, hit
        )


@dataclass(frozen=True)
class HeadAnswers:
    """What every head of a trace answers to a question. Each number is computed once in a run of the page."""

    question: PronounQuestion
    trace: Trace

    @cached_property
    def shares(self) -> link_ranking.CandidateShares:
        """How every head divides the pronoun's attention: sums over pieces."""
        return link_ranking.candidate_shares(self.trace, self.question.pronoun, self.question.candidates, chosen().block)

    @cached_property
    def others(self) -> OtherWords:
        """What the other words give each candidate in every head, kept beside the trace."""
        block, links = chosen().block, tuple(Link(self.question.pronoun, span) for span in self.question.candidates)
        return backend().derived(
            self.trace.request, ("others", block, links), lambda one: link_ranking.other_words(one, links, block)
        )

    @cached_property
    def on_corpus(self) -> CorpusRanks | None:
        """The rank of every head on GAP; None for a model that was not measured."""
        return corpus_rank.of_kind(self.trace, corpus_rank.PRONOUN, block=chosen().block)

    @cached_property
    def antecedents(self) -> analysis.Antecedents:
        """Which candidate every head chooses: the maximum over pieces."""
        return analysis.antecedents(self.trace, self.question.pronoun, self.question.candidates, chosen().block)

    @cached_property
    def hits(self) -> Bool[np.ndarray, "layer head"] | None:
        """Which heads choose the right candidate; None without a right one, or where one comes too late to be seen."""
        found, right = self.antecedents, self.question.right
        return None if right is None or found.late else found.hits(right)

    @cached_property
    def hits_by_sum(self) -> Bool[np.ndarray, "layer head"] | None:
        """The same by the sum over a candidate's pieces, which is the number on screen but not the rule for a hit."""
        return None if self.hits is None else analysis.wins(self.shares.values, self.question.right or 0)

    def hit(self, head: HeadRef) -> bool | None:
        """Whether a head chooses the right candidate; None without a right one, or where one comes too late to be seen."""
        return None if self.hits is None else bool(self.hits[head.layer, head.head])

    def sum_disagrees(self, head: HeadRef) -> bool:
        """Return whether the sum over pieces gives another verdict than the largest piece, by which a hit is decided."""
        if self.hits is None or self.hits_by_sum is None:
            return False
        return bool(self.hits[head.layer, head.head] != self.hits_by_sum[head.layer, head.head])


def ready_question(text: str) -> PronounQuestion | None:
    """Return the question of a ready sentence; None for any other text."""
    known = next((one for one in examples.sentences() if one.text == text), None)
    return None if known is None else PronounQuestion(known.text, known.pronoun, known.candidates, known.answer, known)


def opening_head(text: str, card: ModelCard) -> HeadRef:
    """Return the head to open a sentence with: one with a claim on this sentence, if possible the model's own."""
    own, known = HeadRef(*card.head, card.blocks[0]), ready_question(text)
    claimed = (
        [] if known is None or known.example is None else [one.head for one in known.example.claims if one.model == card.id]
    )
    return claimed[0] if claimed and own not in claimed else own


def partner(answers: HeadAnswers) -> HeadAnswers | None:
    """Return the answers for the other sentence of a minimal pair, with its own trace; None if there is none."""
    example = answers.question.example
    other = ready_question(examples.example(example.pair).text) if example is not None and example.pair is not None else None
    if other is None:
        return None
    return HeadAnswers(other, backend().attend(AttentionRequest(answers.trace.request.model, other.text)))


def numbered(text: str, places: Sequence[Span], place: Span) -> str:
    """Return a word, with its number where the text has it more than once."""
    same = [p for p in places if text[p[0] : p[1]] == text[place[0] : place[1]]]
    word = text[place[0] : place[1]]
    return f"{word} ({same.index(place) + 1})" if len(same) > 1 else word
