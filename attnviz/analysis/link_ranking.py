"""Rank heads by how much attention they give to links, which a reader drew or a gold file lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from attnviz.analysis import specificity
from attnviz.analysis.row_stats import spelled
from attnviz.analysis.specificity import OtherWords
from attnviz.analysis.view import sides, summed
from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.text import tokens_of, units
from attnviz.types import Link, Pattern, Token, joined
from attnviz.view_state import ViewOptions

Span = tuple[int, int]
Order = Literal["weight", "difference"]
ORDERS: tuple[Order, ...] = ("weight", "difference")

WEIGHTS_AT_ONCE = 2**24  # weights of the links' rows in memory at once, 64 MB
ENOUGH = 0.2  # below a fifth a head's choice means little: uniform attention over ten places would give two candidates as much


class StrongCell(NamedTuple):
    """One cell of a pattern: which query, which key (indices into its labels), how much."""

    query: int
    key: int
    weight: float


@dataclass(frozen=True)
class LinkScore:
    """How one head follows the links: mean weight, mean margin over the strongest other word, rank from 1.

    `others` is what the other words give the targets on average, `difference` how much more the sources give: means over the
    links that have other words, None if none has. `everywhere`: for more than half of the links, most other words look at the
    target too (`specificity.RULE`).
    """

    layer: int
    head: int
    weight: float
    margin: float
    rank: int
    others: float | None = None
    difference: float | None = None
    everywhere: bool = False


@dataclass(frozen=True, eq=False)
class CandidateShares:
    """How every head divides a pronoun's attention between candidates.

    `values` is attention to each candidate; `share` the first candidate's part of what the visible candidates get, NaN
    where they get nothing or fewer than two are visible. `late` are the candidates that a causal model cannot see from
    the pronoun, as indices; `note` explains that, "" if there are none.
    """

    values: Float[np.ndarray, "layer head candidate"]
    share: Float[np.ndarray, "layer head"]
    late: tuple[int, ...] = ()
    note: str = ""

    @property
    def mass(self) -> Float[np.ndarray, "layer head"]:
        """The attention to all candidates together."""
        return self.values.sum(-1)


@dataclass(frozen=True)
class RankedShares:
    """One head's division: attention to each candidate, the first one's share, and whether there is enough to count."""

    layer: int
    head: int
    values: tuple[float, ...]
    share: float
    mass: float
    counts: bool
    rank: int


def link_weights(trace: Trace, link: Link, block: str = "self") -> Float[np.ndarray, "layer head"]:
    """Return how much every head looks from the link's source to its target: mean over source pieces, sum over target pieces.

    Raises BadInputError for a span in which no token starts. NaN if a layer has fewer heads than another.
    """
    part = trace.block(block)
    return _rows(part, [_tokens(part.queries, link.source)])[:, :, 0, _tokens(part.keys, link.target)].sum(-1)


def rank_heads(trace: Trace, links: Sequence[Link], block: str = "self", order: Order = "weight") -> tuple[LinkScore, ...]:
    """Return every head by how much it follows the links, best first; ties stay in the order of layers and heads.

    With the order `difference`, the head comes first whose sources give the targets most beyond what other words give them.

    Weight and margin are means over the links. The margin is how much more the target gets than the strongest other word;
    special tokens, the source itself and words that overlap the target do not count (as in Clark et al. 2019, section 4.1).
    Raises BadInputError without links, and for a link that a causal model cannot see.
    """
    if not links:
        raise BadInputError("A ranking needs at least one link; there is none. Draw one from a word to another.")
    part = trace.block(block)
    sources = [_tokens(part.queries, link.source) for link in links]
    targets = [_tokens(part.keys, link.target) for link in links]
    for link, source, target in zip(links, sources, targets, strict=True):
        if late := _late(part, link, source, target):
            raise BadInputError(late)
    few = max(
        1, WEIGHTS_AT_ONCE // (part.layers * part.heads * len(part.keys))
    )  # links of a long text are computed a few at a time
    parts = [_followed(part, sources[at : at + few], targets[at : at + few]) for at in range(0, len(links), few)]
    each, margins = (np.concatenate(one, -1) for one in zip(*parts, strict=True))  # layer head link
    weights, margins = each.mean(-1), margins.mean(-1)
    others = specificity.of_links(part, sources, targets)
    compared = others.n > 0
    mean, difference = (one[..., compared].mean(-1) if compared.any() else None for one in (others.mean, each - others.mean))
    everywhere = 2 * others.everywhere.sum(-1) > len(links)
    there = [(int(layer), int(head)) for layer, head in np.argwhere(~np.isnan(weights))]
    best = sorted(there, key=lambda at: -weights[at])
    found = tuple(
        LinkScore(
            *at, float(weights[at]), float(margins[at]), rank, None if mean is None else float(mean[at]),
            None if difference is None else float(difference[at]), bool(everywhere[at]),
        )
        for rank, at in enumerate(best, 1)
    )  # fmt: skip
    return found if order == "weight" else by_difference(found)


def by_difference(ranking: Sequence[LinkScore]) -> tuple[LinkScore, ...]:
    """Return a ranking by how much more the sources give than other words, ranks anew; equal heads stay in their order."""
    best = sorted(ranking, key=lambda one: 0.0 if one.difference is None else -one.difference)
    return tuple(replace(one, rank=rank) for rank, one in enumerate(best, 1))


def other_words(trace: Trace, links: Sequence[Link], block: str = "self") -> OtherWords:
    """Return what the other words give the target of each link in every head, `[layer, head, link]` (see `specificity`)."""
    part = trace.block(block)
    sources = [_tokens(part.queries, link.source) for link in links]
    return specificity.of_links(part, sources, [_tokens(part.keys, link.target) for link in links])


def others_of(trace: Trace, links: Sequence[Link], block: str = "self") -> tuple[int, ...]:
    """Return with how many other words each link is compared (see `specificity`)."""
    part = trace.block(block)
    return tuple(
        len(specificity.other_words(part, _tokens(part.queries, link.source), _tokens(part.keys, link.target)))
        for link in links
    )


def _followed(
    part: Block, sources: list[list[int]], targets: list[list[int]]
) -> tuple[Float[np.ndarray, "layer head link"], Float[np.ndarray, "layer head link"]]:
    """Return weight and margin of some links in every head."""
    rows = _rows(part, sources)  # layer head link key
    on_target = np.zeros((len(sources), len(part.keys)), np.float32)
    for at, target in enumerate(targets):
        on_target[at, target] = 1.0
    weight = np.einsum("lhik,ik->lhi", rows, on_target)
    return weight, weight - _strongest_other(rows, part, sources, targets)


def why_unfollowable(trace: Trace, link: Link, block: str = "self") -> str:
    """Return why no head of this model can follow a link; "" if one can."""
    part = trace.block(block)
    try:
        source, target = _tokens(part.queries, link.source), _tokens(part.keys, link.target)
    except BadInputError as error:
        return str(error)
    return _late(part, link, source, target)


def strongest(pattern: Pattern, n: int = 20) -> tuple[StrongCell, ...]:
    """Return the `n` largest cells of a pattern, largest first; cells with no weight at all are left out."""
    flat = pattern.weights.ravel()
    best = np.argsort(-flat, kind="stable")[:n]
    cells = (np.unravel_index(int(at), pattern.weights.shape) for at in best if flat[at] > 0.0)
    return tuple(StrongCell(int(query), int(key), float(pattern.weights[query, key])) for query, key in cells)


def candidate_shares(trace: Trace, pronoun: Span, candidates: Sequence[Span], block: str = "self") -> CandidateShares:
    """Return how every head divides the attention of `pronoun` between `candidates`, whose first is the one to look for.

    Raises BadInputError for fewer than two candidates, or for a span in which no token starts.
    """
    if len(candidates) < 2:
        raise BadInputError(f"A division needs at least two candidates; got {len(candidates)}. Name another one.")
    part = trace.block(block)
    source = _tokens(part.queries, pronoun)
    targets = [_tokens(part.keys, span) for span in candidates]
    row = _rows(part, [source])[:, :, 0]  # layer head key
    values = np.stack([row[..., target].sum(-1) for target in targets], -1)
    late = tuple(at for at, target in enumerate(targets) if part.causal and min(target) > max(source))
    mass = values.sum(-1)
    known = (mass > 0.0) if len(candidates) - len(late) >= 2 else np.zeros(mass.shape, bool)
    share = np.where(known, values[..., 0] / np.where(known, mass, 1.0), np.nan).astype(np.float32)
    return CandidateShares(values, share, late, _late_note(part, pronoun, [candidates[at] for at in late]))


def rank_candidates(found: CandidateShares) -> tuple[RankedShares, ...]:
    """Return every head by the share of the first candidate, best first: those that give the candidates ENOUGH come first.

    A share of little attention is noise that would win every ranking; such heads come last, by mass, with `counts` False.
    """
    mass = found.mass
    counts = (mass >= ENOUGH) & ~np.isnan(found.share)
    there = [(int(layer), int(head)) for layer, head in np.argwhere(~np.isnan(mass))]
    best = sorted(there, key=lambda at: (not counts[at], -found.share[at] if counts[at] else 0.0, -mass[at]))
    return tuple(
        RankedShares(
            *at, tuple(float(v) for v in found.values[at]), float(found.share[at]), float(mass[at]), bool(counts[at]), rank
        )
        for rank, at in enumerate(best, 1)
    )


def _rows(part: Block, sources: Sequence[list[int]]) -> Float[np.ndarray, "layer head link key"]:
    """Return what each source looks at in every head, the mean over its pieces. Rows of other tokens are not computed."""
    rows = np.full((part.layers, part.heads, len(sources), len(part.keys)), np.nan, np.float32)
    places = sorted({token for source in sources for token in source})
    for layer, weights in enumerate(part.rows(places)):  # head place key
        for at, source in enumerate(sources):
            rows[layer, : len(weights), at] = weights[:, [places.index(token) for token in source]].mean(1)
    return rows


def _strongest_other(
    rows: Float[np.ndarray, "layer head link key"], part: Block, sources: list[list[int]], targets: list[list[int]]
) -> Float[np.ndarray, "layer head link"]:
    """Return the weight of the strongest word other than source, target and special tokens; 0 if there is none."""
    _, words = sides(part, ViewOptions(words=True))
    words = tuple(word for word in words if not word.special)
    own = part.queries == part.keys
    taken: Bool[np.ndarray, "link word"] = np.array(
        [
            [bool({*target, *(source if own else ())}.intersection(word.tokens)) for word in words]
            for source, target in zip(sources, targets, strict=True)
        ],
        bool,
    ).reshape(len(sources), len(words))
    return np.where(taken, 0.0, summed(rows, words, -1)).max(-1, initial=0.0)


def _late(part: Block, link: Link, source: list[int], target: list[int]) -> str:
    """Return why a causal model cannot see the target from the source; "" if it can."""
    if not part.causal or min(target) <= max(source):
        return ""
    there, here = _typed(part.keys, link.target), _typed(part.queries, link.source)
    return (
        f"This model reads left to right: “{there}” comes after “{here}”, so no head can look at it. "
        "Turn the link round, or choose a model that reads both ways."
    )


def _tokens(tokens: Sequence[Token], span: Span) -> list[int]:
    """Return the tokens that start in a span: of the first text of a pair, or of the target text itself (segment 1)."""
    segment = min((token.segment for token in tokens if not token.special), default=0)
    return list(tokens_of(span, tokens, segment))


def _typed(tokens: Sequence[Token], span: Span) -> str:
    """Return the words in a span, as typed."""
    inside = set(_tokens(tokens, span))
    return spelled([word for word in units(tokens) if inside.intersection(word.tokens)])


def _late_note(part: Block, pronoun: Span, late: Sequence[Span]) -> str:
    """Return why some candidates get nothing in a causal model."""
    if not late:
        return ""
    names = joined(tuple(f"“{_typed(part.keys, span)}”" for span in late))
    word, verb = _typed(part.queries, pronoun), "comes" if len(late) == 1 else "come"
    return f"This model reads left to right: {names} {verb} after “{word}”, so “{word}” cannot look there."
