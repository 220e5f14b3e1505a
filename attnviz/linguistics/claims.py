"""An atlas and a kind of link in; how often heads are right out: the best one, and any that a reader names.

Heads and offsets are chosen on the texts with an even ordinal and reported on the odd ones: whoever picks the best of many
on some texts finds it too good there. A head that a reader names is tested on all texts, and corrected for all heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from attnviz.analysis import evidence
from attnviz.errors import BadInputError, UnknownHeadError
from attnviz.linguistics.atlas import ALL_QUESTIONS, DIRECTIONS, Atlas
from attnviz.linguistics.hits import Hits
from attnviz.types import Evidence, HeadRef, HeadScores, joined, quoted

ENOUGH = 30  # instances; the interval of fewer is 33 points wide or more around a half
ERROR = 0.05  # how often one may be wrong in calling a head good
LEAD = 10.0  # points above a positional baseline that make a syntactic head: Voita et al. 2019, section 5.2.1
LINKS = "Universal Dependencies labels, subtypes cut, by the rule of Clark et al. 2019, section 4"
QUESTIONS = "the right candidate gets more than the wrong one (mean over the pronoun's pieces, maximum over a candidate's)"


@dataclass(frozen=True)
class Best:
    """The head that is right most often on the even half, and what it does on the odd one.

    `direction` is "" for questions about pronouns, `offset` None there. `evidence` is of the odd half, `chosen_on` of the
    even half, on which the head looks better than it is. Where both halves hold wordings of the same sentences, nothing was
    held out, and `p_corrected` is the chance of so many hits after looking at all heads; else None.
    """

    relation: str
    direction: str
    head: HeadRef
    offset: int | None
    evidence: Evidence
    chosen_on: Evidence
    p_corrected: float | None = None

    @property
    def beats(self) -> bool:
        """Whether it stands with its whole interval above the strongest baseline, on enough links, and not by its choice."""
        luck = self.p_corrected is not None and self.p_corrected >= ERROR
        return self.evidence.independent >= ENOUGH and self.evidence.beats and not luck

    @property
    def points(self) -> float:
        """How far above its strongest baseline, in percentage points; below 0 where beneath it."""
        return evidence.points(self.evidence.rate, self.evidence.baseline[1])


@dataclass(frozen=True)
class Claim:
    """What is known of one head that a reader named: over all texts, and on the odd half alone.

    `p` is the chance of so many hits by the strongest baseline, `p_corrected` the same after looking at all `heads`; `rank`
    counts from 1, and equal heads share one. `parts` are the corpora one by one where several unlike ones are counted
    together, as for `coreference`; `other_way` is how many links there are in the other direction.
    """

    model: str
    causal: bool
    relation: str
    direction: str
    head: HeadRef
    offset: int | None
    evidence: Evidence
    held_out: Evidence
    rank: int
    heads: int
    p: float
    p_corrected: float
    parts: tuple[Evidence, ...] = ()
    other_way: int = 0

    @property
    def points(self) -> float:
        """How far above its strongest baseline, in percentage points; NaN where there is nothing to count."""
        return evidence.points(self.evidence.rate, self.evidence.baseline[1])

    @property
    def stands(self) -> bool:
        """Whether it is more than an accident, the choice among all heads taken into account."""
        return self.verdict in ("slight", "clear")

    @property
    def verdict(self) -> str:
        """What may be said: `unseen` (nothing counted), `few`, `none`, `uncorrected`, `slight` or `clear`."""
        if self.evidence.independent < ENOUGH:
            return "few" if self.evidence.n else "unseen"
        if self.p >= ERROR:
            return "none"
        if self.p_corrected >= ERROR:
            return "uncorrected"
        return "clear" if self.points >= LEAD or not self.direction else "slight"


def hits(atlas: Atlas, relation: str, direction: str = "dh") -> Hits:
    """The links of a relation, or the questions of `coreference`, `gap` or `winogender`, which have no direction."""
    if relation not in atlas.kinds:
        return atlas.links(relation, direction)
    if direction != "dh":
        raise BadInputError(
            f"The links of {quoted(relation)} lead from a pronoun to a candidate and have no other direction; got "
            f"{quoted(direction)}. Leave it out."
        )
    return atlas.questions(relation)


def scores(atlas: Atlas, relation: str, direction: str = "dh") -> HeadScores:
    """How often every head is right, over all texts; NaN where there is nothing to count."""
    found = hits(atlas, relation, direction)
    rates = found.counts / len(found) if len(found) else np.full(found.counts.shape, np.nan)
    return HeadScores(f"{relation} {direction}", rates, "hit rate", 0.0, 1.0)


def best_offset(found: Hits) -> int | None:
    """The distance in words that most links of the even half have: the nearer one, then the one back, of equals."""
    if found.offset is None or not found.even.any():
        return None
    offsets, times = np.unique(found.offset[found.even], return_counts=True)
    most = offsets[times == times.max()].tolist()
    return min(most, key=lambda one: (abs(one), one))


def baselines(found: Hits, offset: int | None) -> dict[str, float]:
    """How often rules that read nothing are right: a fixed `offset`, the `nearest` candidate, `chance`."""
    if not len(found):
        return {}
    rules: dict[str, float] = {}
    if found.offset is not None and offset is not None:
        rules["offset"] = float((found.offset == offset).mean())
    if found.nearest is not None:
        rules["nearest"] = float(found.nearest.mean())
    rules["chance"] = 0.5 if found.others is None else float((1.0 / found.others).mean())
    return rules


@lru_cache(maxsize=256)
def best(atlas: Atlas, relation: str, direction: str = "dh") -> Best | None:
    """The best head of one kind of link; None where one half of the texts has none of them."""
    found = hits(atlas, relation, direction)
    even, odd = found.where(found.even), found.where(~found.even)
    if not len(even) or not len(odd):
        return None
    layer, head = (int(at) for at in np.unravel_index(even.counts.argmax(), even.counts.shape))
    offset = best_offset(found)
    chosen = f"the best of {even.counts.size} heads on the even half of the texts"
    return Best(
        relation,
        "" if found.offset is None else direction,
        HeadRef(layer, head),
        offset,
        _evidence(atlas, odd, (layer, head), offset, chosen),
        _evidence(atlas, even, (layer, head), offset, chosen),
        float(_corrected(odd, offset)[1][layer, head]) if _shared(even, odd) else None,
    )


def table(atlas: Atlas) -> tuple[Best, ...]:
    """The best head of every relation, both ways, the commonest first, and then of every kind of question."""
    links = sorted(atlas.relations, key=lambda one: -max(atlas.relations[one[0], way] for way in DIRECTIONS))
    asked = [*links, *((kind, "dh") for kind in atlas.kinds)]
    return tuple(found for one in asked if (found := best(atlas, *one)))


def unbeaten(found: Sequence[Best]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The relations on which no head beats a fixed rule in either direction, and all that have enough links to tell."""
    enough = [one for one in found if one.direction and one.evidence.n >= ENOUGH]
    counted = tuple(dict.fromkeys(one.relation for one in enough))
    beaten = {one.relation for one in enough if one.beats}
    return tuple(one for one in counted if one not in beaten), counted


