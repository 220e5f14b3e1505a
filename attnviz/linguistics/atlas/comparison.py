"""Compare two atlases: the best head of each on the links that both counted, if they read the same files.

A corpus is the same if its kind and the hashes of its files are. Links are matched by text, relation, direction and
distance in words: a model leaves out words in which no token starts, and a causal one all later words. If one atlas has
more links of one kind and distance in a text than the other, none of these are matched. Questions are matched by text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from jaxtyping import Integer

from attnviz.analysis.statistics import student_interval
from attnviz.linguistics import claims
from attnviz.linguistics.atlas.header import Corpus
from attnviz.linguistics.atlas.hits import Hits
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.head_ranking import RankedHead, ranked
from attnviz.types import HeadRef


@dataclass(frozen=True)
class ComparedHeads:
    """One kind of link in two atlases: the best head of each, chosen on even texts and reported on odd ones.

    `common` says whether both are counted on the same links; `totals` is how many links each atlas has of the kind.
    `difference` is first minus second on the reported links, in percentage points, with the ends of its 95 % interval;
    None if the links are not the same, or too few.
    """

    relation: str
    direction: str
    common: bool
    totals: tuple[int, int]
    first: RankedHead
    second: RankedHead
    difference: tuple[float, float, float] | None


@dataclass(frozen=True)
class AtlasComparison:
    """Two atlases: `same` are the corpora that both read, `only` those of each alone, by name.

    `few` are the kinds of links that have too few links to compare, as (relation, direction).
    """

    same: tuple[str, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    same_rule: bool
    pairs: tuple[ComparedHeads, ...]
    few: tuple[tuple[str, str], ...]


def compare(first: Atlas, second: Atlas, kind: tuple[str, str] | None = None) -> AtlasComparison:
    """Compare two atlases by all kinds of links that both have enough of, or by one `kind`: (relation, direction).

    Raises BadInputError if one of the atlases does not have that kind.
    """
    shared = shared_corpora(first, second)
    only = tuple(
        tuple(corpus.name for at, corpus in enumerate(atlas.header.corpora) if at not in mine)
        for atlas, mine in ((first, shared.keys()), (second, shared.values()))
    )
    pairs, few = [], []
    for one in [kind] if kind else _kinds(first, second):
        found = compared_heads(first, second, *one, shared)
        if found is None or (kind is None and min(_independent(found)) < claims.ENOUGH):
            few.append(one)
        else:
            pairs.append(found)
    same = tuple(first.header.corpora[at].name for at in shared)
    return AtlasComparison(same, (only[0], only[1]), first.header.rule == second.header.rule, tuple(pairs), tuple(few))


def shared_corpora(first: Atlas, second: Atlas) -> dict[int, int]:
    """Return the numbers of the corpora that both atlases read: those of the first, each with that of the second."""
    theirs = {_files(corpus): at for at, corpus in enumerate(second.header.corpora)}
    return {at: theirs[_files(one)] for at, one in enumerate(first.header.corpora) if _files(one) in theirs}


def _files(corpus: Corpus) -> tuple[str, ...]:
    """Return what identifies a corpus: its kind and the hashes of its files, in order."""
    return corpus.kind, *(digest for _, digest in corpus.files)


def _kinds(first: Atlas, second: Atlas) -> list[tuple[str, str]]:
    """Return the kinds of links that both have, the most frequent in the first atlas first, then the kinds of questions."""
    links = [one for one, n in sorted(first.relations.items(), key=lambda one: -one[1]) if n and second.relations.get(one)]
    return [*links, *((kind, "dh") for kind in first.kinds if kind in second.kinds)]


def compared_heads(first: Atlas, second: Atlas, relation: str, direction: str, shared: dict[int, int]) -> ComparedHeads | None:
    """Compare one kind of link; None if an atlas has no such link in one half of the texts."""
    totals = claims.hits(first, relation, direction), claims.hits(second, relation, direction)
    found = matched(*totals, shared) if shared else totals
    if any(not one.even.any() or one.even.all() for one in found):
        return None
    mine = _numbered(found[0], shared) if shared else found[0]
    best = ranked(first, mine, 1)[0], ranked(second, found[1], 1)[0]
    made = ComparedHeads(
        relation, "" if totals[0].offset is None else direction, bool(shared), (len(totals[0]), len(totals[1])), *best, None
    )
    if not shared or min(_independent(made)) < claims.ENOUGH:
        return made
    return replace(made, difference=difference(*found, best[0].head, best[1].head))


def matched(first: Hits, second: Hits, shared: dict[int, int]) -> tuple[Hits, Hits]:
    """Return the instances that both have; those of the first get the second's numbers of corpora."""
    mine = first.where(np.isin(first.corpus, list(shared)))
    if len(mine):
        mine = replace(mine, corpus=np.array([shared[int(at)] for at in mine.corpus], second.corpus.dtype))
    one, other = _keys(mine), _keys(second)
    (keys, times), (theirs, often) = (np.unique(some, return_counts=True) for some in (one, other))
    _, at, there = np.intersect1d(keys, theirs, assume_unique=True, return_indices=True)
    common = keys[at[times[at] == often[there]]]
    return mine.where(np.isin(one, common)), second.where(np.isin(other, common))


def difference(first: Hits, second: Hits, head: HeadRef, other: HeadRef) -> tuple[float, float, float]:
    """Return first minus second on the odd texts of matched links, in points, with its 95 % interval; texts are independent.

        m = sum_i (a_i - b_i) / n,   error² = t / (t - 1)  sum_i (a_i - b_i - m n_i)² / n²

    for t texts (for Winogender: sentences); text i has n_i links, a_i hits of the first head and b_i of the second. Both are
    tested on the same links, and those of one text count together. Cochran 1977, Sampling Techniques, section 2.11.
    """
    one, two = first.where(~first.even), second.where(~second.even)
    order, same = _keys(one).argsort(kind="stable"), _keys(two).argsort(kind="stable")
    _, text = np.unique((_keys(one) >> OFFSET_BITS if one.group is None else one.group)[order], return_inverse=True)
    apart = one.hits[order, head.layer, head.head].astype(int) - two.hits[same, other.layer, other.head]
    sizes, sums, n = np.bincount(text), np.bincount(text, apart), len(apart)
    mean, texts = float(sums.sum()) / n, len(sizes)
    error = sqrt(texts / (texts - 1) * float(((sums - mean * sizes) ** 2).sum())) / n if texts > 1 else float("nan")
    low, high = student_interval(mean, error, texts)
    return 100 * mean, 100 * max(low, -1.0), 100 * min(high, 1.0)


OFFSET_BITS, TEXT_BITS = 16, 32  # how wide an atlas stores them


def _keys(found: Hits) -> Integer[np.ndarray, " n"]:
    """Return a number for corpus, text and distance of each instance."""
    offset = 0 if found.offset is None else found.offset.astype(np.int64) + 2 ** (OFFSET_BITS - 1)
    return (found.corpus.astype(np.int64) << OFFSET_BITS + TEXT_BITS) + (found.text.astype(np.int64) << OFFSET_BITS) + offset


def _numbered(found: Hits, shared: dict[int, int]) -> Hits:
    """Return the same with the first atlas's numbers of corpora, so that its names apply."""
    back = {theirs: mine for mine, theirs in shared.items()}
    return replace(found, corpus=np.array([back[int(at)] for at in found.corpus], found.corpus.dtype))


def _independent(made: ComparedHeads) -> tuple[int, int]:
    """Return how many independent links each side was reported on."""
    return made.first.evidence.independent, made.second.evidence.independent
