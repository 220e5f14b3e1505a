"""Test how often heads are right on one kind of link: the best head, a head that a reader names, and leads over a rule.

Heads and offsets are chosen on the texts with an even ordinal and reported on the odd ones: the best of many looks too good
on the texts on which it was chosen. A head that a reader names is tested on all texts, and corrected for all heads. Every
test is paired: a head is compared with the rule on the same instances, sentence by sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import nan

import numpy as np

from attnviz.analysis import statistics
from attnviz.errors import BadInputError, UnknownHeadError
from attnviz.linguistics.atlas.hits import Hits
from attnviz.linguistics.atlas.kept import kept
from attnviz.linguistics.atlas.reader import ALL_QUESTIONS, DIRECTIONS, Atlas
from attnviz.linguistics.fixed_rules import ERROR, PairedDifferences, baselines, best_offset, paired_differences
from attnviz.types import Evidence, HeadRef, HeadScores, joined, quoted

ENOUGH = 30  # instances; the interval of fewer is 33 points wide or more around a half
LEAD = 10.0  # points above a positional baseline for a syntactic head: Voita et al. 2019, section 5.2.1
LINKS = "Universal Dependencies labels, by the rule of Clark et al. 2019, section 4"
QUESTIONS = "the right candidate gets more than the wrong one (mean over the pronoun's pieces, maximum over a candidate's)"


@dataclass(frozen=True)
class Control:
    """The best head of the untrained twin, chosen on the even half of the texts and counted on the odd one."""

    head: HeadRef
    evidence: Evidence


@dataclass(frozen=True)
class BestHead:
    """The head that is right most often on the even half, and its counts on the odd one.

    `direction` is "" for questions about pronouns, `offset` None there. `evidence` is of the odd half, `chosen_on` of the
    even half, on which the head looks better than it is. `p` is the chance of its lead over the strongest rule on the odd
    half (`evidence.sign_flips`), `interval` the 95 % interval of that lead in points. Where both halves have wordings of the
    same sentences, nothing was held out, and `p_corrected` is the p-value corrected for all heads; else None. `control` is
    the best head of an untrained twin; None if it was not measured.
    """

    relation: str
    direction: str
    head: HeadRef
    offset: int | None
    evidence: Evidence
    chosen_on: Evidence
    p_corrected: float | None = None
    p: float = 1.0
    interval: tuple[float, float] = (nan, nan)
    control: Control | None = None

    @property
    def beats(self) -> bool:
        """Whether its lead is significant (one-sided, 2.5 %) on enough links, and not only because it was chosen as best."""
        luck = self.p_corrected is not None and self.p_corrected >= ERROR
        return self.evidence.independent >= ENOUGH and self.p < ERROR / 2 and not luck

    @property
    def points(self) -> float:
        """The lead over the strongest baseline, in percentage points; negative if below it."""
        return statistics.points(self.evidence.rate, self.evidence.baseline[1])


@dataclass(frozen=True)
class Lead:
    """The head with the most certain lead over the rule on the odd half, among all heads in both directions of a relation.

    `p_corrected` is corrected for having looked at all of them, with weights (Holm 1979, section 4): one half of the error
    rate is for the one head that the even half chose in each direction, the other half for all heads. `detectable` is the
    lead in points that would be found in four of five cases for a head that the even half chose: a smaller one may exist and
    go unseen.
    """

    relation: str
    direction: str
    head: HeadRef
    n: int
    points: float
    interval: tuple[float, float]
    p_corrected: float
    detectable: float

    @property
    def significant(self) -> bool:
        """Whether some head is shown to beat the rule."""
        return self.p_corrected < ERROR


@dataclass(frozen=True)
class ClaimResult:
    """The counts of one head that a reader named: over all texts, and on the odd half alone.

    `p` is the p-value of its lead over the strongest baseline on the same instances, `p_corrected` the same corrected for
    all `heads`, `interval` the 95 % interval of the lead in points; `rank` counts from 1, and equal heads share one.
    `parts` are the single corpora where several kinds are counted together, as for `coreference`; `pooled` are the subtypes
    counted together, with their numbers. `decidable` has the questions that look different from all with another answer;
    None if all do. `other_way` is the number of links in the other direction.
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
    interval: tuple[float, float] = (nan, nan)
    decidable: Evidence | None = None
    pooled: Mapping[str, int] = field(default_factory=dict)
    control: Control | None = None

    @property
    def points(self) -> float:
        """The lead over the strongest baseline, in percentage points; NaN if there is nothing to count."""
        return statistics.points(self.evidence.rate, self.evidence.baseline[1])

    @property
    def significant(self) -> bool:
        """Whether the lead is significant after correcting for all heads."""
        return self.verdict in ("slight", "clear")

    @property
    def verdict(self) -> str:
        """What can be claimed: `unseen` (nothing counted), `few`, `none`, `uncorrected`, `slight` or `clear`."""
        if self.evidence.independent < ENOUGH:
            return "few" if self.evidence.n else "unseen"
        if self.p >= ERROR:
            return "none"
        if self.p_corrected >= ERROR:
            return "uncorrected"
        return "clear" if self.points >= LEAD or not self.direction else "slight"


