"""Numbers behind the picture of each step of one head, for one token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from attnviz.engine.reference.head_steps import HeadSteps

LARGEST = 3  # products, or values, that the page names


@dataclass(frozen=True, eq=False)
class StepPicture:
    """Picture of a step: `vectors` in rows, `bars` one per token, coloured `words`, or the matrix of `seen` tokens.

    `sums` are vectors that add up to the last one and share one scale. Each row has a name and its numbers; bars of two
    rows stand side by side. `framed` holds the places of each row that the formula uses.
    """

    kind: str
    rows: tuple[tuple[str, np.ndarray], ...]
    framed: tuple[tuple[range, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class DotProduct:
    """Dot product of `left` and `right`; `order` sorts the places by the size of their product, largest first."""

    left: Float[np.ndarray, " place"]
    right: Float[np.ndarray, " place"]
    order: Int[np.ndarray, " place"]

    @property
    def products(self) -> Float[np.ndarray, " place"]:
        """Return the product at each place."""
        return self.left * self.right

    @property
    def largest(self) -> tuple[int, ...]:
        """Return the places of the largest products."""
        return tuple(int(rank) for rank in self.order[:LARGEST])

    @property
    def of_largest(self) -> float:
        """Return the sum of the largest products."""
        return float(self.products[list(self.largest)].sum())

    @property
    def total(self) -> float:
        """Return the dot product."""
        return float(self.products.sum())


def dot_product(left: Float[np.ndarray, " place"], right: Float[np.ndarray, " place"]) -> DotProduct:
    """Return the dot product of two vectors, with the products of largest absolute value first."""
    return DotProduct(left, right, np.argsort(-np.abs(left * right), kind="stable"))


def visible(one: HeadSteps, at: int) -> Bool[np.ndarray, " key"]:
    """Return which keys are visible from the query at `at`."""
    return np.isfinite(one.masked[at])


def best_key(one: HeadSteps, at: int) -> int:
    """Return the visible key with the highest score."""
    return int(np.argmax(one.masked[at]))


def rank(one: HeadSteps, at: int, key: int) -> int:
    """Return the rank of a key in the row of visible scores, from 1."""
    row = one.masked[at]
    return 1 + int((row > row[key]).sum())


def margin(one: HeadSteps, at: int) -> float:
    """Return the difference between the two highest scaled scores; 0 if there is only one."""
    row = np.sort(one.masked[at][visible(one, at)])
    return float(row[-1] - row[-2]) if len(row) > 1 else 0.0


def contributions(one: HeadSteps, at: int) -> Float[np.ndarray, "key dim"]:
    """Return what each token adds to the mix: its value times its weight."""
    return one.weights[at][:, None] * one.v


def largest_contributor(one: HeadSteps, at: int) -> int:
    """Return the token with the longest part of the mix."""
    return int(np.argmax(np.linalg.norm(contributions(one, at), axis=-1)))


def unscaled_weight(one: HeadSteps, at: int) -> float:
    """Return the weight that the best key would get if scores were not divided by sqrt(dim)."""
    raw = np.where(visible(one, at), one.scores[at], -np.inf).astype(np.float64)
    shares = np.exp(raw - raw.max())
    return float(shares.max() / shares.sum())


def cosine(one: HeadSteps, at: int) -> float:
    """Return the cosine between the token's embedding and the input of the layer."""
    start, now = one.embedded[at], one.input[at]
    return float(start @ now / (np.linalg.norm(start) * np.linalg.norm(now)))


def rotation(one: HeadSteps, at: int) -> tuple[int, float]:
    """Return the pair of query components that the rotary embedding moves most, and its angle in radians, 0 to 2 pi."""
    half = one.q.shape[1] // 2
    moved = np.hypot(*(one.q_rotated[at] - one.q[at]).reshape(2, half))
    pair = int(np.argmax(moved))
    return pair, float(at * one.base ** (-pair / half) % (2 * np.pi))


def picture(one: HeadSteps, at: int, step: str) -> StepPicture:
    """Return the picture of a step for the token at `at`."""
    return replace(PICTURES[step](one, at), framed=framed(one, at, step))


def component(one: HeadSteps, at: int, step: str) -> int:
    """Return the component in a step's formula: the one that position or attention changes most, else the largest."""
    if step == "position":
        return rotation(one, at)[0] if one.causal else int(np.argmax(np.abs(one.positions[at])))
    source = {"norm": one.normed, "mix": one.mix, "added": one.projected}.get(step, one.q)
    return int(np.argmax(np.abs(source[at])))


