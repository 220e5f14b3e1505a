"""Compare two models on the texts that both were tested on: a causal model is tested on fewer and other texts.

Rates on different texts cannot be compared: where a pronoun is before a candidate, only a model that reads both ways is
tested. Here both are counted on the texts that are in both atlases, from the same files.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from attnviz.errors import BadInputError
from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader as atlases
from attnviz.linguistics.atlas.hits import Hits
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claims import BestHead
from attnviz.models import catalog


def hits(atlas: Atlas, other: Atlas, relation: str, direction: str = "dh") -> Hits:
    """Return the instances of `atlas` on the texts that `other` was tested on too."""
    found, theirs = claims.hits(atlas, relation, direction), claims.hits(other, relation, direction)
    shared = {
        at: [there for there, corpus in enumerate(other.header.corpora) if corpus.files == one.files]
        for at, one in enumerate(atlas.header.corpora)
    }  # fmt: skip
    rows = np.zeros(len(found), bool)
    for at, there in shared.items():
        texts = theirs.text[np.isin(theirs.corpus, there)]
        rows |= (found.corpus == at) & np.isin(found.text, texts)
    return found.where(rows)


@lru_cache(maxsize=32)
def best_head(atlas: Atlas, other: Atlas, relation: str, direction: str = "dh") -> BestHead | None:
    """Return the best head of `atlas` on those texts, chosen on their even half, counted on the odd one; None without texts."""
    if not has(atlas, relation) or not has(other, relation):
        return None
    return claims.best_head_of(atlas, hits(atlas, other, relation, direction), relation, direction)


def has(one: Atlas, relation: str) -> bool:
    """Return whether an atlas has a relation or a kind of question."""
    return relation in one.kinds or relation in one.names


def others(atlas: Atlas) -> tuple[Atlas, ...]:
    """Return the other atlases shipped with attnviz."""
    found = (_shipped(card.id) for card in catalog.cards() if card.id != atlas.model)
    return tuple(one for one in found if one is not None)


def _shipped(model: str) -> Atlas | None:
    """Return the atlas of another model; None for a damaged one, which is reported where that model is chosen."""
    try:
        return atlases.shipped(model)
    except BadInputError:
        return None
