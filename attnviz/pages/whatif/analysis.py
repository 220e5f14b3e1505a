"""How far two readings of a text are apart: as trained, and with one thing changed.

Rows of weights are compared by half the sum of their absolute differences: the part of the attention that has moved,
from 0 (the same row) to 1 (all of it elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.analysis.row_stats import entropy
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.types import HeadRef

Values = Mapping[str, str]  # checked value of each setting
ROUNDING = 1e-9  # between the rounding of float64, about 1e-15, and any effect of positions
ENTROPY_MARGIN = 0.005  # bits
NO_CHANGE = 5e-4  # what rounds to 0.000 is no change


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """One head of one layer, before and after. `number` is the head's; where all heads were joined, `after` has only one."""

    before: InterventionResult
    after: InterventionResult
    layer: int
    number: int

    @property
    def weights_before(self) -> Float[np.ndarray, "query key"]:
        """Return the head's weights before the change."""
        return self.before.weights[self.layer][self.number]

    @property
    def weights_after(self) -> Float[np.ndarray, "query key"]:
        """Return the head's weights after the change."""
        return self.after.weights[self.layer][self.head_after]

    @property
    def head_after(self) -> int:
        """Return the number of the head after the change: its own, or 0 where all heads were joined."""
        return min(self.number, len(self.after.weights[self.layer]) - 1)

    @property
    def comparable(self) -> bool:
        """Return whether both readings have the same keys, so that weights can be subtracted."""
        return self.before.keys == self.after.keys


def difference(pair: BeforeAfter) -> Float[np.ndarray, "query key"]:
    """Return after minus before."""
    return pair.weights_after - pair.weights_before


def total_variation(before: Float[np.ndarray, "*lead query key"], after: Float[np.ndarray, "*lead query key"]) -> np.ndarray:
    """Return the part of each row's attention that has moved to other keys, [*lead, query]."""
    return np.abs(after - before).sum(-1) / 2


def entropies(weights: Float[np.ndarray, "query key"]) -> Float[np.ndarray, " query"]:
    """Return the entropy of each row, in bits."""
    return entropy(weights)


def score_std(reading: InterventionResult, head: int) -> float:
    """Return the standard deviation of a row's visible scaled scores, averaged over rows with two or more of them."""
    rows = [row[seen] for row, seen in zip(reading.scaled[head], reading.seen, strict=True) if seen.sum() > 1]
    return float(np.mean([row.std() for row in rows])) if rows else 0.0


def softmax_slope(weight: float) -> float:
    """Return the slope of a weight by its score, w (1 - w): how far training can move it (0.25 at 1/2, 0 at 0 and 1)."""
    return weight * (1.0 - weight)


def newly_hidden(pair: BeforeAfter) -> Float[np.ndarray, " query"]:
    """Return how much each row gave to keys that are now hidden from it."""
    return np.where(pair.after.seen, 0.0, pair.weights_before).sum(-1)


def newly_visible(pair: BeforeAfter) -> Float[np.ndarray, " query"]:
    """Return how much each row gives to keys that were hidden from it before."""
    return np.where(pair.before.seen, 0.0, pair.weights_after).sum(-1)


def top_gain(pair: BeforeAfter, at: int) -> int | None:
    """Return the key that gains most in a row; None if none gains."""
    row = difference(pair)[at]
    best = int(np.argmax(row))
    return best if row[best] > NO_CHANGE else None


def state_change(pair: BeforeAfter) -> Float[np.ndarray, "state token"]:
    """Return how far each token's state has moved, relative to its length: after the embedding and after each layer."""
    before, after = pair.before.states, pair.after.states
    return np.linalg.norm(after - before, axis=-1) / np.linalg.norm(before, axis=-1)


def attention_change(pair: BeforeAfter) -> Float[np.ndarray, " layer"]:
    """Return how much attention has moved in each layer, averaged over heads and rows; NaN if it cannot be compared."""
    return np.array([
        float(total_variation(one, two).mean()) if one.shape == two.shape else np.nan
        for one, two in zip(pair.before.weights, pair.after.weights, strict=True)
    ])  # fmt: skip


