"""The head that the page opens on: one that follows grammar, by the measurements of the model."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from attnviz.errors import BadInputError
from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.types import HeadRef, ModelCard


@lru_cache(maxsize=8)
def grammar_head(atlas: Atlas) -> HeadRef | None:
    """Return the head that is best at the most test links from a word to its head; None if no head is shown to beat a rule.

    Only relations on which the best head has a significant lead over the best simple rule count, by subtypes, each with its
    number of held-out links.
    """
    links: Counter[HeadRef] = Counter()
    for name, labels in atlas.names.items():
        best = claims.best_head(atlas, name) if len(labels) == 1 else None
        if best is not None and best.beats:
            links[best.head] += best.evidence.n
    return max(links, key=links.__getitem__, default=None)


def opening_head(card: ModelCard) -> HeadRef:
    """Return the grammar head of a measured model; of any other model its own head."""
    try:
        atlas = reader.shipped(card.id)
    except BadInputError:  # the table of relations reports it
        atlas = None
    found = None if atlas is None else grammar_head(atlas)
    if found is None or found.layer >= card.layers or found.head >= card.heads or card.blocks[0] != found.block:
        return HeadRef(*card.head, card.blocks[0])
    return found