@lru_cache(maxsize=256)
def claim(atlas: Atlas, head: HeadRef, relation: str, direction: str = "dh") -> Claim:
    """What is known of the claim that `head` follows a kind of link.

    Raises UnknownHeadError for a head that the model does not have, BadInputError for a relation that the atlas lacks.
    """
    size = (atlas.header.layers, atlas.header.heads)
    at = (head.layer, head.head)
    if head.block != "self" or at[0] >= size[0] or at[1] >= size[1]:
        raise UnknownHeadError(
            f"The atlas of {quoted(atlas.model)} has layers 0 to {size[0] - 1} with heads 0 to {size[1] - 1}; "
            f"there is no {head}. Choose one of these."
        )
    found = hits(atlas, relation, direction)
    offset, counts = best_offset(found), found.counts
    chances, corrected = _corrected(found, offset)
    odd = found.where(~found.even)
    named = "named by the reader, on all texts"
    corpora = np.unique(found.corpus).tolist() if relation == ALL_QUESTIONS else []
    apart = [found.where(found.corpus == one) for one in corpora] if len(corpora) > 1 else []
    return Claim(
        atlas.model,
        atlas.header.causal,
        relation,
        "" if found.offset is None else direction,
        head,
        offset,
        _evidence(atlas, found, at, offset, named),
        _evidence(atlas, odd, at, offset, "named by the reader, on the odd half of the texts"),
        1 + int((counts > counts[at]).sum()),
        counts.size,
        float(chances[at]),
        float(corrected[at]),
        tuple(_evidence(atlas, one, at, offset, named) for one in apart),
        0 if found.offset is None else atlas.relations[relation, "hd" if direction == "dh" else "dh"],
    )


def _corrected(found: Hits, offset: int | None) -> tuple[Float[np.ndarray, "layer head"], Float[np.ndarray, "layer head"]]:
    """The chance of every head's hits by the strongest baseline; the same after looking at all heads."""
    strongest = max(baselines(found, offset).values(), default=0.0)
    chances = evidence.tails(found.counts, len(found), strongest, found.worth)
    return chances, evidence.holm(chances)


def _shared(even: Hits, odd: Hits) -> bool:
    """Whether both halves hold wordings of the same sentences."""
    return even.group is not None and odd.group is not None and bool(np.isin(even.group, odd.group).any())


def _evidence(atlas: Atlas, found: Hits, at: tuple[int, int], offset: int | None, chosen: str) -> Evidence:
    """What one head does on some instances."""
    source = joined(tuple(dict.fromkeys(corpus.name for corpus in atlas.corpora(found))))
    scheme = QUESTIONS if found.offset is None else LINKS
    return evidence.evidence(
        int(found.counts[at]), len(found), baselines(found, offset), chosen=chosen, scheme=scheme, source=source,
        groups=found.groups, worth=float(found.worth[at]),
    )  # fmt: skip