def framed(one: HeadSteps, at: int, step: str) -> tuple[tuple[range, ...], ...]:
    """Return the places of each row that are in the formula, or that belong to this head."""
    number, dim = component(one, at, step), one.q.shape[1]
    if step == "embedding":
        return (_at(0, 1, 2),)
    if step == "position" and one.causal:
        return (_at(number, number + dim // 2),) * 2
    if step == "qkv":
        return _at(*dot_product(one.query_map[number], one.projects[at]).largest), _at(number)
    if step == "product":
        return (_at(*dot_product(one.q_rotated[at], one.k_rotated[best_key(one, at)]).largest),) * 3
    if step == "heads":
        return ((range(one.head.head * dim, (one.head.head + 1) * dim),),)
    return (_at(number),) * {"position": 4, "norm": 2, "mix": LARGEST + 2, "added": 3}.get(step, 0)


def _at(*places: int) -> tuple[range, ...]:
    """Return single places as ranges."""
    return tuple(range(rank, rank + 1) for rank in places)


def _token_rows(*names: tuple[str, str], kind: str = "bars") -> Callable[[HeadSteps, int], StepPicture]:
    """Return a function that makes a picture of the token's rows in these arrays."""
    return lambda one, at: StepPicture(kind, tuple((label, getattr(one, name)[at]) for label, name in names))


def _vectors(*names: tuple[str, str]) -> Callable[[HeadSteps, int], StepPicture]:
    """Return a function that makes a picture of the token's vectors in these arrays."""
    return _token_rows(*names, kind="vectors")


def _position_picture(one: HeadSteps, at: int) -> StepPicture:
    """Return the added position vectors, or query and key before and after the rotation."""
    if one.causal:
        rotary = ("query", "q"), ("query, rotated", "q_rotated"), ("key", "k"), ("key, rotated", "k_rotated")
        return _vectors(*rotary)(one, at)
    names = ("word", "words"), ("position", "positions"), ("which text", "segments"), ("sum", "unnormed")
    return _token_rows(*names, kind="sums")(one, at)


def _product_picture(one: HeadSteps, at: int) -> StepPicture:
    """Return a query, a key, and their products."""
    found = dot_product(one.q_rotated[at], one.k_rotated[best_key(one, at)])
    token, other = (one.tokens[rank].text for rank in (at, best_key(one, at)))
    names = f"query of “{token}”", f"key of “{other}”", "products"
    return StepPicture("vectors", tuple(zip(names, (found.left, found.right, found.products), strict=True)))


def _mix_picture(one: HeadSteps, at: int) -> StepPicture:
    """Return the longest parts, the sum of all others, and the mix."""
    each = contributions(one, at)
    order = np.argsort(-np.linalg.norm(each, axis=-1), kind="stable")
    named = tuple((f"{one.weights[at, key]:.3f} × “{one.tokens[key].text}”", each[key]) for key in order[:LARGEST])
    others = (("all others", each[order[LARGEST:]].sum(0)),) if len(order) > LARGEST else ()
    return StepPicture("sums", (*named, *others, ("mix", one.mix[at])))


def _added_picture(one: HeadSteps, at: int) -> StepPicture:
    """Return the input, the output of attention, the sum, and the norm if one follows."""
    names = [("input", "input"), ("from attention", "projected"), ("sum", "added")]
    return _token_rows(*names, *([] if one.causal else [("after the norm", "added_norm")]), kind="sums")(one, at)


PICTURES: dict[str, Callable[[HeadSteps, int], StepPicture]] = {
    "embedding": _vectors(("word", "words")),
    "position": _position_picture,
    "norm": _vectors(("before the norm", "unnormed"), ("after the norm", "normed")),
    "input": _vectors(("embedding", "embedded"), ("input of the layer", "input")),
    "qkv": _vectors(("input", "projects"), ("query", "q"), ("key", "k"), ("value", "v")),
    "product": _product_picture,
    "scores": _token_rows(("score", "scores")),
    "scaled": _token_rows(("score", "scores"), ("divided", "scaled")),
    "mask": lambda one, at: StepPicture("seen", (("visible", np.isfinite(one.masked)),)),
    "softmax": _token_rows(("score, divided and masked", "masked"), ("share", "weights")),
    "weights": _token_rows(("weight", "weights"), kind="words"),
    "mix": _mix_picture,
    "heads": _vectors(("all heads side by side", "joined"), ("projected", "projected")),
    "added": _added_picture,
}
