"""How large an answer can be: anything larger is refused before it is used.

A few kilobytes can claim so many tokens that the weights of one head would fill a machine. The true number has a bound: a
text has so many bytes, a model reads so many tokens. The sizes in a server's list of models count up to a limit of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError
from attnviz.models import catalog
from attnviz.types import AttentionRequest, ModelCard, Token

TOKENS, LAYERS, HEADS, WIDTH = 2**16, 512, 512, 1024  # of any model; WIDTH is numbers of a query
TOKENS_PER_BYTE = 12  # at most: three bytes can become a phrase of 33 tokens
ADDED_TOKENS = 64  # around a text, or written by the model itself
SLACK = 2**20  # bytes of an answer for all that is small


@dataclass(frozen=True)
class AnswerLimits:
    """Upper limits of an answer: tokens of one side, layers, heads per layer, bytes of all arrays, and bytes of one head."""

    request: AttentionRequest
    tokens: int
    layers: int
    heads: int
    bytes: int
    head_bytes: int

    @classmethod
    def of(cls, request: AttentionRequest, card: ModelCard | None, max_bytes: int, *, full: bool = False) -> AnswerLimits:
        """Return the limits for a request. Of a model that is not in our catalogue, the server's `card` counts.

        `max_bytes` is the limit whatever is requested.
        """
        card = next((known for known in catalog.cards() if known.id == request.model), card)
        size = len(f"{request.text}{request.text_b or ''}".encode())
        tokens, layers, heads = TOKENS_PER_BYTE * size + ADDED_TOKENS, LAYERS, HEADS
        if card is not None:
            tokens, layers, heads = min(tokens, card.max_tokens), min(card.layers, LAYERS), min(card.heads, HEADS)
        tokens = min(tokens, TOKENS)
        sides = 1 if card is not None and card.kind != "encoder-decoder" else 3
        cells = (LAYERS if sides == 3 else layers) * heads * tokens * (tokens + (WIDTH if full else 0))
        return cls(request, tokens, layers, heads, min(max_bytes, 8 * sides * cells + SLACK), max_bytes)

    def check(self, trace: Trace) -> Trace:
        """Return the trace if it can be an answer to the request; raise AnswerError otherwise."""
        if trace.request != self.request:
            raise AnswerError("The answer is for another text than requested. Try again.")
        for part in trace.parts:
            self._check_size(part)
            for side in {part.queries, part.keys}:
                self._check_offsets(side, trace.written)
        return trace

    def _check_size(self, part: Block) -> None:
        """Raise AnswerError for a block larger than the model."""
        queries, keys = len(part.queries), len(part.keys)
        if max(queries, keys) > self.tokens:
            raise AnswerError(f"This text has at most {self.tokens:,} tokens; the answer has {max(queries, keys):,}.")
        nbytes = 4 * queries * keys
        if nbytes > self.head_bytes:
            raise AnswerError(f"One head's weights may hold {self.head_bytes:,} bytes; the answer's would hold {nbytes:,}.")
        layers, heads = (self.layers, self.heads) if part.name in ("self", "encoder") else (LAYERS, HEADS)
        if part.layers > layers or part.heads > heads:  # fewer are allowed: a smaller model in a folder of that name
            raise AnswerError(
                f"{self.request.model} has at most {layers} layers of {heads} heads; the answer has {part.layers} of "
                f"{part.heads}. The backend has a different checkpoint with the same name."
            )

    def _check_offsets(self, tokens: Iterable[Token], written: str | None) -> None:
        """Raise AnswerError for a token outside its text; the second text may be what the model wrote."""
        second = written if self.request.text_b is None else self.request.text_b
        ends = len(self.request.text), len(second or "")
        for token in tokens:
            end = ends[token.segment]
            if not token.start <= token.end <= end or (token.word or 0) > end:
                raise AnswerError(f"A token stands in its text of {end:,} characters; one of the answer stands outside.")
