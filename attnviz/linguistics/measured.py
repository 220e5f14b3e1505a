"""A chunk of annotated texts and a loaded model in, a Part out: every head's decisions, habits and liking for meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from attnviz import text as texts
from attnviz.engine import batch, limits
from attnviz.errors import BadInputError, TokenError, TooLongError
from attnviz.linguistics import decisions, habits, meaning, pronouns
from attnviz.linguistics.annotated import Parsed, Question
from attnviz.linguistics.grid import grid
from attnviz.linguistics.parts import Chunk, Part
from attnviz.models.load import LoadedModel
from attnviz.text import Reading

TOKENS = 512  # of one pass, padding included: enough to keep the kernels busy; more is more padding (11 % on EWT)
LONGEST = 200_000  # bytes of a text
SIZE = "sentences of fewer than 4 or more than 60 words"
TOO_LONG = "texts longer than the model reads"
UNREADABLE = "texts of which the model reads nothing"
LACKING = "texts with tokens that the model has no embedding for"

Told = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Read:
    """A text of a chunk as the model reads it, with its ordinal in the corpus; of a question, `choice` is it in tokens."""

    ordinal: int
    text: Parsed | Question
    reading: Reading
    choice: pronouns.Choice | None = None


@dataclass(frozen=True, eq=False)
class Meter:
    """A model that measures chunks, one after the other.

    `size` is its layers and heads as far as they attend; `tokens` bounds a pass; `layers` gives weights as `batch.layers`.
    """

    loaded: LoadedModel
    size: tuple[int, int]
    tokens: int = TOKENS
    layers: Callable[..., Iterator[batch.Weights]] = batch.layers

    @classmethod
    def of(cls, loaded: LoadedModel) -> Meter:
        """Reads one word to see how many layers and heads there are."""
        seen = [len(weights[0]) for weights in batch.layers(loaded.model, [_reading(loaded, "word")])]
        return cls(loaded, (len(seen), max(seen)))

    @property
    def causal(self) -> bool:
        """Whether no token sees a later one."""
        return self.loaded.card.causal

    def part(self, chunk: Chunk, told: Told = lambda texts: None) -> Part:
        """What a chunk gives; `told` hears how many more of its texts are done."""
        left_out: Counter[str] = Counter()
        read = [one for at, text in enumerate(chunk.texts) if (one := self.read(chunk.first + at, text, left_out))]
        sentences = [one for one in read if isinstance(one.text, Parsed)]
        questions = [one for one in read if isinstance(one.text, Question)]
        told(len(chunk.texts) - len(read))
        found = _Sums.empty(self.size)
        links, answers = [], []
        for some in passes(sentences, self.tokens):
            links.append(self._links(some, found, left_out))
            told(len(some))
        for some in passes(questions, self.tokens):
            answers.append(self._answers(some))
            told(len(some))
        return Part(
            _ordered(links, self._no_links()), _ordered(answers, self._no_answers()), found.habits, found.rows,
            found.meaning, found.tally, len(chunk.texts), len(read), dict(sorted(left_out.items())),
        )  # fmt: skip

    def read(self, ordinal: int, text: Parsed | Question, left_out: Counter[str]) -> Read | None:
        """A text as the model reads it; None where it is left out, which is counted."""
        if isinstance(text, Parsed) and not decisions.fits(text):
            left_out[SIZE] += 1
            return None
        try:
            reading = _reading(self.loaded, text.text)
        except BadInputError as error:
            left_out[_reason(error)] += 1
            return None
        if isinstance(text, Parsed):
            return Read(ordinal, text, reading)
        choice = pronouns.choice(text, reading.tokens, causal=self.causal)
        if isinstance(choice, str):
            left_out[choice] += 1
            return None
        return Read(ordinal, text, reading, choice)

    def _links(self, read: Sequence[Read], found: _Sums, left_out: Counter[str]) -> dict[str, np.ndarray]:
        """The decisions of one pass over sentences; habits and meaning are added to `found`."""
        model, tokens = self.loaded.model, [one.reading.tokens for one in read]
        parsed = [one.text for one in read if isinstance(one.text, Parsed)]
        words = grid(tokens, [one.words for one in parsed], causal=self.causal)
        asked = decisions.asked(parsed, words, left_out)
        places = habits.places([one.reading.ids for one in read], tokens, causal=self.causal)
        ordinals = [one.ordinal for one in read]
        like = meaning.similar([batch.embeddings(model, one.reading.ids) for one in read], words, ordinals)
        hits = np.zeros((len(asked.row), *self.size), bool)
        for layer, weights in enumerate(self.layers(model, [one.reading for one in read])):
            attention, heads = words.attention(weights), weights.shape[1]
            hits[:, layer, :heads] = decisions.hits(attention, words, asked)
            found.habits[:, layer, :heads] += habits.sums(weights, places)
            found.meaning[..., layer, :heads] += meaning.sums(attention, words, like)
        found.rows += places.counts
        found.tally += like.tally
        return {
            "text": np.array(ordinals, np.int32)[asked.row],
            "relation": np.array(asked.relation, dtype=str),
            "direction": asked.direction.astype(np.uint8),
            "offset": asked.offset.astype(np.int16),
            "others": asked.others.astype(np.uint16),
            "hits": packed(hits),
        }

    def _answers(self, read: Sequence[Read]) -> dict[str, np.ndarray]:
        """The decisions of one pass over questions, for which only the pronouns' rows are computed."""
        choices = [one.choice for one in read if one.choice]
        hits = np.zeros((len(read), *self.size), bool)
        wanted = [choice.pronoun for choice in choices]
        for layer, weights in enumerate(self.layers(self.loaded.model, [one.reading for one in read], wanted)):
            hits[:, layer, : weights.shape[1]] = pronouns.hits(weights, choices)
        return {
            "text": np.array([one.ordinal for one in read], np.int32),
            "nearest": np.array([choice.nearest for choice in choices], bool),
            "hits": packed(hits),
        }

    def _no_links(self) -> dict[str, np.ndarray]:
        """The links of a chunk that has none."""
        none = {"text": np.int32, "relation": str, "direction": np.uint8, "offset": np.int16, "others": np.uint16}
        return {name: np.zeros(0, kind) for name, kind in none.items()} | {"hits": packed(np.zeros((0, *self.size), bool))}

    def _no_answers(self) -> dict[str, np.ndarray]:
        """The questions of a chunk that has none."""
        return {
            "text": np.zeros(0, np.int32), "nearest": np.zeros(0, bool), "hits": packed(np.zeros((0, *self.size), bool)),
        }  # fmt: skip


