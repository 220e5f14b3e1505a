"""Rank the heads of an atlas by one kind of link: chosen on the even half of the texts, reported on the odd half."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from attnviz.analysis import statistics
from attnviz.linguistics import claims, fixed_rules
from attnviz.linguistics.atlas.hits import Hits
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.fixed_rules import ERROR, baselines, paired_differences
from attnviz.types import Evidence, HeadRef, joined


@dataclass(frozen=True)
class RankedHead:
    """One head: its `rank` on the texts that it was chosen on (equal heads share one), and its counts on each half.

    `evidence` is of the reported half. `p_corrected` is the p-value of its lead there over the strongest baseline, by sentences
    and corrected for all heads; `interval` is the 95 % interval of that lead in points.
    """

    head: HeadRef
    rank: int
    chosen_on: Evidence
    evidence: Evidence
    p_corrected: float
    interval: tuple[float, float]

    @property
    def points(self) -> float:
        """The lead over the strongest baseline, in percentage points; negative if below it."""
        return statistics.points(self.evidence.rate, self.evidence.baseline[1])

    @property
    def beats(self) -> bool:
        """Whether its lead is significant on enough links, after correcting for all heads."""
        return self.evidence.independent >= claims.ENOUGH and self.p_corrected < ERROR


@dataclass(frozen=True)
class HeadRanking:
    """The heads of a model by one kind of link, best first; `direction` is "" for questions about pronouns.

    `held_out` is False where one half of the texts has none of these links: then heads are chosen and reported on all of
    them. `shared` says that both halves have wordings of the same sentences, so that the odd half is no independent test.
    `offset` is the most frequent distance; `other_way` counts the links of the other direction; `pooled` are the subtypes that
    are counted together, with their numbers; `control` is the best head of the untrained twin, None if there was none.
    """

    relation: str
    direction: str
    offset: int | None
    heads: tuple[RankedHead, ...]
    held_out: bool
    shared: bool
    other_way: int
    pooled: Mapping[str, int]
    control: claims.Control | None


def rank_heads(atlas: Atlas, relation: str, direction: str = "dh") -> HeadRanking:
    """Rank every head of an atlas by one kind of link, best first; no heads if there are no such links.

    Raises BadInputError for a relation or a direction that the atlas does not have, and lists those that it has.
    """
    found = claims.hits(atlas, relation, direction)
    even, odd = found.where(found.even), found.where(~found.even)
    held_out = bool(len(even) and len(odd))
    links = found.offset is not None
    return HeadRanking(
        relation,
        direction if links else "",
        best_offset(found),
        ranked(atlas, found),
        held_out,
        held_out and even.group is not None and odd.group is not None and bool(np.isin(even.group, odd.group).any()),
        atlas.relations[atlas.name(relation), "hd" if direction == "dh" else "dh"] if links else 0,
        atlas.pooled(atlas.name(relation), direction) if links else {},
        claims.control(atlas, relation, direction),
    )


def ranked(atlas: Atlas, found: Hits, most: int | None = None) -> tuple[RankedHead, ...]:
    """Return the `most` best heads, or all, on some instances, best on the even half first, with their counts on the odd half.

    Where one half has no instances, heads are chosen and reported on all.
    """
    even, odd = found.where(found.even), found.where(~found.even)
    halves = (even, odd) if len(even) and len(odd) else (found, found)
    if not len(found):
        return ()
    how = "ranked on the even half of the texts" if halves[0] is even else "ranked on the same texts"
    counts, offset = halves[0].counts, best_offset(found)
    order = np.argsort(-counts, axis=None, kind="stable")[:most].tolist()
    sides = [_evidence(atlas, half, offset, how, order) for half in halves]
    tested = paired_differences(halves[1], offset)
    chances = statistics.holm(tested.chances)
    ascending = np.sort(counts, axis=None)
    heads = []
    for at, chosen_on, reported in zip(order, *sides, strict=True):
        layer, head = divmod(at, counts.shape[1])
        rank = 1 + counts.size - int(np.searchsorted(ascending, counts[layer, head], side="right"))
        lead = tested.lead((layer, head))[1:]
        heads.append(RankedHead(HeadRef(layer, head), rank, chosen_on, reported, float(chances[layer, head]), lead))
    return tuple(heads)


def best_offset(found: Hits) -> int | None:
    """Return the most frequent distance of the even half, or of all where that half is empty; None for questions."""
    if found.offset is None or found.even.any() or not len(found):
        return fixed_rules.best_offset(found)
    offsets, times = np.unique(found.offset, return_counts=True)
    return min(offsets[times == times.max()].tolist(), key=lambda one: (abs(one), one))


def _evidence(atlas: Atlas, found: Hits, offset: int | None, chosen: str, heads: list[int]) -> list[Evidence]:
    """Return the counts of some heads, by their indices in the flat [layer, head], on some instances."""
    scheme = claims.QUESTIONS if found.offset is None else claims.LINKS
    source = joined(tuple(dict.fromkeys(corpus.name for corpus in atlas.corpora(found))))
    rules, groups, ceiling = baselines(found, offset), found.groups, found.ceiling
    return [
        statistics.evidence(
            hits,
            len(found),
            rules,
            chosen=chosen,
            scheme=scheme,
            source=source,
            groups=groups,
            effective_n=effective_n,
            ceiling=ceiling,
        )
        for hits, effective_n in zip(
            found.counts.ravel()[heads].tolist(), found.effective_sample_size.ravel()[heads].tolist(), strict=True
        )
    ]
