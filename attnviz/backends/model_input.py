"""A request, or a program's own input, as one row of tensors that a model reads, with the tokens of each side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attnviz import text as texts
from attnviz.backends import program_input
from attnviz.backends.program_input import ProgramInput
from attnviz.engine import capture, input_limits, inputs
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, PairError
from attnviz.legibility import Legibility, combined
from attnviz.models.load import LoadedModel
from attnviz.text import Encoding, tokenize
from attnviz.text import chat as chats
from attnviz.types import AttentionRequest, Token

Sides = tuple[tuple[Token, ...], ...]
GREEDY = 40  # tokens of output that an encoder-decoder writes when no target text is given


@dataclass(frozen=True, eq=False)
class ModelInput:
    """A request as a model reads it: one row of input tensors, the tokens of each side, and a target that the model wrote."""

    tensors: dict[str, Any]
    sides: Sides
    written: str | None = None
    legibility: Legibility | None = None

    def trace(self, model: Any, request: AttentionRequest, digest: str, note: str = "") -> Trace:
        """Run the model on it, and return the labelled trace."""
        return self.labelled(capture.capture(model, **self.tensors), request, digest, note)

    def labelled(self, trace: Trace, request: AttentionRequest, digest: str, note: str = "") -> Trace:
        """Label a trace of these tensors with its tokens, how much of the text they cover, and a note on the model."""
        return trace.labelled(request, digest, *self.sides, written=self.written, reading=self.legibility, note=note)


def program_model_input(loaded: LoadedModel, given: ProgramInput, max_bytes: int) -> tuple[AttentionRequest, ModelInput]:
    """Return the request that describes a program's input, and that input as a model reads it."""
    if not given.plain:
        request, first = program_input.read(loaded, given, max_bytes)
        return request, model_input(loaded, request, first)
    request = AttentionRequest(loaded.card.id, given.text, given.text_b, given.chat)
    for part in (request.text, request.text_b):
        if part is not None:
            texts.checked(part, max_bytes)
    return request, model_input(loaded, request)


def model_input(loaded: LoadedModel, request: AttentionRequest, first: Encoding | None = None) -> ModelInput:
    """Return a request as a model reads it; `first` is its first text if that is tokenised already."""
    card = loaded.card
    if request.chat and request.text_b is not None:
        raise PairError("A conversation is read alone, without a second text. Leave the second text out.")
    if request.chat and first is None:
        first = chats.read(loaded.tokenizer, chats.messages(request.text), max_tokens=card.max_tokens, name=card.name)
    if first is not None:
        input_limits.check_reading(loaded.model, first, card.name)
    if card.kind == "encoder-decoder":
        return _both_sides(loaded, request, first)
    if request.text_b is not None and not card.pairs:
        raise PairError(f"{card.name} reads one text and continues it; it takes no second one. Remove the second sentence.")
    if first is not None and request.text_b is not None:
        raise PairError("Tokens are all that the model reads; a second text is among them, or is none. Leave out text_b.")
    read = read_text(loaded, request.text, request.text_b) if first is None else first
    return ModelInput(inputs.row(read.ids, read.type_ids), (read.tokens,), legibility=read.legibility)


def read_text(loaded: LoadedModel, text: str, text_b: str | None = None) -> Encoding:
    """Tokenise a text or a pair.

    Raises TokenError and PairError for tokens and segments that the tokenizer makes but the model does not have.
    """
    card = loaded.card
    found = texts.read(loaded.tokenizer, text, text_b, max_tokens=card.max_tokens, name=card.name)
    input_limits.check_reading(loaded.model, found, card.name)
    return found


def _both_sides(loaded: LoadedModel, request: AttentionRequest, first: Encoding | None = None) -> ModelInput:
    """Return source and target of an encoder-decoder: the target as given (teacher-forced), or its own greedy output."""
    card, model = loaded.card, loaded.model
    source = read_text(loaded, request.text) if first is None else first
    row = inputs.row(source.ids)
    if request.text_b is None:
        opening = tokenize.target_language(loaded.tokenizer)
        ids = inputs.written(capture.generator(model), row, min(GREEDY, card.max_tokens - 1), opening)
        written, target = texts.read_output(loaded.tokenizer, ids)
        if not written:
            raise BadInputError(f"{card.name} writes nothing for this text. Type a target text as the second sentence.")
    else:
        target = texts.read_target(
            loaded.tokenizer, request.text_b, start=lambda ids: inputs.start(model, ids),
            max_tokens=card.max_tokens, name=card.name,
        )  # fmt: skip
        written = None
    input_limits.check_reading(model, target, card.name, "decoder_")
    legible = source.legibility if written is not None else combined((source.legibility, target.legibility))
    return ModelInput(inputs.with_target(row, target.ids), (source.tokens, target.tokens), written, legible)
