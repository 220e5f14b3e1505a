"""Is a link specific: what the other words give the same target, and whether they look there too.

The other words of a link are all words that may see its target, without the source, the target itself and special tokens; in
a causal model only later words can. Weights are by words, as the link's own: to a word the sum over its pieces, from a word
their mean. In a layer with a sliding window, a word too far away gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from attnviz.analysis.row_stats import units_of
from attnviz.analysis.view import sides, summed
from attnviz.engine.block import Block
from attnviz.types import HeadRef, Pattern, Unit
from attnviz.view_state import ViewOptions

AS_MUCH = 0.5  # another word looks there too if it gives the target at least this part of what the source gives,
LEAST = 0.1  # and if both give at least this weight: less is too little to say that they look there
FEW = 3  # of fewer other words it is not said where they look
WEIGHTS_AT_ONCE = 2**24  # weights in memory at once, 64 MB,
ROWS_AT_ONCE = 512  # or so many rows of one layer: each call takes some time, however few they are
RULE = (
    "others: what the other words that may see the target give it, mean over them (not the source, the target itself or "
    "special tokens); difference: weight less others; everywhere: more than half of the other words, at least 3 in all, give "
    "the target at least half as much as the source does, and all of these and the source at least 0.1"
)


@dataclass(frozen=True, eq=False)
class OtherWords:
    """What the other words give the targets of some links, in some heads.

    `mean` is their mean weight, NaN where there is no other word; `looking` how many of them look there too; `n` how many
    there are.
    """

    mean: Float[np.ndarray, "*head"]
    looking: Int[np.ndarray, "*head"]
    n: Int[np.ndarray, "*link"]

    @property
    def everywhere(self) -> Bool[np.ndarray, "*head"]:
        """Whether more than half of the other words look at the target too."""
        return np.asarray((self.n >= FEW) & (2 * self.looking > self.n))


def beside(weight: str, others: str, n: int, looking: int, everywhere: bool, source: str) -> str:
    """Return in a sentence what the `n` other words give a target, and whether they look there too.

    `others` is their mean weight as text, `source` the source's word in quotation marks.
    """
    words = "the one other word gives" if n == 1 else f"the {n} other words give"
    who = (
        f"{'every word looks' if looking == n else 'most words look'} here, not only {source}: {words}" if everywhere else words
    )
    return f"{who[0].upper()}{who[1:]} {weight} {others} on average."


def other_words(part: Block, source: Sequence[int], target: Sequence[int]) -> tuple[Unit, ...]:
    """Return the other words of a link, whose source and target are given as tokens."""
    taken = {*source, *(target if part.queries == part.keys else ())}
    return tuple(
        word
        for word in sides(part, ViewOptions())[0]
        if not word.special and not taken.intersection(word.tokens) and (not part.causal or max(word.tokens) >= min(target))
    )


def compared(
    given: Float[np.ndarray, "*head word"], own: Float[np.ndarray, "*head"], among: Bool[np.ndarray, "*link word"]
) -> OtherWords:
    """Compare what each word gives each target with what the source gives, `own`; `among` says which words are the others."""
    n = np.asarray(among.sum(-1))
    sums = np.where(among, given, 0.0).sum(-1, dtype=np.float64)
    mean = np.where(n > 0, sums / np.maximum(n, 1), np.nan)
    enough = np.maximum(AS_MUCH * own, LEAST)
    too = among & (given >= enough[..., None]) & (np.asarray(own) >= LEAST)[..., None]
    return OtherWords(np.asarray(mean), np.asarray(too.sum(-1)), n)


def of_cell(pattern: Pattern, query: int, key: int) -> OtherWords:
    """Return what the other words of a pattern give one of its keys, beside one of its queries: single values, without axes.

    The pattern has all its weights: one that is filtered would lack what it leaves out.
    """
    queries, keys = units_of(pattern)
    own = queries[query].tokens, keys[key].tokens if queries == keys else ()
    among = np.array(
        [
            not unit.special and unit.tokens not in own and (not pattern.causal or unit.tokens[-1] >= keys[key].tokens[0])
            for unit in queries
        ],
        bool,
    )
    given = pattern.weights[:, key]
    return compared(given, np.asarray(given[query]), among)


def of_links(
    part: Block, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], head: HeadRef | None = None
) -> OtherWords:
    """Return what the other words give the targets in every head, `[layer, head, link]`; links are given as tokens.

    NaN in `mean` if a layer has fewer heads than another. Of one `head`, the first two axes have the length 1.
    """
    others = [other_words(part, source, target) for source, target in zip(sources, targets, strict=True)]
    words = tuple(dict.fromkeys(word for link in others for word in link))
    among = np.array([[word in link for word in words] for link in map(set, others)], bool).reshape(len(others), len(words))
    needed = sorted({token for side in (*sources, *(word.tokens for word in words)) for token in side})
    place = {token: at for at, token in enumerate(needed)}
    given = _given(part, needed, targets, head)  # layer head link place
    own = np.stack([given[..., at, [place[token] for token in source]].mean(-1) for at, source in enumerate(sources)], -1)
    here = [replace(word, tokens=tuple(place[token] for token in word.tokens)) for word in words]
    pieces = np.array([len(word.tokens) for word in words], np.float32)
    return compared(summed(given, here, -1) / pieces, own, among)


def _given(
    part: Block, queries: Sequence[int], targets: Sequence[Sequence[int]], head: HeadRef | None
) -> Float[np.ndarray, "layer head link place"]:
    """Return what some queries give the tokens of each target: all layers at once, those of a long text one by one."""
    ends = [Unit("", 0, 0, tuple(target)) for target in targets]
    if head is not None:
        rows = part.weights(head.layer, head.head)[list(queries)]
        return summed(rows, ends, -1).T[None, None]
    found = np.full((part.layers, part.heads, len(targets), len(queries)), np.nan, np.float32)
    one = part.heads * len(part.keys)  # weights of one query in one layer
    together = part.layers * one * len(queries) <= WEIGHTS_AT_ONCE
    few = len(queries) if together else max(ROWS_AT_ONCE, WEIGHTS_AT_ONCE // one)
    for first in range(0, part.layers, part.layers if together else 1):
        some = part if together else replace(part, calls=part.calls[first : first + 1])
        for at in range(0, len(queries), few):
            for layer, rows in enumerate(some.rows(queries[at : at + few]), first):  # head row key
                found[layer, : len(rows), :, at : at + few] = summed(rows, ends, -1).swapaxes(1, 2)
    return found
