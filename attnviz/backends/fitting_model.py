"""Which model of the catalogue, on this machine, knows every token of a text: asked of the tokenizers alone."""

from __future__ import annotations

from attnviz import text as texts
from attnviz.errors import BadInputError
from attnviz.models import catalog
from attnviz.models.tokenizers import tokenizer
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard


def reader(request: AttentionRequest, settings: Settings) -> ModelCard | None:
    """The first other model of the catalogue that is here and knows all of the request's text; None where none is."""
    return next((card for card in catalog.cards() if card.id != request.model and _reads(card, request, settings)), None)


def _reads(card: ModelCard, request: AttentionRequest, settings: Settings) -> bool:
    """Whether a model is here, takes such a request, and has no token of it unknown."""
    if (request.text_b is not None and not card.pairs) or (found := tokenizer(card, settings)) is None:
        return False
    try:
        reading = texts.read(found, request.text, request.text_b, max_tokens=card.max_tokens, name=card.name)
    except BadInputError:  # too long for it, or with a mask that it does not know
        return False
    return not any(token.unknown for token in reading.tokens)