def output_change(pair: BeforeAfter) -> Float[np.ndarray, " query"]:
    """Return how far the head's output for each token has moved, relative to its length."""
    before, after = pair.before.mix[pair.number], pair.after.mix[pair.head_after]
    if before.shape != after.shape:
        return np.full(len(before), np.nan)
    return np.linalg.norm(after - before, axis=-1) / np.linalg.norm(before, axis=-1)


def sentence(pair: BeforeAfter) -> float:
    """Return the cosine between both vectors of the whole text, each the mean of its tokens' final states."""
    one, two = (reading.output.astype(np.float64).mean(0) for reading in (pair.before, pair.after))
    return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))


def next_token_change(pair: BeforeAfter) -> float:
    """Return how much of the next token's probability has moved to other tokens, 0 to 1; 0 in an encoder."""
    return float(np.abs(pair.after.next - pair.before.next).sum() / 2)


def head_shares(reading: InterventionResult, at: int) -> Float[np.ndarray, " head"]:
    """Return each head's share of what all heads add to a token, measured by vector length."""
    lengths = reading.adds[:, at]
    total = float(lengths.sum())
    return lengths / total if total else lengths


def later(reading: InterventionResult) -> Bool[np.ndarray, "query key"]:
    """Return which keys stand after the query."""
    return np.triu(np.ones((len(reading.tokens), len(reading.keys)), bool), 1)


def intervention(id: str, values: Values, head: HeadRef, heads: int, family: str) -> Intervention:
    """Return the one change that an experiment makes."""
    layer = None if values.get("where", "all") == "all" else head.layer
    return CHANGES[id](values, head, heads, family, layer)


def _scale(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    return Intervention(scale=values["divide"] == "on", temperature=float(values["temperature"]), layer=layer)


def _mask(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    return Intervention(causal=family == "bert", layer=layer)


def _order(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    return Intervention(positions=values["positions"] == "on", causal=values["mask"] == "on")


def _heads(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    if values["pass"] == "join":
        return Intervention(one_head=True, layer=layer)
    kept = values["pass"] == "keep"
    return Intervention(heads=tuple(n for n in range(heads) if (n == head.head) == kept), layer=layer)


def _cross(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    return Intervention(layer=layer)  # only the backend knows the tokens of the other text


def _window(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    window = int(values["width"]) if values["pattern"] != "stride" else None
    return Intervention(window=window, stride=int(values["stride"]) if values["pattern"] != "window" else None, layer=layer)


def _zeroed(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    return Intervention(zeroed=(int(values["zeroed"]),), layer=layer)


CHANGES: dict[str, Callable[[Values, HeadRef, int, str, int | None], Intervention]] = {
    "scale": _scale, "mask": _mask, "order": _order, "heads": _heads, "cross": _cross, "window": _window, "zeroed": _zeroed,
}  # fmt: skip


def correct_answer(id: str, pair: BeforeAfter, at: int) -> int:
    """Return the right guess: an option's number, a token, or a head; the number of tokens where no guess is right."""
    if id == "scale":
        more = float(entropies(pair.weights_after)[at] - entropies(pair.weights_before)[at])
        return 0 if more > ENTROPY_MARGIN else 1 if more < -ENTROPY_MARGIN else 2
    if id == "mask":
        best = top_gain(pair, at)
        return len(pair.after.keys) if best is None else best
    if id == "heads":
        return int(np.argmax(pair.before.adds[:, at]))
    if id == "cross":
        return int(np.argmax(pair.weights_after[at]))
    if id == "window":
        return min(int(4 * newly_hidden(pair)[at]), 3)
    part = float(output_change(pair)[at])
    return 0 if part < 0.1 else 1 if part < 0.5 else 2


def equivariant(found: WordOrderResult) -> bool:
    """Return whether the weights of the shuffled words are the shuffled weights, up to rounding."""
    return found.double.weights < ROUNDING


def reaches_one(found: WordOrderResult) -> bool:
    """Return whether one weight differs by as much as a weight can, to three digits: by 1."""
    return found.double.weights > 0.9995


def order_explanation(found: WordOrderResult, values: Values) -> str:
    """Return why they are or are not: `set`, `mask`, `positions`, `both`, or `one` for a text without another order."""
    if found.order == tuple(range(len(found.order))):
        return "one"
    if equivariant(found):
        return "set"
    causes = [name for name in ("mask", "positions") if values[name] == "on"]
    return "both" if len(causes) == 2 else causes[0]
