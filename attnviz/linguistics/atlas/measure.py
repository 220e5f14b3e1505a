"""Measure a chunk of annotated texts: every head's decisions, habits and similarity of meaning; an untrained twin's hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from attnviz import text as texts
from attnviz.engine import batch, input_limits
from attnviz.errors import AttnvizError, BadInputError, TokenError, TooLongError
from attnviz.linguistics.atlas import contexts
from attnviz.linguistics.atlas.shards import Chunk, Part
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence
from attnviz.linguistics.probes import (
    coreference,
    dependencies,
    habits,
    random_tokens,
    similarity,
    untrained_control,
    vocabulary,
)
from attnviz.linguistics.probes.word_attention import WordGrid, word_grid
from attnviz.models import untrained
from attnviz.models.load import LoadedModel
from attnviz.text import Encoding

TOKENS = 512  # in one pass, with padding: enough to keep the kernels busy; more tokens mean more padding (11 % on EWT)
LONGEST = 200_000  # bytes of a text
SIZE = "sentences of fewer than 4 or more than 60 words"
TOO_LONG = "texts longer than the model reads"
UNREADABLE = "texts of which the model reads nothing"
LACKING = "texts with tokens that the model has no embedding for"

OnDone = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class ReadText:
    """A text of a chunk as the model reads it, with its ordinal in the corpus; `choice` is a question in tokens."""

    ordinal: int
    text: ParsedSentence | AnnotatedQuestion
    reading: Encoding
    choice: coreference.TokenQuestion | None = None


@dataclass(frozen=True)
class _Ids:
    """Token ids that come from no text, in the form that `batch` takes."""

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Measurer:
    """A model that measures chunks, one after the other.

    `size` is its layers and heads as far as they attend; `tokens` bounds a pass; `layers` gives weights as `batch.layers`.
    `twin` measures the same model without training, as a control; None if there is no control.
    """

    loaded: LoadedModel
    size: tuple[int, int]
    tokens: int = TOKENS
    layers: Callable[..., Iterator[batch.LayerWeights]] = batch.layers
    twin: Measurer | None = None

    @classmethod
    def of(cls, loaded: LoadedModel, *, control: bool = False) -> Measurer:
        """Read one word to count layers and heads; `control` says whether to make an untrained twin too."""
        seen = [len(weights[0]) for weights in batch.layers(loaded.model, [_reading(loaded, "word")])]
        size = (len(seen), max(seen))
        if not control:
            return cls(loaded, size)
        return cls(loaded, size, twin=cls(replace(loaded, model=untrained.twin(loaded.model)), size))

    @property
    def causal(self) -> bool:
        """Whether no token sees a later one."""
        return self.loaded.card.causal

    def measure(self, chunk: Chunk, on_done: OnDone = lambda texts: None) -> Part:
        """Measure a chunk; `on_done` gets how many more of its texts are done."""
        left_out: Counter[str] = Counter()
        read = [one for at, text in enumerate(chunk.texts) if (one := self.read(chunk.first + at, text, left_out))]
        sentences = [one for one in read if isinstance(one.text, ParsedSentence)]
        questions = [one for one in read if isinstance(one.text, AnnotatedQuestion)]
        on_done(len(chunk.texts) - len(read))
        found = _Sums.empty(self.size)
        links, answers = [], []
        counts = None if self.twin is None else untrained_control.ControlCounts(self.size)
        for some in passes(sentences, self.tokens):
            links.append(self._links(some, found, left_out, counts))
            on_done(len(some))
        for some in passes(questions, self.tokens):
            answers.append(self._answers(some, counts))
            on_done(len(some))
        return Part(
            _ordered(links, self._no_links()), _ordered(answers, self._no_answers()), counts.arrays() if counts else {},
            found.habits, found.rows, found.meaning, found.tally, len(chunk.texts), len(read), dict(sorted(left_out.items())),
        )  # fmt: skip

    def probe(self) -> random_tokens.ProbeScores:
        """Run the probes on random tokens, which need no corpus."""
        example, tokenizer, card = _reading(self.loaded, "word"), self.loaded.tokenizer, self.loaded.card
        rows = batch.vocabulary(self.loaded.model, len(tokenizer))
        special = [token.special for token in example.tokens]
        around = vocabulary.special_around(tokenizer, example.ids, special, rows)

        def layers(some: Sequence[Sequence[int]]) -> Iterator[batch.LayerWeights]:
            types = probe_type_ids(example.type_ids, special, around, len(some[0]))
            return self.layers(self.loaded.model, [_Ids(tuple(ids), types) for ids in some])

        try:
            return random_tokens.run_probes(
                layers, self.size, vocabulary.whole_words(tokenizer, rows), around, causal=self.causal,
                max_tokens=card.max_tokens, tokens=self.tokens, named=vocabulary.names(tokenizer, around),
            )  # fmt: skip
        except AttnvizError as error:  # the results on the corpora remain valid
            return random_tokens.missing(str(error))

    def read(self, ordinal: int, text: ParsedSentence | AnnotatedQuestion, left_out: Counter[str]) -> ReadText | None:
        """Return a text as the model reads it; None, counted by reason, where it is left out."""
        if isinstance(text, ParsedSentence) and not dependencies.fits(text):
            left_out[SIZE] += 1
            return None
        try:
            reading = _reading(self.loaded, text.text)
        except BadInputError as error:
            left_out[_reason(error)] += 1
            return None
        if isinstance(text, ParsedSentence):
            return ReadText(ordinal, text, reading)
        choice = coreference.token_question(text, reading.tokens, causal=self.causal)
        if isinstance(choice, str):
            left_out[choice] += 1
            return None
        return ReadText(ordinal, text, reading, choice)

    def _links(
        self, read: Sequence[ReadText], found: _Sums, left_out: Counter[str], counts: untrained_control.ControlCounts | None
    ) -> dict[str, np.ndarray]:
        """Return the decisions of one pass over sentences; adds habits and meaning to `found`, the twin's hits to `counts`."""
        model, tokens = self.loaded.model, [one.reading.tokens for one in read]
        parsed = [one.text for one in read if isinstance(one.text, ParsedSentence)]
        words = word_grid(tokens, [one.words for one in parsed], causal=self.causal)
        links = dependencies.scored_links(parsed, words, left_out)
        places = habits.habit_cells([one.reading.ids for one in read], tokens, causal=self.causal)
        ordinals = [one.ordinal for one in read]
        like = similarity.word_similarity([batch.embeddings(model, one.reading.ids) for one in read], words, ordinals)
        hits = np.zeros((len(links.row), *self.size), bool)
        for layer, weights in enumerate(self.layers(model, [one.reading for one in read])):
            attention, heads = words.attention(weights), weights.shape[1]
            hits[:, layer, :heads] = dependencies.hits(attention, words, links)
            found.habits[:, layer, :heads] += habits.sums(weights, places)
            found.meaning[..., layer, :heads] += similarity.sums(attention, words, like)
        found.rows += places.counts
        found.tally += like.tally
        ordinal = np.array(ordinals, np.int32)[links.row]
        if self.twin is not None and counts is not None:
            counts.add_links(self.twin.link_hits(read, words, links), ordinal, links)
        return {
            "text": ordinal,
            "relation": np.array(links.relation, dtype=str),
            "direction": links.direction.astype(np.uint8),
            "offset": links.offset.astype(np.int16),
            "others": links.others.astype(np.uint16),
            "context": self._contexts(read, words, links),
            "hits": packed(hits),
        }

    def link_hits(
        self, read: Sequence[ReadText], words: WordGrid, links: dependencies.ScoredLinks
    ) -> Bool[np.ndarray, "link layer head"]:
        """Return only the decisions of one pass over sentences."""
        hits = np.zeros((len(links.row), *self.size), bool)
        for layer, weights in enumerate(self.layers(self.loaded.model, [one.reading for one in read])):
            hits[:, layer, : weights.shape[1]] = dependencies.hits(words.attention(weights), words, links)
        return hits

    def _contexts(self, read: Sequence[ReadText], words: WordGrid, links: dependencies.ScoredLinks) -> np.ndarray:
        """Return a hash of what the model sees of each link; links from one word share it."""
        seen: dict[tuple[int, int], int] = {}
        for row, source in dict.fromkeys(zip(links.row.tolist(), links.source.tolist(), strict=True)):
            pieces = np.flatnonzero(words.total[row, :, source]).tolist()
            one = read[row]
            assert isinstance(one.text, ParsedSentence)
            seen[row, source] = contexts.link_context(one.reading.ids, one.text.words, pieces, source, causal=self.causal)
        places = zip(links.row.tolist(), links.source.tolist(), strict=True)
        return np.array([seen[place] for place in places], np.uint64)

    def _answers(self, read: Sequence[ReadText], counts: untrained_control.ControlCounts | None) -> dict[str, np.ndarray]:
        """Return the decisions of one pass over questions; adds the twin's hits to `counts`."""
        choices = [one.choice for one in read if one.choice]
        ordinals = np.array([one.ordinal for one in read], np.int32)
        if self.twin is not None and counts is not None:
            counts.add_questions(self.twin.question_hits(read, choices), ordinals)
        seen = [
            contexts.question_context(one.reading.ids, choice, causal=self.causal)
            for one, choice in zip(read, choices, strict=True)
        ]  # fmt: skip
        return {
            "text": ordinals,
            "nearest": np.array([choice.nearest for choice in choices], bool),
            "answer": np.array([choice.place for choice in choices], np.uint8),
            "mentioned": np.array([choice.mentioned for choice in choices], np.float32),
            "context": np.array(seen, np.uint64),
            "hits": packed(self.question_hits(read, choices)),
        }

    def question_hits(
        self, read: Sequence[ReadText], choices: Sequence[coreference.TokenQuestion]
    ) -> Bool[np.ndarray, "question layer head"]:
        """Return which heads are right on the questions of one pass; only the pronouns' rows are computed."""
        hits = np.zeros((len(read), *self.size), bool)
        wanted = [choice.pronoun for choice in choices]
        for layer, weights in enumerate(self.layers(self.loaded.model, [one.reading for one in read], wanted)):
            hits[:, layer, : weights.shape[1]] = coreference.hits(weights, choices)
        return hits

    def _no_links(self) -> dict[str, np.ndarray]:
        """Return the empty arrays of a chunk without links."""
        none = {
            "text": np.int32, "relation": str, "direction": np.uint8, "offset": np.int16, "others": np.uint16,
            "context": np.uint64,
        }  # fmt: skip
        return {name: np.zeros(0, kind) for name, kind in none.items()} | {"hits": packed(np.zeros((0, *self.size), bool))}

    def _no_answers(self) -> dict[str, np.ndarray]:
        """Return the empty arrays of a chunk without questions."""
        none = {"text": np.int32, "nearest": bool, "answer": np.uint8, "mentioned": np.float32, "context": np.uint64}
        return {name: np.zeros(0, kind) for name, kind in none.items()} | {"hits": packed(np.zeros((0, *self.size), bool))}


