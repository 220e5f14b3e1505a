"""A question in, how much an answer to it may hold out: what is beyond that is refused before anybody computes on it.

A few kilobytes can tell of so many tokens that one head's weights would fill a machine. How many there can be is known
here: a text has so many bytes, a model reads so many tokens. What a server says of its models counts up to a bound of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attnviz.engine.trace import Block, Trace
from attnviz.errors import AnswerError
from attnviz.models import catalog
from attnviz.types import AttentionRequest, ModelCard, Token

TOKENS, LAYERS, HEADS, WIDTH = 2**16, 512, 512, 1024  # of any model; WIDTH is numbers of a query
GROWS = 12  # tokens that a byte of text becomes at most: three bytes may stand for a phrase of 33
AROUND = 64  # tokens that stand around a text, or that a model writes by itself
SLACK = 2**20  # bytes of an answer for all that is small


@dataclass(frozen=True)
class Bounds:
    """The most that an answer may have: tokens of a side, layers, heads of one, and bytes of all arrays, or of one head."""

    request: AttentionRequest
    tokens: int
    layers: int
    heads: int
    bytes: int
    head: int

    @classmethod
    def of(cls, request: AttentionRequest, told: ModelCard | None, most: int, *, whole: bool = False) -> Bounds:
        """Of a question. A model of our own catalogue is known; of another one that counts which the server has `told`.

        `most` bytes are allowed whatever is asked.
        """
        card = next((card for card in catalog.cards() if card.id == request.model), told)
        size = len(f"{request.text}{request.text_b or ''}".encode())
        tokens, layers, heads = GROWS * size + AROUND, LAYERS, HEADS
        if card is not None:
            tokens, layers, heads = min(tokens, card.max_tokens), min(card.layers, LAYERS), min(card.heads, HEADS)
        tokens = min(tokens, TOKENS)
        sides = 1 if card is not None and card.kind != "encoder-decoder" else 3
        cells = (LAYERS if sides == 3 else layers) * heads * tokens * (tokens + (WIDTH if whole else 0))
        return cls(request, tokens, layers, heads, min(most, 8 * sides * cells + SLACK), most)

    def checked(self, trace: Trace) -> Trace:
        """The trace, if it can be an answer; AnswerError otherwise."""
        if trace.request != self.request:
            raise AnswerError("It answered to another text than was asked. Try again.")
        for part in trace.parts:
            self._sized(part)
            for side in {part.queries, part.keys}:
                self._placed(side, trace.written)
        return trace

    def _sized(self, part: Block) -> None:
        """AnswerError where a block is larger than the model."""
        queries, keys = len(part.queries), len(part.keys)
        if max(queries, keys) > self.tokens:
            raise AnswerError(f"This text has at most {self.tokens:,} tokens; the answer has {max(queries, keys):,}.")
        if 4 * queries * keys > self.head:
            raise AnswerError(
                f"One head's weights may hold {self.head:,} bytes; the answer's would hold {4 * queries * keys:,}."
            )
        layers, heads = (self.layers, self.heads) if part.name in ("self", "encoder") else (LAYERS, HEADS)
        if part.layers > layers or part.heads > heads:  # fewer it may have: a smaller model in a folder of that name
            raise AnswerError(
                f"{self.request.model} has at most {layers} layers of {heads} heads; the answer has {part.layers} of "
                f"{part.heads}. Whoever runs the backend has other weights under that name."
            )

    def _placed(self, tokens: Iterable[Token], written: str | None) -> None:
        """AnswerError where a token lies outside its text; the second one may be what the model wrote."""
        second = written if self.request.text_b is None else self.request.text_b
        ends = len(self.request.text), len(second or "")
        for token in tokens:
            end = ends[token.segment]
            if not token.start <= token.end <= end or (token.word or 0) > end:
                raise AnswerError(f"A token stands in its text of {end:,} characters; one of the answer stands outside.")