@dataclass(eq=False)
class _Sums:
    """What is added up over a chunk; see Part."""

    habits: np.ndarray
    rows: np.ndarray
    meaning: np.ndarray
    tally: np.ndarray

    @classmethod
    def empty(cls, size: tuple[int, int]) -> _Sums:
        """Nothing yet."""
        kinds = len(habits.NAMES)
        return cls(np.zeros((kinds, *size)), np.zeros(kinds, np.int64), np.zeros((2, 3, 2, *size)), np.zeros((2, 3), np.int64))


def passes(read: Sequence[Read], tokens: int) -> Iterator[list[Read]]:
    """Texts of like length together, shortest first, as many as `tokens` allows with their padding; at least one."""
    some: list[Read] = []
    for one in sorted(read, key=lambda one: len(one.reading.ids)):
        if some and (len(some) + 1) * len(one.reading.ids) > tokens:
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def packed(hits: np.ndarray) -> np.ndarray:
    """[instance, layer, head] as bits [instance, byte], all heads of layer 0 first."""
    return np.packbits(hits.reshape(len(hits), hits.shape[1] * hits.shape[2]), axis=-1)


def _ordered(found: Sequence[dict[str, np.ndarray]], none: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of all passes in the order of the corpus."""
    whole = {name: np.concatenate([none[name], *(one[name] for one in found)]) for name in none}
    order = whole["text"].argsort(kind="stable")
    return {name: array[order] for name, array in whole.items()}


def _reason(error: BadInputError) -> str:
    """Why a text is left out."""
    return TOO_LONG if isinstance(error, TooLongError) else LACKING if isinstance(error, TokenError) else UNREADABLE


def _reading(loaded: LoadedModel, text: str) -> Reading:
    """A text as the model reads it; an encoder-decoder reads it with its encoder."""
    texts.checked(text, LONGEST)
    found = texts.read(loaded.tokenizer, text, max_tokens=loaded.card.max_tokens, name=loaded.card.name)
    limits.check_reading(loaded.model, found, loaded.card.name)
    return found