def hits(atlas: Atlas, relation: str, direction: str = "dh") -> Hits:
    """Return the links of a relation, or the questions of `coreference`, `gap` or `winogender`, which have no direction."""
    if relation not in atlas.kinds:
        return atlas.links(relation, direction)
    if direction != "dh":
        raise BadInputError(
            f"The links of {quoted(relation)} lead from a pronoun to a candidate and have no other direction; got "
            f"{quoted(direction)}. Leave it out."
        )
    return atlas.questions(relation)


def scores(atlas: Atlas, relation: str, direction: str = "dh") -> HeadScores:
    """Return how often every head is right, over all texts; NaN if there is nothing to count."""
    found = hits(atlas, relation, direction)
    rates = found.counts / len(found) if len(found) else np.full(found.counts.shape, np.nan)
    return HeadScores(f"{relation} {direction}", rates, "hit rate", 0.0, 1.0)


@kept(256)
def best_head(atlas: Atlas, relation: str, direction: str = "dh") -> BestHead | None:
    """Return the best head of one kind of link; None if one half of the texts has no such links."""
    found = best_head_of(atlas, hits(atlas, relation, direction), relation, direction)
    if found is None or atlas.header.control is None:
        return found
    return _with_control(atlas, found, direction)


def best_head_of(atlas: Atlas, found: Hits, relation: str, direction: str = "dh") -> BestHead | None:
    """Return the best head of an atlas on some instances of one kind; None if one half of the texts has none of them."""
    even, odd = found.where(found.even), found.where(~found.even)
    if not len(even) or not len(odd):
        return None
    layer, head = (int(at) for at in np.unravel_index(even.counts.argmax(), even.counts.shape))
    offset = best_offset(found)
    chosen = f"the best of {even.counts.size} heads on the even half of the texts"
    tested = paired_differences(odd, offset)
    chances = tested.chances
    return BestHead(
        relation,
        "" if found.offset is None else direction,
        HeadRef(layer, head),
        offset,
        _evidence(atlas, odd, (layer, head), offset, chosen),
        _evidence(atlas, even, (layer, head), offset, chosen),
        float(statistics.holm(chances)[layer, head]) if _shared(even, odd) else None,
        float(chances[layer, head]),
        tested.lead((layer, head))[1:],
    )


def control(atlas: Atlas, relation: str, direction: str = "dh") -> Control | None:
    """Return the best head of the untrained twin; None if it was not measured, or one half has no such instances."""
    found = best_head(atlas, relation, direction)
    return None if found is None else found.control


def best_heads(atlas: Atlas) -> tuple[BestHead, ...]:
    """Return the best head of every relation, in both directions, the most frequent first, then of every kind of question.

    A relation with subtypes is followed by its links without a subtype, then by each subtype.
    """
    most = {name: max(atlas.relations[name, way] for way in DIRECTIONS) for name in atlas.names}
    base = {name: name.partition(":")[0] for name in atlas.names}
    order = sorted(atlas.names, key=lambda name: (-most[base[name]], base[name], ":" in name, -most[name]))
    kinds = [*((name, way) for name in order for way in DIRECTIONS), *((kind, "dh") for kind in atlas.kinds)]
    return tuple(found for one in kinds if (found := best_head(atlas, *one)))


@kept(256)
def lead(atlas: Atlas, relation: str) -> Lead | None:
    """Return the most certain lead of any head in either direction; None if no direction has enough odd links."""
    tested: list[tuple[str, PairedDifferences]] = []
    chosen: list[HeadRef] = []
    for way in DIRECTIONS:
        found = hits(atlas, relation, way)
        odd, first = found.where(~found.even), best_head(atlas, relation, way)
        if first is not None and len(odd) >= ENOUGH:
            tested.append((way, paired_differences(odd, first.offset)))
            chosen.append(first.head)
    if not tested:
        return None
    chances = np.stack([one.chances for _, one in tested])  # direction layer head
    times = np.full(chances.shape, 2.0 * chances.size)
    for at, one in enumerate(chosen):
        times[at, one.layer, one.head] = 2.0 * len(chosen)
    way, layer, head = (int(at) for at in np.unravel_index((chances * times).argmin(), chances.shape))
    direction, pair = tested[way]
    points, low, high = pair.lead((layer, head))
    return Lead(
        relation, direction, HeadRef(layer, head), int(pair.sizes.sum()), points, (low, high),
        min(1.0, float(chances[way, layer, head] * times[way, layer, head])), pair.detectable((layer, head), 2 * len(chosen)),
    )  # fmt: skip