@dataclass(eq=False)
class _Sums:
    """Sums over a chunk; see Part."""

    habits: np.ndarray
    rows: np.ndarray
    meaning: np.ndarray
    tally: np.ndarray

    @classmethod
    def empty(cls, size: tuple[int, int]) -> _Sums:
        """Return sums of nothing yet."""
        kinds = len(habits.NAMES)
        return cls(np.zeros((kinds, *size)), np.zeros(kinds, np.int64), np.zeros((2, 3, 2, *size)), np.zeros((2, 3), np.int64))


def probe_type_ids(
    example: Sequence[int] | None, special: Sequence[bool], around: tuple[Sequence[int], Sequence[int]], length: int
) -> tuple[int, ...] | None:
    """Return type ids for a sequence of ids, as in an example text: before, inside and after it; None if it has none."""
    if example is None:
        return None
    inner = special.index(False)
    start, end = len(around[0]), len(around[1])
    before = example[:inner] if inner == start else [example[inner]] * start
    return (*before, *[example[inner]] * (length - start - end), *example[len(example) - end :])


def passes(read: Sequence[ReadText], tokens: int) -> Iterator[list[ReadText]]:
    """Yield groups of texts of similar length, shortest first, as many as `tokens` allows with their padding; at least one."""
    some: list[ReadText] = []
    for one in sorted(read, key=lambda one: len(one.reading.ids)):
        if some and (len(some) + 1) * len(one.reading.ids) > tokens:
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def packed(hits: np.ndarray) -> np.ndarray:
    """Pack [instance, layer, head] as bits [instance, byte], all heads of layer 0 first."""
    return np.packbits(hits.reshape(len(hits), hits.shape[1] * hits.shape[2]), axis=-1)


def _ordered(found: Sequence[dict[str, np.ndarray]], none: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of all passes in the order of the corpus."""
    merged = {name: np.concatenate([none[name], *(one[name] for one in found)]) for name in none}
    order = merged["text"].argsort(kind="stable")
    return {name: array[order] for name, array in merged.items()}


def _reason(error: BadInputError) -> str:
    """Return why a text is left out."""
    return TOO_LONG if isinstance(error, TooLongError) else LACKING if isinstance(error, TokenError) else UNREADABLE


def _reading(loaded: LoadedModel, text: str) -> Encoding:
    """Return a text as the model reads it; an encoder-decoder reads it with its encoder."""
    texts.checked(text, LONGEST)
    found = texts.read(loaded.tokenizer, text, max_tokens=loaded.card.max_tokens, name=loaded.card.name)
    input_limits.check_reading(loaded.model, found, loaded.card.name)
    return found
