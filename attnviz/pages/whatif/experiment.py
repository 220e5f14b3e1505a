"""What a reader has set in an experiment in; the change that it is in the forward pass, and which guess is right, out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.pages.whatif import analysis as whatif
from attnviz.pages.whatif.analysis import Pair
from attnviz.types import HeadRef

Values = Mapping[str, str]  # what each setting is set to, checked
SAME = 1e-9  # between the rounding of float64, some 1e-15, and anything that a position does
EVENER = 0.005  # bits


def change(id: str, values: Values, head: HeadRef, heads: int, family: str) -> Intervention:
    """The one thing that an experiment does otherwise."""
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
    return Intervention(layer=layer)  # the other text's tokens are known to the backend


def _window(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    window = int(values["width"]) if values["pattern"] != "stride" else None
    return Intervention(window=window, stride=int(values["stride"]) if values["pattern"] != "window" else None, layer=layer)


def _zeroed(values: Values, head: HeadRef, heads: int, family: str, layer: int | None) -> Intervention:
    return Intervention(zeroed=(int(values["zeroed"]),), layer=layer)


CHANGES: dict[str, Callable[[Values, HeadRef, int, str, int | None], Intervention]] = {
    "scale": _scale, "mask": _mask, "order": _order, "heads": _heads, "cross": _cross, "window": _window, "zeroed": _zeroed,
}  # fmt: skip


def right(id: str, pair: Pair, at: int) -> int:
    """The right guess: an option by number, a token, or a head; the number of tokens where nobody is right."""
    if id == "scale":
        more = float(whatif.bits(pair.changed)[at] - whatif.bits(pair.plain)[at])
        return 0 if more > EVENER else 1 if more < -EVENER else 2
    if id == "mask":
        gained = whatif.gained(pair, at)
        return len(pair.after.keys) if gained is None else gained
    if id == "heads":
        return int(np.argmax(pair.before.adds[:, at]))
    if id == "cross":
        return int(np.argmax(pair.changed[at]))
    if id == "window":
        return min(int(4 * whatif.outside(pair)[at]), 3)
    part = float(whatif.mixed(pair)[at])
    return 0 if part < 0.1 else 1 if part < 0.5 else 2


def follows(found: WordOrderResult) -> bool:
    """Whether the weights of the shuffled words are the shuffled weights, but for rounding."""
    return found.double.weights < SAME


def utmost(found: WordOrderResult) -> bool:
    """Whether one weight differs by as much as a weight can, to three digits: by 1."""
    return found.double.weights > 0.9995


def verdict(found: WordOrderResult, values: Values) -> str:
    """Why they are, or are not: `set`, `mask`, `positions`, `both`, or `one` for a text that has no other order."""
    if found.order == tuple(range(len(found.order))):
        return "one"
    if follows(found):
        return "set"
    told = [name for name in ("mask", "positions") if values[name] == "on"]
    return "both" if len(told) == 2 else told[0]
