"""Measure every head on the texts of a file of one's own, text by text, and count them as an atlas does.

The rules are those of the shipped atlases (`attnviz.linguistics.probes`). What each head chose is kept too, so that every case
can be looked at. There are no habits, probes or untrained twin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, TooLongError
from attnviz.linguistics.atlas import contexts
from attnviz.linguistics.atlas.build import RULE
from attnviz.linguistics.atlas.header import Corpus, Header
from attnviz.linguistics.atlas.measure import SIZE, TOO_LONG, UNREADABLE, packed
from attnviz.linguistics.atlas.reader import LINKS, QUESTIONS, Atlas
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence, Span
from attnviz.linguistics.own_corpus import OwnCorpus, Text
from attnviz.linguistics.probes import coreference, dependencies
from attnviz.linguistics.probes.dependencies import DIRECTIONS
from attnviz.linguistics.probes.word_attention import word_grid
from attnviz.types import HeadRef, Token

TIE = 255  # as a choice: two words or candidates get equally much
MAX_BYTES = 48 * 2**20  # of the choices of all heads on all texts of one file
RIGHT, WRONG = "right", "wrong"


@dataclass(frozen=True)
class Case:
    """One link or question of a text: where it leads from, which word or candidate is right, and its rules."""

    source: Span
    target: Span
    relation: str = ""
    direction: int = 0
    at: int = 0  # the number of the source's row in `MeasuredText.choices`
    answer: int = 0  # the choice that is right
    offset: int = 0
    others: int = 2
    nearest: bool = False
    mentioned: float = 0.0
    place: int = 0
    context: int = 0


@dataclass(frozen=True, eq=False)
class MeasuredText:
    """What every head chose in one text, for each word (or for its pronoun): the number of a word or candidate, or TIE.

    `options` are the words or candidates that can be chosen. `left_out` counts by reason what could not be scored; a text
    without cases may be left out as a whole.
    """

    text: Text
    options: tuple[Span, ...] = ()
    cases: tuple[Case, ...] = ()
    choices: UInt8[np.ndarray, "row layer head"] | None = None
    left_out: tuple[tuple[str, int], ...] = ()

    def hits(self, case: Case) -> Bool[np.ndarray, "layer head"]:
        """Return which heads are right on a case."""
        assert self.choices is not None
        return self.choices[case.at] == case.answer

    def choice(self, case: Case, head: HeadRef) -> Span | None:
        """Return what a head chose on a case; None for a tie."""
        assert self.choices is not None
        at = int(self.choices[case.at, head.layer, head.head])
        return None if at == TIE else self.options[at]


def unread(text: Text, error: BadInputError) -> MeasuredText:
    """Return a text that the model does not read."""
    return MeasuredText(text, left_out=((TOO_LONG if isinstance(error, TooLongError) else UNREADABLE, 1),))


def worth_reading(text: Text) -> bool:
    """Return whether a text can have cases: a sentence of 4 to 60 words with a link, or a question with an answer."""
    if isinstance(text, ParsedSentence):
        return dependencies.fits(text) and bool(text.links)
    return text.answer is not None and len(text.candidates) < TIE


def skipped(text: Text) -> MeasuredText:
    """Return a text that is not read, with the reason."""
    if isinstance(text, ParsedSentence):
        reason = "sentences without links" if dependencies.fits(text) else SIZE
    else:
        reason = coreference.NO_ANSWER if text.answer is None else "questions with too many candidates"
    return MeasuredText(text, left_out=((reason, 1),))


def measured(text: Text, trace: Trace) -> MeasuredText:
    """Return what every head chose in a text that a model has read with its first block."""
    if isinstance(text, ParsedSentence):
        return _sentence(text, trace)
    return _question(text, trace)


def _sentence(text: ParsedSentence, trace: Trace) -> MeasuredText:
    """Return the words that every head looks at most from every word."""
    block, left_out = trace.block(trace.blocks[0]), Counter[str]()
    grid = word_grid([block.queries], [text.words], causal=block.causal)
    links = dependencies.scored_links([text], grid, left_out)
    choices = np.full((len(text.words), block.layers, block.heads), TIE, np.uint8)
    for layer in range(block.layers):
        chosen = dependencies.chosen(grid.attention(block.weights(layer)[None]), grid)[0]  # head word
        choices[:, layer, : len(chosen)] = np.where(chosen < 0, TIE, chosen).T
    ids = _ids(block.queries)
    cases = []
    for at, (source, target) in enumerate(zip(links.source.tolist(), links.target.tolist(), strict=True)):
        pieces = np.flatnonzero(grid.total[0, :, source]).tolist()
        cases.append(
            Case(
                text.words[source], text.words[target], links.relation[at], int(links.direction[at]), source, target,
                target - source, int(links.others[at]),
                context=contexts.link_context(ids, text.words, pieces, source, causal=block.causal),
            )
        )  # fmt: skip
    return MeasuredText(text, text.words, tuple(cases), choices, tuple(sorted(left_out.items())))


def _question(text: AnnotatedQuestion, trace: Trace) -> MeasuredText:
    """Return the candidate to which every head gives most from the pronoun."""
    block = trace.block(trace.blocks[0])
    found = coreference.token_question(text, block.queries, causal=block.causal)
    if isinstance(found, str):
        return MeasuredText(text, left_out=((found, 1),))
    choices = np.full((1, block.layers, block.heads), TIE, np.uint8)
    for layer, rows in enumerate(block.rows(found.pronoun)):  # head piece key
        mean = rows.sum(1) / np.float32(len(found.pronoun))  # as in `coreference.hits`
        peaks = np.stack([mean[:, list(tokens)].max(-1) for tokens in found.candidates], -1)  # head candidate
        alone = np.count_nonzero(peaks == peaks.max(-1, keepdims=True), axis=-1) == 1
        choices[0, layer, : len(mean)] = np.where(alone, peaks.argmax(-1), TIE)
    case = Case(
        text.pronoun, text.candidates[found.answer], answer=found.answer, nearest=found.nearest, mentioned=found.mentioned,
        place=found.place, context=contexts.question_context(_ids(block.queries), found, causal=block.causal),
    )  # fmt: skip
    return MeasuredText(text, text.candidates, (case,), choices)


def _ids(tokens: Sequence[Token]) -> list[int]:
    """Return a number for each token that is equal for equal pieces."""
    pieces = (token.piece.encode("utf-8", "surrogatepass") for token in tokens)
    return [int.from_bytes(blake2b(piece, digest_size=7).digest(), "little") for piece in pieces]


@dataclass(frozen=True, eq=False)
class OwnAtlas(Atlas):
    """An atlas in memory of the texts of one file."""

    texts: tuple[MeasuredText, ...] = ()

    def cases(self, relation: str, direction: str = "dh") -> Iterator[tuple[int, MeasuredText, Case]]:
        """Yield the cases that `links` or `questions` count, in that order, with the ordinal of each text."""
        labels = () if relation in self.kinds else self.names[self.name(relation)]
        for ordinal, text in enumerate(self.texts):
            for case in text.cases:
                if relation in self.kinds:
                    wanted = not case.relation
                else:
                    wanted = case.relation in labels and DIRECTIONS[case.direction] == direction
                if wanted:
                    yield ordinal, text, case

    @cached_property
    def _links(self) -> dict[str, np.ndarray]:
        """All links as columns; `hits` still packed."""
        found = [(at, text, case) for at, text in enumerate(self.texts) for case in text.cases if case.relation]
        numbers = {label: at for at, label in enumerate(self.header.relations)}
        columns: dict[str, list[Any]] = {
            "text": [at for at, _, _ in found], "relation": [numbers[case.relation] for _, _, case in found],
            "direction": [case.direction for _, _, case in found], "offset": [case.offset for _, _, case in found],
            "others": [case.others for _, _, case in found],
        }  # fmt: skip
        return self._columns(found, columns, LINKS)

    @cached_property
    def _questions(self) -> dict[str, np.ndarray]:
        """All questions as columns; `hits` still packed."""
        found = [(at, text, case) for at, text in enumerate(self.texts) for case in text.cases if not case.relation]
        columns: dict[str, list[Any]] = {
            "text": [at for at, _, _ in found], "nearest": [case.nearest for _, _, case in found],
            "answer": [case.place for _, _, case in found], "mentioned": [case.mentioned for _, _, case in found],
        }  # fmt: skip
        return self._columns(found, columns, QUESTIONS)

    def _columns(
        self, found: Sequence[tuple[int, MeasuredText, Case]], columns: dict[str, list[Any]], kinds: dict[str, type]
    ) -> dict[str, np.ndarray]:
        """Return columns in their types, with the corpus, the context and the packed hits."""
        size = (self.header.layers, self.header.heads)
        hits = np.array([text.hits(case) for _, text, case in found], bool).reshape(-1, *size)
        seen = np.array([case.context for _, _, case in found], np.uint64)
        context = np.unique(seen, return_inverse=True)[1]
        every = columns | {"corpus": [0] * len(found), "context": context.tolist()}
        return {name: np.array(every[name], kind) for name, kind in kinds.items()} | {"hits": packed(hits)}


def own_atlas(corpus: OwnCorpus, texts: Sequence[MeasuredText], trace: Trace) -> OwnAtlas:
    """Return the atlas of the texts measured so far, by the model that read `trace`."""
    block = trace.block(trace.blocks[0])
    left_out: Counter[str] = Counter()
    for text in texts:
        left_out.update(dict(text.left_out))
    labels = {case.relation for text in texts for case in text.cases if case.relation}
    used = sum(bool(text.cases) for text in texts)
    described = Corpus(
        corpus.format, corpus.name, "a file of one's own", "", len(corpus.texts), used, tuple(sorted(left_out.items())), ()
    )
    header = Header(
        trace.request.model, trace.digest, block.layers, block.heads, block.causal, RULE, (described,), tuple(sorted(labels)),
        (), ((0, 0), (0, 0)),
    )  # fmt: skip
    return OwnAtlas(header, Path(corpus.name), tuple(texts))


def size_in_bytes(texts: Sequence[MeasuredText]) -> int:
    """Return how many bytes the choices of some texts take."""
    return sum(0 if text.choices is None else text.choices.nbytes for text in texts)
