"""Filters that leave out weak weights or one text of a pair, and the sentences that say how much of a row they remove."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from attnviz.types import HiddenPart, Keep, Unit

REACHED = 1e-6  # of a row: a smaller difference of a sum is due to float32's rounding
_ORDINAL = ("first", "second")


def ends(
    queries: Sequence[Unit], keys: Sequence[Unit], between: str
) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " column"]] | None:
    """Return which rows and columns `between` leaves, as indices; None if it leaves everything.

    It needs two texts on both sides. If there is one, as in cross-attention, there is nothing to choose.
    """
    if not between or not paired(queries, keys):
        return None
    found = [
        np.array([at for at, unit in enumerate(side) if unit.segment == "ab".index(name)], np.intp)
        for side, name in zip((queries, keys), between.split("-"), strict=True)
    ]
    return found[0], found[1]


def paired(queries: Sequence[Unit], keys: Sequence[Unit]) -> bool:
    """Return whether both sides have the words of two texts."""
    return all({0, 1} <= {unit.segment for unit in side if not unit.special} for side in (queries, keys))


def strongest(weights: Float[np.ndarray, "*lead query key"], keep: Keep) -> Float[np.ndarray, "*lead query key"]:
    """Return the weights that `keep` shows, 0 for the others. Among equal weights, the earlier one in the text counts first."""
    if keep.rule == "least":
        return np.where(weights >= np.float32(keep.value), weights, np.float32(0.0))
    order = np.argsort(-weights, axis=-1, kind="stable")
    if keep.rule == "top":
        stays = np.broadcast_to(np.arange(weights.shape[-1]) < keep.value, weights.shape)
    else:
        largest = np.take_along_axis(weights, order, -1).astype(np.float64)
        sums = np.cumsum(largest, -1)
        stays = sums - largest < keep.value * sums[..., -1:] - REACHED  # not reached by those before it
    mask = np.zeros(weights.shape, bool)
    np.put_along_axis(mask, order, stays, -1)
    return np.where(mask, weights, np.float32(0.0))


def between_sentence(between: str, percent: str) -> str:
    """Return which part of a pair of texts is shown, and how much of a row goes elsewhere."""
    source, at = (_ORDINAL["ab".index(name)] for name in between.split("-"))
    target = "itself" if source == at else f"the {at}"
    gone = f"on average {percent} of a row goes to {HiddenPart.OTHER_TEXT.value} and is left out"
    return f"Only how the {source} text looks at {target} is shown: {gone}."


def keep_sentence(keep: Keep, percent: str) -> str:
    """Return which weights are shown, and how much of a row that leaves out."""
    if keep.rule == "least":
        what = f"Only weights of at least {keep.value:g} are shown"
    elif keep.rule == "top":
        what = (
            "Only the largest weight of a row is shown"
            if keep.value == 1
            else f"Only the {keep.value:g} largest weights of a row are shown"
        )
    else:
        what = f"Only the largest weights of a row, which together reach {100 * keep.value:g}\u202f% of it, are shown"
    return f"{what}: on average {percent} of a row is left out."
