"""The numbers that decide a question: what the model gives for every answer that the question leaves open.

Words are the app's words: attention to a word is the sum over its pieces, from a word the mean over them. A word of the
question that is several of the app's words is treated the same way.

- `weight`: what the head gives the key from the query.
- `difference`: that, less the mean of what the other words give the key (words that see it, without query and key).
- `received`: the mean of what the words that see the key give it, the key itself left out.
- `entropy`: how spread out the query's row is, in bits: Clark et al. 2019, section 3.3 (arXiv:1906.04341), who use nats.
- `distance`: how many words away the query looks: the mean over words, weighted by attention; special tokens are left out.
- `tokens`: of how many tokens the text is, special ones included.
- `arithmetic`: what a sum that the reader does by hand comes to; it needs no model.
- `hit rate`: on what share of the held-out annotated links the head looks most at the right word (see `claims`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from attnviz.analysis import row_stats, view
from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.lessons import examples
from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader
from attnviz.teaching.questions import LessonQuestion
from attnviz.types import HeadRef, Unit, joined, quoted
from attnviz.view_state import ViewOptions

Span = tuple[int, int]
Tracer = Callable[[str, str], Trace]  # a model and a text become a trace


@dataclass(frozen=True)
class OpenAnswer:
    """An answer that is open: its id, what it is called, and the measure's value; NaN where there is none.

    Ids: `4-10` is a word by its characters, `s0` a special token by its place, `3.1` a head, `43-45>4-10` a link, `o2` the
    third option of a list; "" stands for the one value of a question that leaves nothing open.
    """

    id: str
    label: str
    value: float


def choices(question: LessonQuestion, trace: Tracer) -> tuple[OpenAnswer, ...]:
    """Return every open answer of a question with its value, in the order of the text, the model or the list.

    Raises BadInputError for a word that the model does not read and for a measure that this model does not have.
    """
    if question.measure == "tokens":
        counts = [len(trace(question.model, text).tokens) for text in question.options or (question.text,)]
        if not question.options:
            return (OpenAnswer("", "", float(counts[0])),)
        return tuple(
            OpenAnswer(f"o{at}", text, float(n)) for at, (text, n) in enumerate(zip(question.options, counts, strict=True))
        )
    if question.measure == "arithmetic":
        return (OpenAnswer("", "", question.given["expression"]),)
    source: _Rates | _Weights = (
        _Rates(question) if question.measure == "hit rate" else _Weights.of(question, trace(question.model, question.text))
    )
    if question.options:
        return tuple(OpenAnswer(f"o{at}", name, source.named(name)) for at, name in enumerate(question.options))
    return tuple(source.all())


@dataclass(frozen=True, eq=False)
class _Rates:
    """How often each head is right on annotated texts."""

    question: LessonQuestion

    def of(self, relation: str) -> Float[np.ndarray, "layer head"]:
        """Return the rate of every head. Raises BadInputError for a model or relation without numbers."""
        return held_out_rates(self.question.model, relation, self.question.given["direction"])

    def named(self, name: str) -> float:
        """Return the rate for one option: a head, or a relation."""
        by_relation = self.question.open == "relation"
        head = self.question.given["head"] if by_relation else HeadRef.parse(name)
        return float(self.of(name if by_relation else self.question.given["relation"])[head.layer, head.head])

    def all(self) -> Iterator[OpenAnswer]:
        """Yield every head, or the one that the question names."""
        rates = self.of(self.question.given["relation"])
        if not self.question.open:
            head = self.question.given["head"]
            yield OpenAnswer("", "", float(rates[head.layer, head.head]))
            return
        for (layer, head), rate in np.ndenumerate(rates):
            yield OpenAnswer(f"{layer}.{head}", str(HeadRef(layer, head)), float(rate))


@lru_cache(maxsize=64)
def held_out_rates(model: str, relation: str, direction: str) -> Float[np.ndarray, "layer head"]:
    """Return the share of held-out links on which each head is right; raises BadInputError where there are too few."""
    atlas = reader.shipped(model)
    if atlas is None:
        raise BadInputError(f"The heads of {quoted(model)} were not measured on annotated texts. Ask about another model.")
    found = claims.hits(atlas, relation, direction)
    odd = found.where(~found.even)
    if len(odd) < claims.ENOUGH:
        raise BadInputError(
            f"A hit rate needs {claims.ENOUGH} held-out links; {quoted(relation)} has {len(odd)}. Choose a more frequent one."
        )
    return odd.counts / len(odd)


@dataclass(frozen=True, eq=False)
class _Weights:
    """The attention of one text by words, from which the measures of words are taken."""

    question: LessonQuestion
    block: Block
    units: tuple[Unit, ...]
    grids: dict[int, Float[np.ndarray, "head query key"]] = field(default_factory=dict)  # at most one layer

    @classmethod
    def of(cls, question: LessonQuestion, trace: Trace) -> _Weights:
        block = trace.block(trace.blocks[0])
        return cls(question, block, view.sides(block, ViewOptions())[0])

    @property
    def words(self) -> Bool[np.ndarray, " unit"]:
        """Which units are words."""
        return row_stats.words_among(self.units)

    @property
    def visible(self) -> Bool[np.ndarray, "query key"]:
        """Which keys each query can see."""
        everything = np.ones((len(self.units), len(self.units)), bool)
        return np.tril(everything) if self.block.causal else everything

    def at(self, span: Span | str) -> list[int]:
        """Return the units inside a span, or the special tokens of a name; raises BadInputError if there are none."""
        if isinstance(span, str):
            found = [at for at, one in enumerate(self.units) if one.special and one.text == span]
            if not found:
                names = dict.fromkeys(one.text for one in self.units if one.special)
                raise BadInputError(
                    f"The model adds {joined(tuple(names)) or 'no special token'} to a text; not {quoted(span)}."
                )
            return found
        found = [at for at, one in enumerate(self.units) if not one.special and span[0] < one.end and one.start < span[1]]
        if not found:
            raise BadInputError(f"The model reads no token at {quoted(self.question.text[slice(*span)])}. Choose another word.")
        return found

    def id(self, at: int) -> str:
        """Return the id of a unit."""
        one = self.units[at]
        return f"s{at}" if one.special else f"{one.start}-{one.end}"

    def named(self, name: str) -> float:
        """Return the value for one option: a head, or a word of the text."""
        if self.question.open == "head":
            return float(self._values(HeadRef.parse(name))[0])
        return float(self._values(None, **{self.question.open: self.at(examples.span(self.question.text, name))})[0])

    def all(self) -> Iterator[OpenAnswer]:
        """Yield everything that can fill the open part."""
        opened = self.question.open
        if opened == "head":
            for layer in range(self.block.layers):
                for head, value in enumerate(self._layer(layer)):
                    yield OpenAnswer(f"{layer}.{head}", str(HeadRef(layer, head)), float(value))
        elif opened == "link":
            for query in self._open():
                for key in self._open():
                    if query != key and self.visible[query, key]:
                        names = f"{self.id(query)}>{self.id(key)}", f"{self.units[query].text} → {self.units[key].text}"
                        yield OpenAnswer(*names, float(self._values(None, query=[query], key=[key])[0]))
        elif opened:
            for at in self._open():
                if self._can_fill(at):
                    yield OpenAnswer(self.id(at), self.units[at].text, float(self._values(None, **{opened: [at]})[0]))
        else:
            yield OpenAnswer("", "", float(self._values(None)[0]))

    def _open(self) -> list[int]:
        """Return the units that can be chosen."""
        return [at for at, one in enumerate(self.units) if self.question.special or not one.special]

    def _can_fill(self, at: int) -> bool:
        """Return whether a unit can be the open word: the key is in sight of the query, and is not a word of the question."""
        if self.question.open == "key":
            return "query" not in self.question.given or bool(self.visible[self._given("query"), at].any())
        return "key" not in self.question.given or bool(self.visible[at, self._given("key")].any())

    def _given(self, name: str) -> list[int]:
        return self.at(self.question.given[name]) if name in self.question.given else []

    def _values(self, head: HeadRef | None, **parts: list[int]) -> Float[np.ndarray, " head"]:
        """Return the measure for one head: the one given, or that of the question."""
        chosen = head or self.question.given["head"]
        weights = self._grid(chosen.layer)[chosen.head : chosen.head + 1]
        return self._measure(weights, parts.get("query", self._given("query")), parts.get("key", self._given("key")))

    def _layer(self, layer: int) -> Float[np.ndarray, " head"]:
        """Return the measure for all heads of a layer."""
        return self._measure(self._grid(layer), self._given("query"), self._given("key"))

    def _grid(self, layer: int) -> Float[np.ndarray, "head query key"]:
        """Return the weights of a layer by words."""
        if layer not in self.grids:
            self.grids.clear()
            self.grids[layer] = view.merged(self.block.weights(layer), self.units, self.units)
        return self.grids[layer]

    def _measure(
        self, weights: Float[np.ndarray, "head query key"], query: Sequence[int], key: Sequence[int]
    ) -> Float[np.ndarray, " head"]:
        """Return the measure of some heads from their weights by words."""
        name = self.question.measure
        if name in ("weight", "difference", "received"):
            given = weights[:, :, list(key)].sum(-1)  # head query
            weight = given[:, list(query)].mean(-1) if query else np.zeros(len(weights))
            if name == "weight":
                return weight
            taken = np.isin(np.arange(len(self.units)), [*query, *key] if name == "difference" else [*key])
            others = self.words & ~taken & self.visible[:, list(key)].any(-1)
            if not others.any():
                return np.full(len(weights), np.nan)
            mean = given[:, others].mean(-1)
            return mean if name == "received" else weight - mean
        row = weights[:, list(query)].mean(1)  # head key
        if name == "entropy":
            return row_stats.entropy(row)
        words = np.where(self.words, row, 0.0)
        places = np.cumsum(self.words) - 1
        away = np.abs(places - places[list(query)].mean())
        total = words.sum(-1)
        return np.divide((words * away).sum(-1), total, out=np.full(len(row), np.nan), where=total > view.NOTHING)
