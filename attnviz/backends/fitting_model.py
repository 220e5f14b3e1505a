"""Which model of the catalogue, on this machine, knows every token of a text; only tokenizers are loaded."""

from __future__ import annotations

from attnviz import text as texts
from attnviz.errors import BadInputError
from attnviz.models import catalog
from attnviz.models.tokenizers import tokenizer
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard


def find(request: AttentionRequest, settings: Settings) -> ModelCard | None:
    """Return the first other model of the catalogue that is here and knows all of the request's text; None without one."""
    return next((card for card in catalog.cards() if card.id != request.model and _fits(card, request, settings)), None)


def _fits(card: ModelCard, request: AttentionRequest, settings: Settings) -> bool:
    """Return whether a model is here, takes such a request, and knows every token of it."""
    if (request.text_b is not None and not card.pairs) or (found := tokenizer(card, settings)) is None:
        return False
    try:
        reading = texts.read(found, request.text, request.text_b, max_tokens=card.max_tokens, name=card.name)
    except BadInputError:  # too long for it, or with a mask that it does not know
        return False
    return not any(token.unknown for token in reading.tokens)