def leads(atlas: Atlas) -> tuple[Lead, ...]:
    """Return the most certain lead on each kind of link with enough of them, by subtypes, the most frequent first."""
    single = [name for name, labels in atlas.names.items() if len(labels) == 1]
    single.sort(key=lambda name: -max(atlas.relations[name, way] for way in DIRECTIONS))
    return tuple(found for name in single if (found := lead(atlas, name)))


@kept(256)
def claim(atlas: Atlas, head: HeadRef, relation: str, direction: str = "dh") -> ClaimResult:
    """Test the claim that `head` follows a kind of link.

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
    tested = paired_differences(found, offset)
    chances = tested.chances if len(found) else np.ones(size)
    odd = found.where(~found.even)
    named = "named by the reader, on all texts"
    corpora = np.unique(found.corpus).tolist() if relation == ALL_QUESTIONS else []
    apart = [found.where(found.corpus == one) for one in corpora] if len(corpora) > 1 else []
    is_question = found.offset is None
    decidable = found.where(found.decidable) if is_question and found.ceiling < 1.0 else None
    back = "hd" if direction == "dh" else "dh"
    return ClaimResult(
        atlas.model,
        atlas.header.causal,
        relation,
        "" if is_question else direction,
        head,
        offset,
        _evidence(atlas, found, at, offset, named),
        _evidence(atlas, odd, at, offset, "named by the reader, on the odd half of the texts"),
        1 + int((counts > counts[at]).sum()),
        counts.size,
        float(chances[at]),
        float(statistics.holm(chances)[at]),
        tuple(_evidence(atlas, one, at, offset, named) for one in apart),
        0 if is_question else atlas.relations[atlas.name(relation), back],
        tested.lead(at)[1:] if len(found) else (nan, nan),
        None if decidable is None else _evidence(atlas, decidable, at, offset, named),
        {} if is_question else atlas.pooled(atlas.name(relation), direction),
        control(atlas, relation, direction),
    )


def _with_control(atlas: Atlas, found: BestHead, direction: str) -> BestHead:
    """Return the best head, with the best head of the untrained twin as its control."""
    if found.direction:
        labels = [atlas.header.relations.index(label) for label in atlas.names[atlas.name(found.relation)]]
        even, odd = atlas.control_links[labels, DIRECTIONS.index(direction)].sum(0)
    else:
        wanted = [found.relation in (ALL_QUESTIONS, corpus.kind) for corpus in atlas.header.corpora]
        even, odd = atlas.control_questions[np.array(wanted)].sum(0)
    layer, head = (int(at) for at in np.unravel_index(even.argmax(), even.shape))
    trained = found.evidence
    counted = statistics.evidence(
        int(odd[layer, head]), trained.n, dict(trained.baselines), scheme=trained.scheme, source=trained.source,
        groups=trained.groups, chosen=f"the best of {even.size} heads of an untrained twin on the even half of the texts",
        effective_n=None if trained.groups is None else float(trained.groups), ceiling=trained.ceiling,
    )  # fmt: skip
    return replace(found, control=Control(HeadRef(layer, head), counted))


def _shared(even: Hits, odd: Hits) -> bool:
    """Return whether both halves have wordings of the same sentences."""
    return even.group is not None and odd.group is not None and bool(np.isin(even.group, odd.group).any())


def _evidence(atlas: Atlas, found: Hits, at: tuple[int, int], offset: int | None, chosen: str) -> Evidence:
    """Return the counts of one head on some instances."""
    source = joined(tuple(dict.fromkeys(corpus.name for corpus in atlas.corpora(found))))
    scheme = QUESTIONS if found.offset is None else LINKS
    return statistics.evidence(
        int(found.counts[at]), len(found), baselines(found, offset), chosen=chosen, scheme=scheme, source=source,
        groups=found.groups, effective_n=float(found.effective_sample_size[at]), ceiling=found.ceiling,
    )  # fmt: skip
